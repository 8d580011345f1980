/*
 * The Date field (RFC 9110 section 6.6.1), computed once a second and without
 * a time-zone file.
 */
#ifndef API_WORKER_HTTP_DATE_H
#define API_WORKER_HTTP_DATE_H

#include <stdint.h>

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */

/* wall_ms: since 1970, up to the year 9999. */
void http_date(int64_t wall_ms, char out[HTTP_DATE_SIZE]);

/* The present date; valid until the next call. */
const char *http_date_now(void);

#endif

/*
 * One line of the log for each request.
 */
#ifndef API_WORKER_ACCESS_LOG_H
#define API_WORKER_ACCESS_LOG_H

#include "api-worker/exchange.h"

/* struct http_app's answered.  Neither query nor fields are logged: they may
 * hold secrets. */
void access_log(const struct exchange *x);

#endif

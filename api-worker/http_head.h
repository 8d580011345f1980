/*
 * Lines of a request head (RFC 9112 sections 3 and 5) and what its fields say
 * about the rest of the message (RFC 9112 section 6, RFC 9110).  Only
 * api-worker/http_parser.c uses it.
 *
 * Each function returns NULL or the reason for refusing the request.
 */
#ifndef API_WORKER_HTTP_HEAD_H
#define API_WORKER_HTTP_HEAD_H

#include "api-worker/http_parser.h"
#include "api-worker/http_request.h"

/* [at, at + len) is the line in r->head, without its CRLF. */
const struct http_error *http_head_request_line(struct http_request *r, size_t at,
    size_t len);
const struct http_error *http_head_field_line(struct http_request *r, size_t at, size_t len);

/* After the empty line: framing, Host, Expect, Connection. */
const struct http_error *http_head_complete(struct http_request *r);

#endif

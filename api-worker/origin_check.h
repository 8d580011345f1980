/*
 * Where a browser's request comes from: the Fetch standard's Origin and
 * Sec-Fetch-Site.  A request with neither comes from no browser.
 */
#ifndef API_WORKER_ORIGIN_CHECK_H
#define API_WORKER_ORIGIN_CHECK_H

#include "api-worker/http_request.h"

/* May this request change something?  frontend: the one other origin that may
 * ("https://host:port"; at is NULL when there is none). */
bool origin_may_change(const struct http_request *r, struct http_text frontend);

/* The request's Origin is the frontend's: the answer may be read by it. */
bool origin_is_frontend(const struct http_request *r, struct http_text frontend);

/* The origin of a URL: scheme, "://", authority; at is NULL when it has none. */
struct http_text origin_of_url(struct http_text url);

#endif

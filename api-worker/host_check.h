/*
 * Which Host a request may name (against DNS rebinding): loopback names,
 * addresses (a rebound name is never one), and the names that the operator
 * configured.
 */
#ifndef API_WORKER_HOST_CHECK_H
#define API_WORKER_HOST_CHECK_H

#include "api-worker/http_target.h"

/* names: lower or upper case, without port.  Any port is accepted. */
bool host_is_allowed(struct http_text host, const struct http_text *names, size_t nnames);

#endif

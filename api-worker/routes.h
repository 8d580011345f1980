/*
 * The one table of routes, and the checks that every request passes before its
 * handler is called.
 *
 * Paths are compared byte by byte with what the client sent: nothing is
 * decoded, so no variant of a path reaches a handler.
 */
#ifndef API_WORKER_ROUTES_H
#define API_WORKER_ROUTES_H

#include "api-worker/exchange.h"
#include "ipc/permissions.h"

enum route_where {
	ROUTE_TCP = 1,
	ROUTE_CONTROL = 2,
	ROUTE_ANYWHERE = 3,
};

enum route_body {
	ROUTE_NO_BODY, /* read and forgotten */
	ROUTE_JSON,
};

struct route {
	enum http_method method; /* GET is HEAD too */
	const char *path;        /* one segment may be ":name" and stands for any */
	unsigned where;          /* mask of enum route_where; who reaches the control
	                          * socket is root or the daemon's user, says the kernel */
	enum permission permission;
	enum route_body body;
	uint32_t body_max;       /* bytes */
	exchange_handler *handle;
};

extern const struct route routes[];
extern const size_t routes_count;

/* The route of method and path on a listener; one without a parameter goes before
 * one with.  *param is what stands for the parameter.  NULL: none; *methods is then
 * the mask of the methods that the path has there, 0 when it does not exist. */
const struct route *route_find(enum http_method method, struct http_text path,
    enum ipc_listener_kind listener, unsigned *methods, struct http_text *param);

/* struct http_app's route: chooses the handler of x. */
void route_exchange(struct exchange *x);

#endif

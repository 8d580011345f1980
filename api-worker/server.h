/*
 * The HTTP server: accepts on inherited listening sockets, keeps the caps, and
 * gives each connection (api-worker/connection.h) its deadlines.
 */
#ifndef API_WORKER_SERVER_H
#define API_WORKER_SERVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "api-worker/exchange.h"
#include "base/err.h"
#include "ipc/messages.h"

struct http_server;

/* What is done with requests. */
struct http_app {
	/* The head is complete: sets handler, body_max, store_body, and may add
	 * fields to the answer.  Never answers itself. */
	void (*route)(struct exchange *x);
	/* Has been answered: for the access log.  status 0: without an answer. */
	void (*answered)(const struct exchange *x);
	void *arg; /* x->app */
};

#define REFUSALS_MAX 64 /* connections over a cap that are being told so */

struct http_limits {
	unsigned max_connections;             /* over TCP */
	unsigned max_connections_per_address;
	uint32_t header_timeout_ms;
	uint32_t body_timeout_ms;
	uint32_t idle_timeout_ms;
	uint32_t write_timeout_ms;
	uint32_t control_uid; /* who may use the control socket, beside root */
};

/* ERR_NOMEM. */
int http_server_new(struct http_server **out, struct event_base *base,
    const struct http_app *app, const struct http_limits *limits, struct err *e);
void http_server_free(struct http_server *s);

/* For new connections and new phases of those that are there. */
void http_server_set_limits(struct http_server *s, const struct http_limits *limits);

/* Takes over fd, a listening socket, and makes it non-blocking.  ERR_INVALID,
 * ERR_NOMEM. */
int http_server_add_listener(struct http_server *s, int fd, enum ipc_listener_kind kind,
    bool loopback, struct err *e);

/* Accepts from now on. */
void http_server_start(struct http_server *s);

/* Accepts no more, closes idle connections, lets the others finish, and calls
 * done when none is left. */
void http_server_drain(struct http_server *s, void (*done)(void *arg), void *arg);

#endif

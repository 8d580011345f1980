/*
 * One request and its answer, as a handler sees them.
 *
 * A handler answers exactly once, by answer() or one of its forms, now or
 * later; until then the connection waits and is never closed, so that an
 * exchange stays valid until it is answered and not after.
 */
#ifndef API_WORKER_EXCHANGE_H
#define API_WORKER_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "api-worker/http_parser.h"
#include "base/buf.h"
#include "ipc/messages.h"

#define EXCHANGE_ID_MAX 64

struct connection;
struct exchange;

typedef void exchange_handler(struct exchange *x);

struct exchange {
	struct http_parser parser;
	/* Set by the application when the head is complete: */
	exchange_handler *handler;
	uint64_t body_max;
	bool store_body; /* else it is read and forgotten */
	const void *route;
	struct http_text param; /* what the route's ":name" stands for; in the head */

	/* The running request to the db-worker (ask.h), and what it needs later: */
	void (*on_reply)(struct exchange *x, const struct msg *reply);
	unsigned ask_flags;
	exchange_handler *go_on;
	void *state;
	void (*free_state)(void *state); /* after the answer; NULL when there is none */

	void *app;                       /* of struct http_app */
	enum ipc_listener_kind listener; /* where the request came in */
	bool loopback;                   /* that listener is reachable from here only */
	char id[EXCHANGE_ID_MAX + 1];
	const char *peer;                /* address, for the log */

	/* What the answer adds to the usual fields: */
	struct buf fields;         /* whole lines, each with its CRLF */
	const char *cache_control; /* NULL: no-store */
	bool close;                /* end the connection after it */

	/* After the answer: */
	bool answered;
	int status;
	size_t content_length;
	int64_t started_us; /* when the head was complete; monotonic */

	/* The connection's: */
	struct connection *connection;
	struct buf out;     /* answers not yet sent */
	struct buf pending; /* bytes that came while the handler was at work */
	bool running;       /* the handler was called */
	size_t accounted;   /* bytes of the body in the server's sum */
	struct exchange *next;
};

/* It came over a loopback listener or the control socket, and not from a network. */
static inline bool exchange_is_local(const struct exchange *x)
{
	return x->listener == IPC_LISTEN_CONTROL || x->loopback;
}

static inline const struct http_request *exchange_request(const struct exchange *x)
{
	return &x->parser.request;
}

/* Reason phrase of a status code. */
const char *http_reason(int status);

/* Adds a field to the answer to come.  The value must be a valid one. */
void answer_field(struct exchange *x, const char *name, const char *value);

/* type: of the body; it is copied.  len 0 with type NULL: no body. */
void answer(struct exchange *x, int status, const char *type, const void *body, size_t len);

/* A JSON text in a buffer, which is emptied; 503 when it did not fit. */
void answer_json_buf(struct exchange *x, int status, struct buf *json);

/* A JSON text. */
void answer_json(struct exchange *x, int status, const char *json);

/* {"error":reason phrase,"message":…,"statusCode":…}; with Retry-After on 503. */
void answer_error(struct exchange *x, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* {"error":"Bad Request","message":…,"statusCode":400,"success":false} */
void answer_invalid(struct exchange *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* {"error":text,"success":false} */
void answer_refused(struct exchange *x, int status, const char *text);

/* ---- for the server ---- */

struct exchange *exchange_new(void);
void exchange_free(struct exchange *x);

/* Ready for the next request of the same connection. */
void exchange_reset(struct exchange *x);

/* Gives it an id: the client's X-Request-Id if that is harmless, or a new one. */
void exchange_name(struct exchange *x);

#endif

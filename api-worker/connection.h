/*
 * One connection, and what it shares with its server.
 *
 * A connection is in exactly one phase; phases with a time limit are queues in
 * the order of entry (phases.h), so that one timer serves all connections.
 */
#ifndef API_WORKER_CONNECTION_H
#define API_WORKER_CONNECTION_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "api-worker/exchange.h"
#include "api-worker/server.h"
#include "api-worker/peers.h"
#include "api-worker/phases.h"

#define CONNECTION_ADDRESS_SIZE 64
#define HTTP_READ_SIZE 16384

struct http_listener {
	struct http_server *server;
	int fd;
	enum ipc_listener_kind kind;
	bool loopback;
	struct event acceptable;
};

struct connection {
	struct phased phased;
	struct http_server *server;
	const struct http_listener *listener;
	int fd;
	bool reading;    /* readable is watched */
	bool writing;    /* writable is watched */
	bool processing; /* process() is at work: answers are taken up there */
	bool closing;    /* nothing is taken any more; close when all is sent */
	bool renewed;    /* another request began since the phase was set */
	struct event readable, writable;
	struct peer *peer;
	unsigned *counter;       /* of the server, where it is counted */
	struct exchange *x;      /* NULL while idle */
	int64_t write_since_ms;  /* when the answers began to wait */
	size_t lingered;         /* bytes dropped after the last answer */
	char address[CONNECTION_ADDRESS_SIZE];
};

/* Starts a connection on fd, which it takes over.  ERR_NOMEM. */
int connection_new(struct http_server *s, const struct http_listener *l, int fd,
    struct peer *peer, const char *address, struct err *e);

/* Answers with an error before anything was read, then closes. */
void connection_refuse(struct http_server *s, const struct http_listener *l, int fd,
    const char *address, int status, const char *text);

/* Its time in the phase is over. */
void connection_expired(struct connection *c);

/* The server drains: closes it if nothing is in flight. */
void connection_drain(struct connection *c);

/* x->answered has become true. */
void connection_answered(struct connection *c);

/* ---- the server, as its connections see it ---- */

struct http_server {
	struct event_base *base;
	struct http_app app;
	struct http_limits limits;
	struct phases phases;
	struct peers *peers;
	struct http_listener **listeners;
	size_t nlisteners;
	bool accepting;
	bool paused; /* out of descriptors */
	struct event pause_timer;
	unsigned nconnections[2]; /* by enum ipc_listener_kind */
	unsigned nrefused;        /* connections that are only told so */
	size_t body_bytes;        /* of all bodies in memory */
	struct exchange *free_exchanges;
	unsigned nfree;
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
	char buffer[HTTP_READ_SIZE]; /* for one read at a time */
};

/* NULL when memory ran out. */
struct exchange *http_server_take_exchange(struct http_server *s);
void http_server_give_exchange(struct http_server *s, struct exchange *x);

/* After a connection was freed. */
void http_server_connection_gone(struct http_server *s);

#endif

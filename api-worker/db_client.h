/*
 * Requests to the db-worker.
 *
 * They go over the newest data channel.  While there is none (the db-worker is
 * being replaced) they are held, bounded in number and time.  When the
 * db-worker dies, requests that change nothing (MSG_RESEND) are sent again to
 * the next one, for the others the outcome is unknown and they are told so.
 * After goaway nothing more is sent on a channel, but what was sent is
 * answered.
 */
#ifndef API_WORKER_DB_CLIENT_H
#define API_WORKER_DB_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/messages.h"

struct db_client;

struct db_request {
	/* Called exactly once, from the event loop, unless db_client_send failed.
	 * reply is the message of type reply_type, or NULL and e says why:
	 *   ERR_UNAVAILABLE  it was never sent, or the database cannot be used
	 *   ERR_CLOSED       the db-worker ended before it answered: unknown
	 *   ERR_TIMEOUT      no answer in time: unknown
	 *   any other        the db-worker's own failure, with its sentence */
	void (*done)(void *arg, const struct msg *reply, const struct err *e);
	/* Asked right before it is sent, which may be later; 0, or the code with
	 * which done is called instead.  May be NULL. */
	int (*still_wanted)(void *arg, struct err *e);
	void *arg;
	enum ipc_type reply_type;
	uint32_t timeout_ms; /* in all, holding included */
};

/* ERR_NOMEM. */
int db_client_new(struct db_client **out, struct event_base *base, uint32_t hold_timeout_ms,
    struct err *e);
void db_client_free(struct db_client *c);
void db_client_set_hold_timeout(struct db_client *c, uint32_t ms);

/* Sends m, a MSG_REQUEST whose id is set here, or holds it.  ERR_UNAVAILABLE when
 * the database has a problem; ERR_FULL when too many are held; ERR_NOMEM. */
int db_client_send(struct db_client *c, struct msg *m, const struct db_request *r,
    struct err *e);

/* A new data channel; takes over fd.  ERR_INVALID, ERR_NOMEM. */
int db_client_add_channel(struct db_client *c, int fd, struct err *e);

/* True while requests can be sent at once. */
bool db_client_connected(const struct db_client *c);

/* Called when db_client_connected may have changed. */
void db_client_on_change(struct db_client *c, void (*changed)(void *arg), void *arg);

/* While set, no request is taken and none held: text (copied) is for the
 * client.  NULL: the database can be used. */
void db_client_set_problem(struct db_client *c, const char *text);

#endif

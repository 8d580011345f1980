/*
 * Requests from the api-workers: data channels, the steps of each message, and
 * replies in whatever order they are done.
 *
 * A request whose message carries a credential is authorized before its first
 * step.  Steps run on executor threads, one after the other; what one leaves for
 * the next it keeps in `state`.
 *
 * Flow control: a channel is not read while its replies are not taken or too
 * many of its requests run.
 */
#ifndef DB_WORKER_REQUESTS_H
#define DB_WORKER_REQUESTS_H

#include <stdbool.h>

#include "db-worker/authorize.h"
#include "db-worker/executor.h"
#include "db-worker/sql.h"
#include "ipc/channel.h"

struct event_base;
struct request;
struct requests;
struct services;

enum step_kind {
	STEP_END,   /* no more steps */
	STEP_FREE,  /* without a connection, or leases one itself */
	STEP_HASH,  /* long and much memory: few at a time */
	STEP_READ,  /* with a read-only connection */
	STEP_WRITE, /* with the writer, in a transaction that other requests share; on
	             * failure all that the step wrote is undone.  May run again. */
};

struct step {
	enum step_kind kind;
	void (*run)(struct request *q);
};

#define STEPS_MAX 4

struct request_handler {
	enum ipc_type type;
	struct step steps[STEPS_MAX + 1];
};

/* What a transaction changed, for the caches. */
enum change { CHANGED_SETTINGS = 1, CHANGED_ACCOUNTS = 2, CHANGED_HAS_ACCOUNTS = 4 };

/* What a step works with. */
struct request {
	struct job job;
	struct requests *requests;
	struct data_channel *channel;
	struct request *next; /* the write group's */
	struct services *services;
	const struct step *step;
	bool authorized;
	struct msg in;        /* owned by the request */
	struct msg reply;     /* to fill; its id is set */
	struct identity caller;
	struct db db;         /* during STEP_READ and STEP_WRITE */
	void *state;          /* from request_alloc */
	unsigned changed;     /* mask of enum change, set by a STEP_WRITE */
	int code;             /* negative: error is sent instead of reply */
	struct err error;
	struct request_memory *memory;
};

/* handlers ends with a zeroed row.  changed is called on the main thread whenever a
 * request was answered or a channel ended. */
int requests_new(struct requests **out, struct event_base *base, struct executor *x,
    const struct request_handler *handlers, struct services *services,
    void (*changed)(void *context), void *context, struct err *e);
void requests_free(struct requests *r);

/* Takes over fd, one end of a data channel. */
int requests_add_channel(struct requests *r, int fd, struct err *e);

/* Sends goaway on every channel, also on those that come later. */
void requests_drain(struct requests *r);

/* True when nothing runs and, while draining, every channel has ended. */
bool requests_are_done(const struct requests *r);

/* ---- for steps ---- */

/* Memory that lives as long as the request and is wiped with it.  NULL, and the
 * request fails, when there is none. */
void *request_alloc(struct request *q, size_t size);

/* A copy of text; NULL for NULL. */
const char *request_text(struct request *q, const char *text);

/* The request fails with that code and sentence. */
void request_fail(struct request *q, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The request fails as e says, a value of the request's own error included. */
void request_fail_with(struct request *q, const struct err *e);

#endif

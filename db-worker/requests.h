/*
 * Requests from the api-workers: data channels, a table of handlers by message,
 * replies in whatever order they are done.
 *
 * Flow control: a channel is not read while its replies are not taken or too
 * many of its requests run.
 */
#ifndef DB_WORKER_REQUESTS_H
#define DB_WORKER_REQUESTS_H

#include <stdbool.h>

#include "db-worker/executor.h"
#include "ipc/channel.h"

struct event_base;
struct request;
struct requests;

/* What a handler works with; runs on an executor thread. */
struct request {
	struct job job;
	struct requests *requests;
	struct data_channel *channel;
	struct msg in;     /* owned by the request */
	struct msg reply;  /* to fill; its id is set */
	/* Frees what reply points to; NULL when that is nothing. */
	void (*release)(struct request *r);
	void *memory;      /* for release */
	int code;          /* negative: error is sent instead of reply */
	struct err error;
	void *context;     /* of requests_new */
	void (*handle)(struct request *r);
};

struct request_handler {
	enum ipc_type type;
	void (*handle)(struct request *r);
};

/* handlers ends with a NULL handle.  changed is called on the main thread
 * whenever a request was answered or a channel ended. */
int requests_new(struct requests **out, struct event_base *base, struct executor *x,
    const struct request_handler *handlers, void *context, void (*changed)(void *context),
    struct err *e);
void requests_free(struct requests *r);

/* Takes over fd, one end of a data channel. */
int requests_add_channel(struct requests *r, int fd, struct err *e);

/* Sends goaway on every channel, also on those that come later. */
void requests_drain(struct requests *r);

/* True when nothing runs and, while draining, every channel has ended. */
bool requests_are_done(const struct requests *r);

#endif

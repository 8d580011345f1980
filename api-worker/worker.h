/*
 * What an api-worker consists of.  The one header that its own files share.
 */
#ifndef API_WORKER_WORKER_H
#define API_WORKER_WORKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "api-worker/db_client.h"
#include "api-worker/db_view.h"
#include "api-worker/exchange.h"
#include "api-worker/server.h"
#include "api-worker/config.h"
#include "api-worker/supervisor_link.h"

struct setup_wait;

struct worker {
	struct event_base *base;
	struct config config;
	struct http_server *server;
	struct db_client *db;
	struct db_view view;
	struct supervisor_link *supervisor;
	TAILQ_HEAD(, setup_wait) setups; /* that wait for the database (db_setup.c) */
	bool ready;                      /* said so: the first db_state came */
	bool stop;
	int exit_status;
};

static inline struct worker *worker_of(const struct exchange *x)
{
	return x->app;
}

void worker_init(struct worker *w);

/* After an end of the loop without connections; those are left to the end of
 * the process. */
void worker_free(struct worker *w);

/* Makes the event loop and what hangs on it, by w->config.  Nothing is
 * accepted yet.  ERR_INVALID, ERR_NOMEM. */
int worker_open(struct worker *w, struct err *e);

/* Runs until worker_stop; takes over the control channel. */
int worker_loop(struct worker *w, struct channel *control, struct err *e);

/* Ends the main loop. */
void worker_stop(struct worker *w, int exit_status);

#endif

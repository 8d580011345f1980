/*
 * Executor threads: jobs run beside the main loop, which only learns that they
 * are done.  The threads are made once, before the seccomp filter forbids it.
 *
 * One shared queue and several threads, so that a slow job never stops the
 * others; what must be alone (writes) takes the lease of database.h.
 */
#ifndef DB_WORKER_EXECUTOR_H
#define DB_WORKER_EXECUTOR_H

#include <stddef.h>

#include "base/err.h"

struct executor;

struct job {
	void (*run)(struct job *j);  /* on an executor thread */
	void (*done)(struct job *j); /* on the thread that calls executor_complete; may free j */
	struct job *next;            /* the executor's */
};

/* Starts n threads; at most max_queued jobs wait.  ERR_NOMEM, ERR_IO. */
int executor_new(struct executor **out, unsigned n, size_t max_queued, struct err *e);

/* Waits for running jobs, runs `done` of all that were run, drops what still
 * waits (its `done` is called too, without `run`). */
void executor_free(struct executor *x);

/* Readable when finished jobs wait for executor_complete. */
int executor_fd(const struct executor *x);

/* ERR_FULL when max_queued jobs wait. */
int executor_submit(struct executor *x, struct job *j);

/* Calls `done` of all finished jobs. */
void executor_complete(struct executor *x);

#endif

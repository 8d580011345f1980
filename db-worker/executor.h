/*
 * Executor threads: jobs run beside the main loop, which only learns that they
 * are done.  The threads are made once, before the seccomp filter forbids it.
 *
 * Several threads take the jobs in the order in which they came, so that a slow
 * job never stops the others.  Of the kinds that would soon hold every thread only
 * a few run at a time, and the others wait without a thread: writes, which need the
 * one writer of database.h (a thread of their own would idle most of the time, and
 * an interactive transaction, which holds the lease across jobs, needs the lease
 * anyway), and hashing of passwords, which takes long and much memory.
 */
#ifndef DB_WORKER_EXECUTOR_H
#define DB_WORKER_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct executor;

enum job_kind {
	JOB_ANY,   /* takes no lease of the writer, or holds it already */
	JOB_WRITE, /* takes the lease of the writer and gives it back; one at a time */
	JOB_HASH,  /* needs no connection but much time and memory; two at a time */
	JOB_KINDS
};

struct job {
	void (*run)(struct job *j);  /* on an executor thread */
	void (*done)(struct job *j); /* on the thread that calls executor_complete; may free j */
	enum job_kind kind;          /* zeroed: JOB_ANY */
	bool cancelled;              /* in `done`: run was never called */
	struct job *next;            /* the executor's, as what follows */
	uint64_t number;
};

/* Starts n threads (at least 1) with all signals blocked but those that a fault of
 * their own raises; at most max_queued jobs wait.  ERR_INVALID, ERR_NOMEM, ERR_IO. */
int executor_new(struct executor **out, unsigned n, size_t max_queued, struct err *e);

/* Waits for running jobs, calls `done` of all that were run, and then of what still
 * waited, as cancelled.  NULL is fine.  On the thread of executor_complete. */
void executor_free(struct executor *x);

/* Readable when finished jobs wait for executor_complete. */
int executor_fd(const struct executor *x);

/* From any thread.  ERR_FULL when max_queued jobs wait. */
int executor_submit(struct executor *x, struct job *j);

/* Calls `done` of all finished jobs, in the order in which they finished. */
void executor_complete(struct executor *x);

#endif

/*
 * Group commit: the writing steps that wait at the same time run in one
 * transaction, each inside a savepoint of its own, and share its fsync.  One that
 * fails is undone alone.
 */
#ifndef DB_WORKER_WRITE_GROUP_H
#define DB_WORKER_WRITE_GROUP_H

#include "db-worker/requests.h"

struct write_group;

/* done is called on the main thread for each request, when its change is durable or
 * its code says why not. */
int write_group_new(struct write_group **out, struct executor *x, struct services *services,
    void (*done)(struct request *q), struct err *e);
void write_group_free(struct write_group *g);

/* The request's current step, a STEP_WRITE, runs with the next group. */
void write_group_add(struct write_group *g, struct request *q);

#endif

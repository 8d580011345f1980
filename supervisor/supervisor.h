/*
 * The supervisor: the process table, what workers ask of it, the state of the
 * database as it is told to the api-workers, reload and the end.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "base/err.h"
#include "supervisor/config.h"
#include "supervisor/data_dir.h"
#include "supervisor/listen.h"

struct event_base;
struct supervisor;

/* Takes over config, data_dir and listeners.  ERR_CONFIG when a worker's program
 * is not installed; ERR_NOMEM. */
int supervisor_new(struct supervisor **out, struct event_base *base, struct config *config,
    struct data_dir *data_dir, struct listeners *listeners, struct err *e);
void supervisor_free(struct supervisor *s);

/* Starts all workers. */
void supervisor_start(struct supervisor *s);

/* As SIGHUP: reads the configuration and the selection again and replaces the
 * db-worker.  Calls that come while one is running are served by one more. */
void supervisor_reload(struct supervisor *s);

/* As SIGTERM: drains the api-workers, then the db-worker, then ends the loop.
 * Called again: ends at once. */
void supervisor_stop(struct supervisor *s);

/* As SIGCHLD. */
void supervisor_reap(struct supervisor *s);

/* Once a second: heartbeats.  Forgives its own pauses. */
void supervisor_tick(struct supervisor *s);

#endif

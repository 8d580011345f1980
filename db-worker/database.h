/*
 * The active connection: of the engine in use, one connection that writes and
 * checkpoints, leased in fair order, and read-only ones beside it.
 *
 * Everything that wants the database leases a connection for as long as it
 * needs it and gives it back; nothing keeps one.
 */
#ifndef DB_WORKER_DATABASE_H
#define DB_WORKER_DATABASE_H

#include "db-worker/driver.h"

struct database;

/* Opens the writer first (a reader of a WAL database needs its shared memory),
 * then nreaders read-only connections.  o->read_only is ignored. */
int database_open(struct database **out, const struct driver *driver,
    const struct conn_options *o, unsigned nreaders, struct err *e);

/* Nothing may be leased any more. */
void database_close(struct database *db);

const struct driver *database_driver(const struct database *db);

/* Waits in the queue until the deadline (monotonic ms).  The connection, or NULL
 * and ERR_UNAVAILABLE in e. */
struct conn *database_lease_writer(struct database *db, int64_t deadline_ms, struct err *e);
struct conn *database_lease_reader(struct database *db, int64_t deadline_ms, struct err *e);

/* Rolls back what the lease left open. */
void database_return(struct database *db, struct conn *c);

/* False when the file was deleted or replaced under the open connection.  May be
 * called while connections are leased. */
bool database_is_current(struct database *db);

#endif

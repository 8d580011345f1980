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

#define DATABASE_READERS_MAX 8

/* Opens the writer first (a reader of a WAL database needs its shared memory),
 * then nreaders read-only connections, at most DATABASE_READERS_MAX.
 * o->read_only is ignored.  Codes of the driver's open; ERR_NOMEM. */
int database_open(struct database **out, const struct driver *driver,
    const struct conn_options *o, unsigned nreaders, struct err *e);

/* NULL is fine.  Nothing may be leased any more. */
void database_close(struct database *db);

const struct driver *database_driver(const struct database *db);

/* Waits in the queue until the deadline (monotonic ms; one that has passed does
 * not wait).  Who came first is served first.  The connection, or NULL and
 * ERR_UNAVAILABLE in e.  From any thread.
 *
 * What waits for the writer holds its executor thread: submit it as JOB_WRITE
 * (executor.h). */
struct conn *database_lease_writer(struct database *db, int64_t deadline_ms, struct err *e);
struct conn *database_lease_reader(struct database *db, int64_t deadline_ms, struct err *e);

/* Resets the connection: rolls back what the lease left open, for instance. */
void database_return(struct database *db, struct conn *c);

/* False when the file was deleted or replaced under the open connections: what
 * they acknowledge would be lost, so the process must end.  Never waits. */
bool database_is_current(struct database *db);

/* The longest time in ms by which a running statement has passed its deadline.
 * Statements end at their deadline but for single calls of functions of SQL (LIKE
 * on a huge text), which nothing can stop: past some seconds end the process.
 * Never waits. */
int64_t database_overdue_ms(struct database *db);

#endif

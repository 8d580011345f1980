/*
 * Private to the sqlite driver's files: the connection, and how its calls begin,
 * end and fail.
 */
#ifndef DB_WORKER_SQLITE_CONN_H
#define DB_WORKER_SQLITE_CONN_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "db-worker/driver.h"
#include "db-worker/sqlite_authorizer.h"

struct file_id {
	bool known;
	dev_t dev;
	ino_t ino;
};

struct conn {
	sqlite3 *db;
	char *path;
	struct file_id file, wal; /* as they were when opened */
	bool read_only;
	int64_t max_rows, max_bytes;
	_Atomic int64_t deadline_ms; /* of the running call; 0: none */
	int64_t busy_until_ms;
	bool timed_out;
	atomic_bool interrupted;
	struct sqlite_policy policy;
};

/* Every entry of the driver that runs SQL is between these two.  deadline_ms as
 * in driver.h. */
void sqlite_call_begin(struct conn *c, int64_t deadline_ms);
void sqlite_call_end(struct conn *c);

/* Runs text that is the driver's own; no deadline of its own. */
int sqlite_run_text(struct conn *c, const char *sql, struct err *e);

/* The code and sentence for rc, which an SQLite function on c just returned.
 * Marks the process fatal (driver_is_fatal) after a failed fsync. */
int sqlite_fail(struct conn *c, int rc, struct err *e);
bool sqlite_is_failed_sync(int rc);

/* ---- sqlite_statement.c ---- */

/* As execute of driver.h, within a call. */
int sqlite_statement_run(struct conn *c, const struct statement *s, struct result *out,
    struct err *e);
int sqlite_script_run(struct conn *c, const char *sql, size_t len, struct err *e);
int sqlite_statement_describe(struct conn *c, const char *sql, struct result *out,
    size_t *nparams, struct err *e);

/* ---- sqlite_result.c ---- */

/* Makes r's memory and copies the column names.  On failure of these the caller
 * frees r. */
int sqlite_result_start(struct conn *c, sqlite3_stmt *stmt, struct result *r, struct err *e);
/* Copies the row that stmt stands on; *capacity, 0 at first, is of r->values. */
int sqlite_result_add(struct conn *c, sqlite3_stmt *stmt, struct result *r, size_t *capacity,
    struct err *e);

#endif

/*
 * Short forms of driver calls for the services, and reading of result cells.
 */
#ifndef DB_WORKER_SQL_H
#define DB_WORKER_SQL_H

#include "db-worker/driver.h"

/* A leased connection, and until when what runs on it may run. */
struct db {
	const struct driver *driver;
	struct conn *conn;
	int64_t deadline_ms; /* monotonic */
};

/* Runs one statement; codes of the driver's execute.  out may be NULL. */
int sql_run(const struct db *db, struct result *out, struct err *e, const char *sql,
    const struct value *args, size_t nargs);

/* SQL(db, out, e, "… ? …", value, …): with at least one argument. */
#define SQL(db, out, e, sql, ...) \
	sql_run(db, out, e, sql, (const struct value[]){ __VA_ARGS__ }, \
	    sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value))

/* The text of a cell; NULL when it is none (NULL, a number, a blob) or has a NUL
 * in it.  Lives as long as r. */
const char *sql_text(const struct result *r, size_t row, size_t col);

/* The integer of a cell; 0 when it is none. */
int64_t sql_integer(const struct result *r, size_t row, size_t col);

#endif

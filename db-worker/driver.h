/*
 * The driver interface: what an engine must do.  One result shape for all of
 * them; no caller sees which engine answered.
 *
 * A third SQLite-compatible engine needs one new file that fills a
 * struct driver, and one line in driver_table (db-worker/driver.c).
 *
 * A connection is used by one thread at a time; only interrupt, overdue_ms and
 * is_gone may be called from another.
 */
#ifndef DB_WORKER_DRIVER_H
#define DB_WORKER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum value_kind { VALUE_NULL, VALUE_INTEGER, VALUE_FLOAT, VALUE_TEXT, VALUE_BLOB };

struct value {
	enum value_kind kind;
	int64_t integer;
	double real;
	/* TEXT, BLOB: len bytes, which may hold NULs; in a result TEXT is followed
	 * by a NUL.  NULL is allowed for len 0. */
	const char *data;
	size_t len;
};

struct value value_null(void);
struct value value_integer(int64_t v);
struct value value_float(double v);
struct value value_text(const char *text); /* NULL gives VALUE_NULL */
struct value value_blob(const void *data, size_t len);

/* The one result shape.  Owned by the caller: result_free. */
struct result {
	size_t ncols;
	char **columns;        /* names, owned by the result */
	size_t nrows;
	struct value *values;  /* nrows * ncols, row by row; data owned by the result */
	/* Rows that the statement itself inserted, updated or deleted, without those
	 * of triggers and foreign key actions; 0 for every other statement. */
	int64_t rows_affected;
	int64_t last_insert_rowid; /* of the connection; means something after INSERT */
	struct arena *memory;  /* what the above lies in */
};

/* NULL and a zeroed result are fine; r is zeroed. */
void result_free(struct result *r);
const struct value *result_value(const struct result *r, size_t row, size_t col);

struct statement {
	const char *sql;
	const struct value *args; /* positional */
	size_t nargs;
};

enum txn_mode { TXN_DEFERRED, TXN_IMMEDIATE };

struct conn;

struct conn_options {
	const char *path;    /* sqlite: the database file; absolute, no link in it */
	bool create;         /* sqlite: make it when it is missing */
	bool read_only;
	int64_t max_rows;    /* of one result; 0: the driver's default */
	int64_t max_bytes;   /* of one result, with the table of values; 0: default */
};

struct driver_capabilities {
	bool single_writer;   /* writes need the one write connection */
	bool interactive_txn; /* begin … commit across calls */
};

struct driver {
	const char *name; /* "sqlite" */
	struct driver_capabilities capabilities;
	/* ERR_NOT_FOUND (no such file or directory), ERR_DENIED (its mode), ERR_CORRUPT
	 * (no database, or a link), ERR_UNSUPPORTED (file system), ERR_IO. */
	int (*open)(struct conn **out, const struct conn_options *o, struct err *e);
	void (*close)(struct conn *c); /* NULL is fine */
	/* Runs exactly one statement; comments and semicolons around it are fine.
	 * out may be NULL; it is untouched on failure, and so is the database: a
	 * write whose rows do not fit the result is undone.  deadline_ms is monotonic,
	 * 0 for none.
	 *
	 * ERR_SQL         wrong statement, none or several, wrong number of arguments
	 * ERR_CONSTRAINT  a constraint of the schema
	 * ERR_DENIED      what no statement may do, or a write on a read-only connection
	 * ERR_TIMEOUT     past the deadline
	 * ERR_INTERRUPTED interrupt was called
	 * ERR_FULL        the result or a value is too large
	 * ERR_NOMEM       it needs more memory than the engine may use
	 * ERR_UNAVAILABLE another program holds the database
	 * ERR_CORRUPT     the database is damaged
	 * ERR_IO          the disk is full or reports an error
	 *
	 * After ERR_INTERRUPTED, ERR_TIMEOUT, ERR_NOMEM and ERR_IO the engine may have
	 * rolled back the whole transaction: ask in_transaction. */
	int (*execute)(struct conn *c, const struct statement *s, int64_t deadline_ms,
	    struct result *out, struct err *e);
	/* Runs every statement of a text (a migration file), results discarded.  The
	 * error names the statement by its number and line; those before it stay, so
	 * call it between begin and commit.  Codes of execute. */
	int (*execute_script)(struct conn *c, const char *sql, size_t len,
	    int64_t deadline_ms, struct err *e);
	/* Runs all in one transaction of its own; results (may be NULL) has n places.
	 * Nothing of it stays on failure, and *failed (may be NULL) is the index of the
	 * statement that failed, n when it was the transaction's begin or commit.  No
	 * statement may begin or end a transaction.  Codes of execute.  When a failed
	 * fsync is the cause (driver_is_fatal), only the next process can tell whether
	 * the batch is kept; then too it is kept whole or not at all. */
	int (*batch)(struct conn *c, const struct statement *s, size_t n,
	    int64_t deadline_ms, struct result *results, size_t *failed, struct err *e);
	int (*begin)(struct conn *c, enum txn_mode mode, struct err *e);
	int (*commit)(struct conn *c, struct err *e);
	int (*rollback)(struct conn *c, struct err *e);
	/* Column names and parameter count of a statement without running it. */
	int (*describe)(struct conn *c, const char *sql, struct result *out,
	    size_t *nparams, struct err *e);
	/* Ends what runs now, also a whole batch; a call that starts later is not
	 * affected.  From any thread. */
	void (*interrupt)(struct conn *c);
	/* Milliseconds by which what runs now has passed its deadline, 0 for not.  Past
	 * some seconds it is within one engine call that cannot be stopped, and only the
	 * end of the process helps.  From any thread. */
	int64_t (*overdue_ms)(struct conn *c);
	/* Back to how it was opened: rolls back, and undoes settings that a statement
	 * may make (foreign keys off). */
	void (*reset)(struct conn *c);
	int (*ping)(struct conn *c, struct err *e);
	/* Puts all that was committed into the database file itself, durably, so that
	 * the file alone is the database.  ERR_UNAVAILABLE while others use it. */
	int (*checkpoint)(struct conn *c, struct err *e);
	/* True between begin and commit or rollback, as the engine sees it. */
	bool (*in_transaction)(struct conn *c);
	/* True when what was opened is no longer what its name leads to: the file or
	 * its write-ahead log was deleted or replaced.  From any thread. */
	bool (*is_gone)(struct conn *c);
	/* Version text of the engine; size in bytes, 0 when unknown. */
	int (*info)(struct conn *c, char version[64], uint64_t *size, struct err *e);
};

/* True once any connection could not make a write durable (a failed fsync): the
 * process must end, and the next one checks the database before it serves. */
bool driver_is_fatal(void);
void driver_set_fatal(bool fatal);

/* ---- for drivers ---- */

/* Memory that lives as long as a result.  NULL when it would exceed max_bytes
 * or memory is exhausted. */
struct arena;
struct arena *arena_new(size_t max_bytes);
void *arena_alloc(struct arena *a, size_t n); /* aligned to 16 */
/* Counts n bytes that lie elsewhere; false when they would exceed max_bytes. */
bool arena_charge(struct arena *a, size_t n);
void arena_free(struct arena *a);

extern const struct driver sqlite_driver;

/* NULL for an engine that does not exist or is not built in. */
const struct driver *driver_find(const char *name);

#endif

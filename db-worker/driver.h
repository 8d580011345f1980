/*
 * The driver interface: what an engine must do.  One result shape for all of
 * them; no caller sees which engine answered.
 *
 * A third SQLite-compatible engine needs one new file that fills a
 * struct driver, and one line in driver_table (db-worker/driver.c).
 *
 * A connection is used by one thread at a time; only conn interrupt may be
 * called from another.
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
	const char *data; /* TEXT, BLOB: len bytes; TEXT is followed by a NUL */
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
	char **columns;        /* names */
	size_t nrows;
	struct value *values;  /* nrows * ncols, row by row; data owned by the result */
	int64_t rows_affected; /* rows inserted, updated or deleted; 0 for others */
	int64_t last_insert_rowid;
	struct arena *memory;  /* what the above lies in */
};

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
	const char *path;    /* sqlite: the database file */
	bool create;         /* sqlite: make it when it is missing */
	bool read_only;
	int64_t max_rows;    /* of one result; 0: the driver's default */
	int64_t max_bytes;   /* of one result; 0: the driver's default */
};

struct driver_capabilities {
	bool single_writer;   /* writes need the one write connection */
	bool interactive_txn; /* begin … commit across calls */
};

struct driver {
	const char *name; /* "sqlite" */
	struct driver_capabilities capabilities;
	int (*open)(struct conn **out, const struct conn_options *o, struct err *e);
	void (*close)(struct conn *c);
	/* Runs exactly one statement.  deadline_ms is monotonic, 0 for none;
	 * past it ERR_TIMEOUT.  A constraint is ERR_CONSTRAINT, a wrong statement
	 * ERR_SQL, an interrupt ERR_INTERRUPTED, a full disk ERR_IO. */
	int (*execute)(struct conn *c, const struct statement *s, int64_t deadline_ms,
	    struct result *out, struct err *e);
	/* Runs every statement of a text (a migration file), results discarded. */
	int (*execute_script)(struct conn *c, const char *sql, size_t len,
	    int64_t deadline_ms, struct err *e);
	/* Runs all in one transaction; results[i] for each; nothing of it stays
	 * on failure, and *failed is the index of the statement that failed. */
	int (*batch)(struct conn *c, const struct statement *s, size_t n,
	    int64_t deadline_ms, struct result *results, size_t *failed, struct err *e);
	int (*begin)(struct conn *c, enum txn_mode mode, struct err *e);
	int (*commit)(struct conn *c, struct err *e);
	int (*rollback)(struct conn *c, struct err *e);
	/* Column names and parameter count of a statement without running it. */
	int (*describe)(struct conn *c, const char *sql, struct result *out,
	    size_t *nparams, struct err *e);
	void (*interrupt)(struct conn *c); /* from any thread */
	int (*ping)(struct conn *c, struct err *e);
	/* Puts all that was committed into the database file itself, durably, so that
	 * the file alone is the database.  ERR_UNAVAILABLE while others use it. */
	int (*checkpoint)(struct conn *c, struct err *e);
	/* True between begin and commit or rollback, as the engine sees it. */
	bool (*in_transaction)(struct conn *c);
	/* True when what was opened is no longer what its name leads to: the file
	 * was deleted or replaced. */
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
void *arena_alloc(struct arena *a, size_t n);
void arena_free(struct arena *a);

extern const struct driver sqlite_driver;

/* NULL for an engine that does not exist or is not built in. */
const struct driver *driver_find(const char *name);

#endif

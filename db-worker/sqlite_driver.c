/*
 * The sqlite driver (driver.h): one struct conn is one sqlite3 handle.
 *
 * Invariants: only the connection that is not read-only ever checkpoints;
 * read-only ones do not, not when they are closed either.  (Two connections
 * that checkpoint can lose commits in SQLite 3.7.0 to 3.51.2, and the
 * distribution's is one of these.)  A write is reported as done only after its
 * commit is durable (synchronous=FULL in WAL mode).
 */
#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db-worker/driver.h"
#include "db-worker/sqlite_authorizer.h"

#define MAX_ROWS 100000
#define MAX_BYTES (64 << 20)
#define MAX_VALUE (32 << 20)     /* one text or blob, and one row */
#define HEAP_LIMIT (256ll << 20) /* of SQLite in this process */
#define PROGRESS_STEPS 2000      /* virtual machine steps between two looks at the clock */

struct conn {
	sqlite3 *db;
	bool read_only;
	int64_t max_rows, max_bytes;
	int64_t deadline_ms; /* of the running statement; 0: none */
	bool timed_out;
	atomic_bool interrupted;
};

/* ---- errors ---- */

static int code_of(int rc, const struct conn *c)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return ERR_CONSTRAINT;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_UNAVAILABLE;
	case SQLITE_INTERRUPT:
		return c != NULL && c->timed_out ? ERR_TIMEOUT : ERR_INTERRUPTED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PROTOCOL:
		return ERR_IO;
	case SQLITE_AUTH:
	case SQLITE_PERM:
		return ERR_DENIED;
	case SQLITE_TOOBIG:
		return ERR_FULL;
	default:
		return ERR_SQL;
	}
}

static bool is_failed_sync(int extended)
{
	return extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
}

static int fail(const struct conn *c, int rc, struct err *e)
{
	int extended = c->db != NULL ? sqlite3_extended_errcode(c->db) : rc;
	int code = code_of(rc, c);

	if (is_failed_sync(extended))
		driver_set_fatal(true);
	if (code == ERR_TIMEOUT)
		return err_set(e, code, "the statement took longer than allowed");
	if (code == ERR_INTERRUPTED)
		return err_set(e, code, "the statement was interrupted");
	if ((rc & 0xff) == SQLITE_FULL)
		return err_set(e, code, "the disk or the database is full; make room");
	if ((rc & 0xff) == SQLITE_NOTADB)
		return err_set(e, code, "the file is not an SQLite database");
	if ((rc & 0xff) == SQLITE_CORRUPT)
		return err_set(e, code, "the database is damaged; restore it from a backup");
	if ((rc & 0xff) == SQLITE_READONLY)
		return err_set(e, code, "the database cannot be written (read-only)");
	if ((rc & 0xff) == SQLITE_CANTOPEN)
		return err_set(e, code, "the database file cannot be opened; check that its "
		    "directory exists and may be written");
	if (code == ERR_IO)
		return err_set(e, code, "reading or writing the database failed (%s)",
		    sqlite3_errstr(extended));
	return err_set(e, code, "%s", c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc));
}

/* ---- opening ---- */

static int on_progress(void *arg)
{
	struct conn *c = arg;

	if (atomic_load(&c->interrupted))
		return 1;
	if (c->deadline_ms != 0 && clock_monotonic_ms() >= c->deadline_ms) {
		c->timed_out = true;
		return 1;
	}
	return 0;
}

static void configure_handle(sqlite3 *db, bool read_only)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
		{ SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
	};
	static const struct {
		int id, value;
	} limits[] = {
		{ SQLITE_LIMIT_LENGTH, MAX_VALUE },
		{ SQLITE_LIMIT_SQL_LENGTH, 4 << 20 },
		{ SQLITE_LIMIT_COLUMN, 1000 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 500 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 200 },
		{ SQLITE_LIMIT_VDBE_OP, 1000000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 100 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 32766 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 100 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		sqlite3_db_config(db, options[i].option, options[i].value, NULL);
	if (read_only)
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
}

static int configure(struct conn *c, struct err *e)
{
	/* locking_mode stays NORMAL: readers are other connections. */
	static const char writer[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	    "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
	    "PRAGMA journal_size_limit=67108864;";
	static const char reader[] = "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY;"
	    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA wal_autocheckpoint=0;";
	int rc;

	configure_handle(c->db, c->read_only);
	sqlite3_busy_timeout(c->db, 2000);
	rc = sqlite3_exec(c->db, c->read_only ? reader : writer, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(c, rc, e);
	sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, c);
	sqlite3_set_authorizer(c->db, sqlite_authorize, NULL);
	return 0;
}

static void sqlite_close(struct conn *c)
{
	if (c == NULL)
		return;
	sqlite3_close(c->db);
	free(c);
}

static int sqlite_open(struct conn **out, const struct conn_options *o, struct err *e)
{
	struct conn *c = calloc(1, sizeof(*c));
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, rc;

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for a connection");
	sqlite3_hard_heap_limit64(HEAP_LIMIT);
	c->read_only = o->read_only;
	c->max_rows = o->max_rows > 0 ? o->max_rows : MAX_ROWS;
	c->max_bytes = o->max_bytes > 0 ? o->max_bytes : MAX_BYTES;
	flags |= o->read_only ? SQLITE_OPEN_READONLY :
	    SQLITE_OPEN_READWRITE | (o->create ? SQLITE_OPEN_CREATE : 0);
	rc = sqlite3_open_v2(o->path, &c->db, flags, NULL);
	rc = rc != SQLITE_OK ? fail(c, rc, e) : configure(c, e);
	if (rc < 0) {
		sqlite_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

/* ---- statements ---- */

static void arm(struct conn *c, int64_t deadline_ms)
{
	c->deadline_ms = deadline_ms;
	c->timed_out = false;
	atomic_store(&c->interrupted, false);
}

/* Nothing but white space, comments and semicolons. */
static bool is_blank(struct conn *c, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	bool blank = true;

	while (blank && *sql != '\0') {
		if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, &sql) != SQLITE_OK || stmt != NULL)
			blank = false;
		sqlite3_finalize(stmt);
		stmt = NULL;
	}
	return blank;
}

static int prepare_one(struct conn *c, const char *sql, sqlite3_stmt **stmt, struct err *e)
{
	const char *tail;
	int rc;

	do {
		rc = sqlite3_prepare_v2(c->db, sql, -1, stmt, &tail);
		if (rc != SQLITE_OK)
			return fail(c, rc, e);
		if (*stmt == NULL && tail == sql)
			break;
		sql = tail;
	} while (*stmt == NULL && *sql != '\0');
	if (*stmt == NULL)
		return err_set(e, ERR_SQL, "the text holds no statement");
	if (!is_blank(c, tail)) {
		sqlite3_finalize(*stmt);
		*stmt = NULL;
		return err_set(e, ERR_SQL, "the text holds more than one statement");
	}
	return 0;
}

static int bind_all(struct conn *c, sqlite3_stmt *stmt, const struct statement *s, struct err *e)
{
	size_t i;
	int rc = SQLITE_OK;

	if ((size_t)sqlite3_bind_parameter_count(stmt) != s->nargs)
		return err_set(e, ERR_SQL, "the statement has %d parameters and %zu were given",
		    sqlite3_bind_parameter_count(stmt), s->nargs);
	for (i = 0; rc == SQLITE_OK && i < s->nargs; i++) {
		const struct value *v = &s->args[i];
		int n = (int)i + 1;

		if (v->kind == VALUE_INTEGER)
			rc = sqlite3_bind_int64(stmt, n, v->integer);
		else if (v->kind == VALUE_FLOAT)
			rc = sqlite3_bind_double(stmt, n, v->real);
		else if (v->kind == VALUE_TEXT)
			rc = sqlite3_bind_text64(stmt, n, v->data, v->len, SQLITE_STATIC, SQLITE_UTF8);
		else if (v->kind == VALUE_BLOB && v->len == 0)
			rc = sqlite3_bind_zeroblob(stmt, n, 0);
		else if (v->kind == VALUE_BLOB)
			rc = sqlite3_bind_blob64(stmt, n, v->data, v->len, SQLITE_STATIC);
		else
			rc = sqlite3_bind_null(stmt, n);
	}
	return rc == SQLITE_OK ? 0 : fail(c, rc, e);
}

static int copy_columns(sqlite3_stmt *stmt, struct result *r, struct err *e)
{
	size_t i;

	r->ncols = (size_t)sqlite3_column_count(stmt);
	r->columns = arena_alloc(r->memory, (r->ncols + 1) * sizeof(char *));
	for (i = 0; r->columns != NULL && i < r->ncols; i++) {
		const char *name = sqlite3_column_name(stmt, (int)i);
		size_t n = name != NULL ? strlen(name) : 0;

		r->columns[i] = arena_alloc(r->memory, n + 1);
		if (r->columns[i] == NULL)
			break;
		memcpy(r->columns[i], name != NULL ? name : "", n + 1);
	}
	return r->columns == NULL || i < r->ncols ?
	    err_set(e, ERR_NOMEM, "not enough memory for a result") : 0;
}

static int copy_value(sqlite3_stmt *stmt, int col, struct arena *memory, struct value *v)
{
	const void *data;
	char *copy;

	switch (sqlite3_column_type(stmt, col)) {
	case SQLITE_INTEGER:
		*v = value_integer(sqlite3_column_int64(stmt, col));
		return 0;
	case SQLITE_FLOAT:
		*v = value_float(sqlite3_column_double(stmt, col));
		return 0;
	case SQLITE_NULL:
		*v = value_null();
		return 0;
	case SQLITE_TEXT:
		*v = (struct value){ .kind = VALUE_TEXT };
		data = sqlite3_column_text(stmt, col);
		break;
	default:
		*v = (struct value){ .kind = VALUE_BLOB };
		data = sqlite3_column_blob(stmt, col);
		break;
	}
	v->len = (size_t)sqlite3_column_bytes(stmt, col);
	copy = arena_alloc(memory, v->len + 1);
	if (copy == NULL)
		return ERR_FULL;
	if (v->len > 0)
		memcpy(copy, data, v->len);
	copy[v->len] = '\0';
	v->data = copy;
	return 0;
}

static int add_row(struct conn *c, sqlite3_stmt *stmt, struct result *r, size_t *cap,
    struct err *e)
{
	struct value *grown;
	size_t i;

	if (r->nrows >= (size_t)c->max_rows)
		return err_set(e, ERR_FULL, "the result has more than %lld rows",
		    (long long)c->max_rows);
	if ((r->nrows + 1) * r->ncols > *cap) {
		size_t want = *cap == 0 ? r->ncols * 4 : *cap * 2;

		grown = reallocarray(r->values, want, sizeof(*grown));
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "not enough memory for a result");
		r->values = grown;
		*cap = want;
	}
	for (i = 0; i < r->ncols; i++)
		if (copy_value(stmt, (int)i, r->memory, &r->values[r->nrows * r->ncols + i]) < 0)
			return err_set(e, ERR_FULL, "the result is larger than %lld bytes",
			    (long long)c->max_bytes);
	r->nrows++;
	return 0;
}

static int run(struct conn *c, sqlite3_stmt *stmt, struct result *r, struct err *e)
{
	int64_t before = sqlite3_total_changes64(c->db);
	size_t cap = 0;
	int rc, step;

	r->memory = arena_new((size_t)c->max_bytes);
	if (r->memory == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for a result");
	rc = copy_columns(stmt, r, e);
	while (rc == 0 && (step = sqlite3_step(stmt)) != SQLITE_DONE)
		rc = step == SQLITE_ROW ? add_row(c, stmt, r, &cap, e) : fail(c, step, e);
	if (rc < 0)
		return rc;
	r->last_insert_rowid = sqlite3_last_insert_rowid(c->db);
	/* Direct rows only.  sqlite3_changes64 keeps its value over statements that
	 * change no row (SELECT, DDL); the total tells whether this one did. */
	if (!sqlite3_stmt_readonly(stmt) && sqlite3_total_changes64(c->db) > before)
		r->rows_affected = sqlite3_changes64(c->db);
	return 0;
}

static int sqlite_execute(struct conn *c, const struct statement *s, int64_t deadline_ms,
    struct result *out, struct err *e)
{
	struct result r = { 0 };
	sqlite3_stmt *stmt = NULL;
	int rc;

	arm(c, deadline_ms);
	rc = prepare_one(c, s->sql, &stmt, e);
	if (rc == 0)
		rc = bind_all(c, stmt, s, e);
	if (rc == 0)
		rc = run(c, stmt, &r, e);
	sqlite3_finalize(stmt);
	if (rc == 0 && out != NULL)
		*out = r;
	else
		result_free(&r);
	return rc;
}

static size_t line_of(const char *sql, const char *at)
{
	size_t line = 1;

	for (; sql < at; sql++)
		line += *sql == '\n';
	return line;
}

static int sqlite_execute_script(struct conn *c, const char *sql, size_t len,
    int64_t deadline_ms, struct err *e)
{
	const char *at = sql, *end = sql + len, *tail;
	sqlite3_stmt *stmt;
	size_t ordinal = 0;
	int rc = SQLITE_OK;

	arm(c, deadline_ms);
	while (at < end) {
		rc = sqlite3_prepare_v2(c->db, at, (int)(end - at), &stmt, &tail);
		if (rc == SQLITE_OK && stmt == NULL) {
			if (tail == at)
				break;
			at = tail;
			continue;
		}
		ordinal++;
		if (rc == SQLITE_OK) {
			while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
				;
			rc = sqlite3_finalize(stmt);
		}
		if (rc != SQLITE_OK) {
			rc = fail(c, rc, e);
			at += strspn(at, " \t\r\n;");
			err_prefix(e, "statement %zu, line %zu", ordinal, line_of(sql, at));
			return rc;
		}
		at = tail;
	}
	return 0;
}

static int exec_simple(struct conn *c, const char *sql, struct err *e)
{
	int rc;

	arm(c, 0);
	rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(c, rc, e);
}

static int sqlite_begin(struct conn *c, enum txn_mode mode, struct err *e)
{
	return exec_simple(c, mode == TXN_IMMEDIATE ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

static int sqlite_commit(struct conn *c, struct err *e)
{
	return exec_simple(c, "COMMIT", e);
}

static bool sqlite_in_transaction(struct conn *c)
{
	return sqlite3_get_autocommit(c->db) == 0;
}

static int sqlite_rollback(struct conn *c, struct err *e)
{
	/* An error may have rolled back already. */
	return sqlite_in_transaction(c) ? exec_simple(c, "ROLLBACK", e) : 0;
}

static int sqlite_batch(struct conn *c, const struct statement *s, size_t n,
    int64_t deadline_ms, struct result *results, size_t *failed, struct err *e)
{
	size_t i, done = 0;
	int rc;

	rc = sqlite_begin(c, TXN_IMMEDIATE, e);
	for (i = 0; rc == 0 && i < n; i++) {
		rc = sqlite_execute(c, &s[i], deadline_ms, results != NULL ? &results[i] : NULL, e);
		if (rc == 0)
			done = i + 1;
		else if (failed != NULL)
			*failed = i;
	}
	if (rc == 0)
		rc = sqlite_commit(c, e);
	if (rc < 0) {
		sqlite_rollback(c, NULL);
		for (i = 0; results != NULL && i < done; i++)
			result_free(&results[i]);
	}
	return rc;
}

static int sqlite_describe(struct conn *c, const char *sql, struct result *out,
    size_t *nparams, struct err *e)
{
	struct result r = { 0 };
	sqlite3_stmt *stmt = NULL;
	int rc;

	arm(c, 0);
	rc = prepare_one(c, sql, &stmt, e);
	if (rc == 0 && (r.memory = arena_new((size_t)c->max_bytes)) == NULL)
		rc = err_set(e, ERR_NOMEM, "not enough memory for a description");
	if (rc == 0)
		rc = copy_columns(stmt, &r, e);
	if (rc == 0) {
		*nparams = (size_t)sqlite3_bind_parameter_count(stmt);
		*out = r;
	} else {
		result_free(&r);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static void sqlite_interrupt(struct conn *c)
{
	atomic_store(&c->interrupted, true);
	sqlite3_interrupt(c->db);
}

static int sqlite_ping(struct conn *c, struct err *e)
{
	return exec_simple(c, "SELECT 1 FROM sqlite_schema LIMIT 1", e);
}

static int sqlite_checkpoint(struct conn *c, struct err *e)
{
	int frames = 0, done = 0, rc;

	arm(c, 0);
	rc = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_TRUNCATE, &frames, &done);
	return rc == SQLITE_OK ? 0 : fail(c, rc, e);
}

static bool sqlite_is_gone(struct conn *c)
{
	int moved = 0;

	return sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	    moved != 0;
}

static int sqlite_info(struct conn *c, char version[64], uint64_t *size, struct err *e)
{
	struct statement s = { .sql = "SELECT page_count * page_size FROM pragma_page_count, "
	    "pragma_page_size" };
	struct result r = { 0 };
	int rc = sqlite_execute(c, &s, 0, &r, e);

	if (rc == 0) {
		snprintf(version, 64, "%s", sqlite3_libversion());
		*size = r.nrows == 1 ? (uint64_t)result_value(&r, 0, 0)->integer : 0;
	}
	result_free(&r);
	return rc;
}

const struct driver sqlite_driver = {
	.name = "sqlite",
	.capabilities = { .single_writer = true, .interactive_txn = true },
	.open = sqlite_open,
	.close = sqlite_close,
	.execute = sqlite_execute,
	.execute_script = sqlite_execute_script,
	.batch = sqlite_batch,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.describe = sqlite_describe,
	.interrupt = sqlite_interrupt,
	.ping = sqlite_ping,
	.checkpoint = sqlite_checkpoint,
	.in_transaction = sqlite_in_transaction,
	.is_gone = sqlite_is_gone,
	.info = sqlite_info,
};

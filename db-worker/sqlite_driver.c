/*
 * The sqlite driver (driver.h): one struct conn is one sqlite3 handle.
 *
 * Invariants: only the connection that is not read-only ever checkpoints;
 * read-only ones do not, not when they are closed either.  (Two connections
 * that checkpoint can lose commits in SQLite 3.7.0 to 3.51.2, and the
 * distribution's is one of these.)  A write is reported as done only after its
 * commit is durable (synchronous=FULL in WAL mode).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "db-worker/sqlite_conn.h"

#define MAX_ROWS 100000
#define MAX_BYTES (64 << 20)
/* One text or blob, and one row.  It and the length of a LIKE pattern bound what
 * one call of a function of SQL costs, which no deadline interrupts. */
#define MAX_VALUE (16 << 20)
#define MAX_LIKE_PATTERN 256
#define HEAP_LIMIT (256ll << 20) /* of SQLite in this process */
#define PROGRESS_STEPS 2000      /* virtual machine steps between two looks at the clock */
#define CHECKPOINT_FRAMES 1000   /* of the write-ahead log, about 4 MB */
#define BUSY_MS 2000             /* patience with other programs when there is no deadline */

/* ---- calls, their deadline and their interrupt ---- */

void sqlite_call_begin(struct conn *c, int64_t deadline_ms)
{
	atomic_store(&c->interrupted, false);
	atomic_store(&c->deadline_ms, deadline_ms);
	c->busy_until_ms = deadline_ms != 0 ? deadline_ms : clock_monotonic_ms() + BUSY_MS;
	c->timed_out = false;
	c->policy.refused[0] = '\0';
}

void sqlite_call_end(struct conn *c)
{
	atomic_store(&c->deadline_ms, 0);
	c->policy.no_transactions = false;
}

static bool must_stop(struct conn *c)
{
	int64_t deadline_ms = atomic_load(&c->deadline_ms);

	if (atomic_load(&c->interrupted))
		return true;
	if (deadline_ms != 0 && clock_monotonic_ms() >= deadline_ms)
		c->timed_out = true;
	return c->timed_out;
}

static int on_progress(void *arg)
{
	return must_stop(arg);
}

/* Another program holds a lock; ours never do that to each other. */
static int on_busy(void *arg, int count)
{
	struct timespec pause = { 0, (count < 10 ? 1 : 20) * 1000000 };
	struct conn *c = arg;

	if (must_stop(c) || clock_monotonic_ms() >= c->busy_until_ms)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

static void sqlite_interrupt(struct conn *c)
{
	atomic_store(&c->interrupted, true);
	sqlite3_interrupt(c->db);
}

static int64_t sqlite_overdue_ms(struct conn *c)
{
	int64_t deadline_ms = atomic_load(&c->deadline_ms), now = clock_monotonic_ms();

	return deadline_ms != 0 && now > deadline_ms ? now - deadline_ms : 0;
}

int sqlite_run_text(struct conn *c, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_fail(c, rc, e);
}

/* ---- opening ---- */

/* In place of SQLite's own hook, which does the same and drops the error. */
static int on_commit_logged(void *arg, sqlite3 *db, const char *name, int frames)
{
	if (frames >= CHECKPOINT_FRAMES && sqlite_is_failed_sync(sqlite3_wal_checkpoint_v2(db, name,
	    SQLITE_CHECKPOINT_PASSIVE, NULL, NULL)))
		driver_set_fatal(true);
	/* The commit itself is durable in the log. */
	return SQLITE_OK;
}

static void set_limits(sqlite3 *db)
{
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
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_LIKE_PATTERN },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 32766 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 100 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
}

static int set_options(struct conn *c, struct err *e)
{
	const struct {
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
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, c->read_only },
	};
	size_t i;
	int now;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		now = -1;
		if (sqlite3_db_config(c->db, options[i].option, options[i].value, &now) != SQLITE_OK ||
		    now != options[i].value)
			return err_set(e, ERR_UNSUPPORTED, "this SQLite library (%s) cannot be made safe "
			    "(option %d); install a newer one", sqlite3_libversion(), options[i].option);
	}
	return 0;
}

/* Some file systems cannot share memory between processes; SQLite then stays in
 * its old mode and says so only here. */
static int enter_wal_mode(struct conn *c, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	bool entered = false;
	int rc;

	if (sqlite3_db_readonly(c->db, "main") == 1)
		return err_set(e, ERR_DENIED, "the database file cannot be written; check its owner, "
		    "its mode and the file system");
	rc = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode=WAL", -1, &stmt, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		entered = sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return sqlite_fail(c, rc, e);
	return entered ? 0 : err_set(e, ERR_UNSUPPORTED, "the file system of the database has no "
	    "shared memory for its write-ahead log; move the database to a local disk");
}

static struct file_id identify(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(name, sizeof(name), "%s%s", path, suffix) >= sizeof(name) ||
	    lstat(name, &st) < 0)
		return (struct file_id){ .known = false };
	return (struct file_id){ true, st.st_dev, st.st_ino };
}

static int remember_files(struct conn *c, struct err *e)
{
	int moved = 0;

	c->file = identify(c->path, "");
	c->wal = identify(c->path, "-wal");
	if (!c->file.known || (sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
	    SQLITE_OK && moved))
		return err_set(e, ERR_CORRUPT, "the database file was removed or replaced while it was "
		    "being opened; try again");
	return 0;
}

static int configure(struct conn *c, struct err *e)
{
	/* locking_mode stays NORMAL: readers are other connections.  The SELECT reads
	 * the file's header and opens the log. */
	static const char writer[] = "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
	    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA journal_size_limit=67108864;"
	    "SELECT count(*) FROM sqlite_schema;";
	static const char reader[] = "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY;"
	    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA wal_autocheckpoint=0;"
	    "SELECT count(*) FROM sqlite_schema;";
	int rc;

	set_limits(c->db);
	sqlite3_busy_handler(c->db, on_busy, c);
	rc = set_options(c, e);
	if (rc == 0 && !c->read_only)
		rc = enter_wal_mode(c, e);
	if (rc == 0)
		rc = sqlite_run_text(c, c->read_only ? reader : writer, e);
	if (rc == 0)
		rc = remember_files(c, e);
	if (!c->read_only)
		sqlite3_wal_hook(c->db, on_commit_logged, NULL);
	sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, c);
	sqlite3_set_authorizer(c->db, sqlite_authorize, &c->policy);
	return rc;
}

static void sqlite_close(struct conn *c)
{
	if (c == NULL)
		return;
	sqlite3_close(c->db);
	free(c->path);
	free(c);
}

static int sqlite_open(struct conn **out, const struct conn_options *o, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, rc;
	struct conn *c;

	/* A relative name could also be a "file:" URI with options. */
	if (o->path[0] != '/')
		return err_set(e, ERR_INVALID, "the path of the database is not absolute");
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->path = strdup(o->path)) == NULL) {
		free(c);
		return err_set(e, ERR_NOMEM, "not enough memory for a connection");
	}
	sqlite3_hard_heap_limit64(HEAP_LIMIT);
	c->read_only = o->read_only;
	c->max_rows = o->max_rows > 0 ? o->max_rows : MAX_ROWS;
	c->max_bytes = o->max_bytes > 0 ? o->max_bytes : MAX_BYTES;
	flags |= o->read_only ? SQLITE_OPEN_READONLY :
	    SQLITE_OPEN_READWRITE | (o->create ? SQLITE_OPEN_CREATE : 0);
	sqlite_call_begin(c, 0);
	rc = sqlite3_open_v2(o->path, &c->db, flags, NULL);
	rc = rc != SQLITE_OK ? sqlite_fail(c, rc, e) : configure(c, e);
	sqlite_call_end(c);
	if (rc < 0) {
		sqlite_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

/* ---- statements ---- */

static int sqlite_execute(struct conn *c, const struct statement *s, int64_t deadline_ms,
    struct result *out, struct err *e)
{
	int rc;

	sqlite_call_begin(c, deadline_ms);
	rc = sqlite_statement_run(c, s, out, e);
	sqlite_call_end(c);
	return rc;
}

static int sqlite_execute_script(struct conn *c, const char *sql, size_t len,
    int64_t deadline_ms, struct err *e)
{
	int rc;

	sqlite_call_begin(c, deadline_ms);
	rc = sqlite_script_run(c, sql, len, e);
	sqlite_call_end(c);
	return rc;
}

static int sqlite_describe(struct conn *c, const char *sql, struct result *out,
    size_t *nparams, struct err *e)
{
	int rc;

	sqlite_call_begin(c, 0);
	rc = sqlite_statement_describe(c, sql, out, nparams, e);
	sqlite_call_end(c);
	return rc;
}

/* ---- transactions ---- */

static int call_text(struct conn *c, const char *sql, struct err *e)
{
	int rc;

	sqlite_call_begin(c, 0);
	rc = sqlite_run_text(c, sql, e);
	sqlite_call_end(c);
	return rc;
}

static int sqlite_begin(struct conn *c, enum txn_mode mode, struct err *e)
{
	return call_text(c, mode == TXN_IMMEDIATE ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

static int sqlite_commit(struct conn *c, struct err *e)
{
	return call_text(c, "COMMIT", e);
}

static bool sqlite_in_transaction(struct conn *c)
{
	return sqlite3_get_autocommit(c->db) == 0;
}

static int sqlite_rollback(struct conn *c, struct err *e)
{
	/* An error may have rolled back already. */
	return sqlite_in_transaction(c) ? call_text(c, "ROLLBACK", e) : 0;
}

static void sqlite_reset(struct conn *c)
{
	sqlite_rollback(c, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
}

/* Between begin and commit; *done counts the statements that went well. */
static int run_batch(struct conn *c, const struct statement *s, size_t n,
    struct result *results, size_t *done, struct err *e)
{
	int rc = 0;

	c->policy.no_transactions = true;
	for (*done = 0; rc == 0 && *done < n; *done += rc == 0) {
		if (must_stop(c))
			rc = sqlite_fail(c, SQLITE_INTERRUPT, e);
		else
			rc = sqlite_statement_run(c, &s[*done],
			    results != NULL ? &results[*done] : NULL, e);
	}
	c->policy.no_transactions = false;
	return rc;
}

static int sqlite_batch(struct conn *c, const struct statement *s, size_t n,
    int64_t deadline_ms, struct result *results, size_t *failed, struct err *e)
{
	size_t i, done = 0;
	bool begun;
	int rc;

	if (sqlite_in_transaction(c))
		return err_set(e, ERR_INTERNAL, "a batch cannot run inside a transaction");
	sqlite_call_begin(c, deadline_ms);
	rc = sqlite_run_text(c, "BEGIN IMMEDIATE", e);
	begun = rc == 0;
	if (begun)
		rc = run_batch(c, s, n, results, &done, e);
	sqlite_call_end(c);
	if (rc == 0)
		rc = sqlite_commit(c, e);
	if (rc == 0)
		return 0;
	sqlite_rollback(c, NULL);
	for (i = 0; results != NULL && i < done; i++)
		result_free(&results[i]);
	if (failed != NULL)
		*failed = begun ? done : n;
	return rc;
}

/* ---- the connection itself ---- */

static int sqlite_ping(struct conn *c, struct err *e)
{
	return call_text(c, "SELECT 1 FROM sqlite_schema LIMIT 1", e);
}

static int sqlite_checkpoint(struct conn *c, struct err *e)
{
	int rc;

	if (c->read_only)
		return err_set(e, ERR_DENIED, "a read-only connection does not checkpoint");
	sqlite_call_begin(c, 0);
	rc = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite_call_end(c);
	return rc == SQLITE_OK ? 0 : sqlite_fail(c, rc, e);
}

static bool is_same(const struct file_id *then, const char *path, const char *suffix)
{
	struct file_id now;

	if (!then->known)
		return true;
	now = identify(path, suffix);
	/* A failure to find out is no answer. */
	if (!now.known)
		return errno != ENOENT && errno != ENOTDIR;
	return now.dev == then->dev && now.ino == then->ino;
}

static bool sqlite_is_gone(struct conn *c)
{
	return !is_same(&c->file, c->path, "") || !is_same(&c->wal, c->path, "-wal");
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
	.overdue_ms = sqlite_overdue_ms,
	.reset = sqlite_reset,
	.ping = sqlite_ping,
	.checkpoint = sqlite_checkpoint,
	.in_transaction = sqlite_in_transaction,
	.is_gone = sqlite_is_gone,
	.info = sqlite_info,
};

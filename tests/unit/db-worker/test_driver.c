/*
 * Engines, results and their memory, and of the sqlite driver what a connection
 * keeps: whole statements, bounded results, nothing left for the next lease.
 */
#include "tests/unit/db-worker/driver_fixture.h"

#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

/* ---- engines and memory ---- */

static void engines_are_found_by_name(void **state)
{
	assert_string_equal(driver_find("sqlite")->name, "sqlite");
	assert_null(driver_find("oracle"));
	assert_null(driver_find(""));
}

static void memory_of_results_is_bounded(void **state)
{
	struct arena *a = arena_new(10000);
	size_t i, total = 0;
	char *p;

	for (i = 1; (p = arena_alloc(a, i)) != NULL; i++) {
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0x5a, i);
		total += i;
	}
	assert_in_range(total, 5000, 10000);
	assert_false(arena_charge(a, 10000));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, 10001));
	arena_free(a);
	arena_free(NULL);
	result_free(NULL);
}

/* ---- values ---- */

static void unusual_values(void **state)
{
	struct value args[] = { value_float(NAN), value_float(INFINITY), value_float(-INFINITY),
		{ .kind = VALUE_TEXT }, { .kind = VALUE_BLOB }, value_text(NULL), value_float(5e-324) };
	struct statement s = { "SELECT ?, ?, ?, ?, ?, ?, ?", args, 7 };
	struct conn *c = fixture_open(false);
	struct result r = { 0 };
	struct err e;

	assert_int_equal(d->execute(c, &s, 0, &r, &e), 0);
	/* SQLite has no NaN. */
	assert_int_equal(result_value(&r, 0, 0)->kind, VALUE_NULL);
	assert_true(isinf(result_value(&r, 0, 1)->real) && result_value(&r, 0, 1)->real > 0);
	assert_true(isinf(result_value(&r, 0, 2)->real) && result_value(&r, 0, 2)->real < 0);
	assert_int_equal(result_value(&r, 0, 3)->kind, VALUE_TEXT);
	assert_string_equal(result_value(&r, 0, 3)->data, "");
	assert_int_equal(result_value(&r, 0, 4)->kind, VALUE_BLOB);
	assert_int_equal(result_value(&r, 0, 4)->len, 0);
	assert_int_equal(result_value(&r, 0, 5)->kind, VALUE_NULL);
	assert_true(result_value(&r, 0, 6)->real == 5e-324);
	result_free(&r);
	s.nargs = 6;
	assert_int_equal(d->execute(c, &s, 0, &r, &e), ERR_SQL);
	assert_non_null(strstr(e.text, "7 parameters and 6"));
	d->close(c);
}

static void describe_tells_columns_and_parameters(void **state)
{
	struct conn *c = fixture_open(false);
	struct result r = { 0 };
	size_t n = 0;
	struct err e;

	ok(c, "CREATE TABLE t(a, b)");
	assert_int_equal(d->describe(c, "SELECT a AS x, b FROM t WHERE a = ? AND b = :b", &r, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(r.ncols, 2);
	assert_string_equal(r.columns[0], "x");
	result_free(&r);
	assert_int_equal(d->describe(c, "INSERT INTO t VALUES (1, 2)", &r, &n, &e), 0);
	assert_int_equal(r.ncols, 0);
	result_free(&r);
	assert_int_equal(number(c, "SELECT count(*) FROM t"), 0);
	assert_int_equal(d->describe(c, "SELECT 1; SELECT 2", &r, &n, &e), ERR_SQL);
	d->close(c);
}

/* ---- counts ---- */

static void only_changes_count_rows(void **state)
{
	static const struct {
		const char *sql;
		int64_t affected;
	} cases[] = {
		{ "CREATE TABLE p(a INTEGER PRIMARY KEY, b DEFAULT 0)", 0 },
		{ "CREATE TABLE k(p REFERENCES p(a) ON DELETE CASCADE)", 0 },
		{ "CREATE TABLE log(a)", 0 },
		{ "CREATE TRIGGER g AFTER INSERT ON p BEGIN INSERT INTO log VALUES (1), (2); END", 0 },
		{ "INSERT INTO p(a) VALUES (1), (2), (3)", 3 },
		{ "INSERT INTO k VALUES (1), (1), (2)", 3 },
		{ "/* c */ WITH x(v) AS (SELECT 9) INSERT INTO p(a) SELECT v FROM x", 1 },
		{ "WITH x(v) AS (SELECT 9) SELECT v FROM x", 0 },
		{ "REPLACE INTO p(a, b) VALUES (9, 1)", 1 },
		{ "INSERT INTO p(a) VALUES (9) ON CONFLICT DO UPDATE SET b = b + 1 RETURNING b", 1 },
		{ "INSERT OR IGNORE INTO p(a) VALUES (9)", 0 },
		{ "EXPLAIN DELETE FROM p", 0 },
		{ "DELETE FROM p WHERE a = 1", 1 },
		{ "CREATE TABLE copy AS SELECT * FROM p", 0 },
		{ "CREATE VIRTUAL TABLE f USING fts5(a)", 0 },
		{ "DELETE FROM k", 1 },
		/* With foreign keys on this deletes the rows first. */
		{ "DROP TABLE p", 0 },
	};
	struct conn *c = fixture_open(false);
	struct result r = { 0 };
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (run(c, cases[i].sql, &r, &e) < 0)
			fail_msg("%s: %s", cases[i].sql, e.text);
		if (r.rows_affected != cases[i].affected)
			fail_msg("%s: %lld affected", cases[i].sql, (long long)r.rows_affected);
		result_free(&r);
	}
	d->close(c);
}

/* ---- bounds ---- */

static void a_write_whose_rows_do_not_fit_is_undone(void **state)
{
	static const char write[] = "INSERT INTO t SELECT value FROM t2 RETURNING a";
	struct conn *c = fixture_open(false);
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	ok(c, "CREATE TABLE t2(value)");
	ok(c, "INSERT INTO t2 WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 1001)"
	    " SELECT x FROM r");
	refused(c, write, ERR_FULL);
	assert_false(d->in_transaction(c));
	assert_int_equal(number(c, "SELECT count(*) FROM t"), 0);
	/* Within a transaction only the statement is undone. */
	assert_int_equal(d->begin(c, TXN_IMMEDIATE, &e), 0);
	ok(c, "INSERT INTO t VALUES (-1)");
	refused(c, write, ERR_FULL);
	assert_true(d->in_transaction(c));
	assert_int_equal(d->commit(c, &e), 0);
	assert_int_equal(number(c, "SELECT sum(a) FROM t"), -1);
	d->close(c);
}

static void a_returned_row_is_committed(void **state)
{
	struct conn *c = fixture_open(false), *reader = fixture_open(true);

	ok(c, "CREATE TABLE t(a UNIQUE)");
	assert_int_equal(number(c, "INSERT INTO t VALUES (7) RETURNING a"), 7);
	assert_false(d->in_transaction(c));
	refused(c, "INSERT INTO t VALUES (8), (7) RETURNING a", ERR_CONSTRAINT);
	assert_int_equal(number(reader, "SELECT sum(a) FROM t"), 7);
	d->close(reader);
	d->close(c);
}

/* Small values: the table of them, not their bytes, is what grows. */
static void the_table_of_values_counts_too(void **state)
{
	struct conn_options o = { .path = fixture_path, .create = true, .max_bytes = 1 << 20 };
	struct conn *c;
	struct result r = { 0 };
	struct err e;

	assert_int_equal(d->open(&c, &o, &e), 0);
	assert_int_equal(run(c, "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT "
	    "90000) SELECT x, x, x, x, x, x, x, x FROM r", &r, &e), ERR_FULL);
	assert_non_null(strstr(e.text, "1048576 bytes"));
	assert_null(r.values);
	d->close(c);
}

static void bombs_are_limited(void **state)
{
	static const char *const bombs[] = {
		"SELECT hex(zeroblob(9000000))", "SELECT printf('%s%s', zeroblob(9000000), hex(zeroblob(8000000)))",
		"SELECT group_concat(x, hex(zeroblob(100000))) FROM (WITH RECURSIVE r(x) AS (SELECT 1 "
		"UNION ALL SELECT x + 1 FROM r LIMIT 1000) SELECT x FROM r)",
		"SELECT 'a' LIKE '%' || hex(zeroblob(200))", "SELECT 'a' GLOB '*' || hex(zeroblob(200))",
		"SELECT json_group_array(randomblob(1000)) FROM (" ENDLESS ")",
	};
	struct conn *c = fixture_open(false);
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		if (d->execute(c, &(struct statement){ .sql = bombs[i] }, clock_monotonic_ms() + 200,
		    NULL, &e) == 0)
			fail_msg("allowed: %s", bombs[i]);
	assert_int_equal(number(c, "SELECT coalesce(length(printf('%2000000000d', 1)), 0) < 20000000"), 1);
	d->close(c);
}

/* ---- nothing stays for the next lease ---- */

static void nothing_temporary_can_be_made(void **state)
{
	static const char *const sql[] = {
		"CREATE TEMP TABLE t(a)", "CREATE TABLE temp.t(a)", "CREATE TEMP TABLE x AS SELECT 1",
		"CREATE TEMP VIEW t AS SELECT 1", "CREATE INDEX temp.i ON t(a)",
		"CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
		"CREATE VIRTUAL TABLE temp.f USING fts5(a)", "SELECT * FROM sqlite_stmt",
		"CREATE VIRTUAL TABLE f USING fts3tokenize('simple')",
		"CREATE VIRTUAL TABLE f USING dbstat", "SELECT count(*) FROM dbstat",
	};
	struct conn *c = fixture_open(false);
	size_t i;

	ok(c, "CREATE TABLE t(a)");
	for (i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct err e = { 0 };

		if (run(c, sql[i], NULL, &e) == 0)
			fail_msg("allowed: %s", sql[i]);
	}
	assert_int_equal(number(c, "SELECT count(*) FROM sqlite_temp_schema"), 0);
	d->close(c);
}

static void refusals_name_what_was_refused(void **state)
{
	struct conn *c = fixture_open(false);
	struct err e;

	assert_int_equal(run(c, "PRAGMA journal_mode = DELETE", NULL, &e), ERR_DENIED);
	assert_non_null(strstr(e.text, "PRAGMA journal_mode"));
	if (run(c, "ATTACH 'x' AS 'x'", NULL, &e) != ERR_DENIED || strstr(e.text, "ATTACH") == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(run(c, "SELECT load_extension('x')", NULL, &e), ERR_DENIED);
	assert_non_null(strstr(e.text, "load_extension"));
	d->close(c);
}

static void reset_undoes_settings_and_transactions(void **state)
{
	struct conn *c = fixture_open(false);

	ok(c, "CREATE TABLE p(a PRIMARY KEY)");
	ok(c, "CREATE TABLE k(p REFERENCES p(a))");
	refused(c, "INSERT INTO k VALUES (1)", ERR_CONSTRAINT);
	ok(c, "PRAGMA foreign_keys = OFF");
	ok(c, "BEGIN");
	ok(c, "INSERT INTO k VALUES (1)");
	d->reset(c);
	assert_false(d->in_transaction(c));
	assert_int_equal(number(c, "SELECT count(*) FROM k"), 0);
	refused(c, "INSERT INTO k VALUES (1)", ERR_CONSTRAINT);
	d->close(c);
}

/* ---- batches and scripts ---- */

static void a_batch_cannot_end_its_transaction(void **state)
{
	static const char *const ends[] = { "COMMIT", "END", "ROLLBACK", "BEGIN" };
	struct conn *c = fixture_open(false);
	struct statement s[3] = { { .sql = "INSERT INTO t VALUES (1)" }, { .sql = NULL },
		{ .sql = "INSERT INTO t VALUES (2)" } };
	size_t i, failed;
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		s[1].sql = ends[i];
		assert_int_equal(d->batch(c, s, 3, 0, NULL, &failed, &e), ERR_DENIED);
		assert_int_equal(failed, 1);
		assert_false(d->in_transaction(c));
		assert_int_equal(number(c, "SELECT count(*) FROM t"), 0);
	}
	s[1].sql = "SAVEPOINT x";
	assert_int_equal(d->batch(c, s, 3, 0, NULL, &failed, &e), 0);
	assert_int_equal(number(c, "SELECT count(*) FROM t"), 2);
	/* Outside it is a statement like others. */
	ok(c, "BEGIN");
	assert_int_equal(d->batch(c, s, 1, 0, NULL, &failed, &e), ERR_INTERNAL);
	assert_true(d->in_transaction(c));
	ok(c, "ROLLBACK");
	d->close(c);
}

static void a_batch_fails_at_its_commit(void **state)
{
	struct statement s[] = { { .sql = "INSERT INTO k VALUES (1)" } };
	struct conn *c = fixture_open(false);
	struct result r[1] = { { 0 } };
	size_t failed = 99;
	struct err e;

	ok(c, "CREATE TABLE p(a PRIMARY KEY)");
	ok(c, "CREATE TABLE k(p REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED)");
	assert_int_equal(d->batch(c, s, 1, 0, r, &failed, &e), ERR_CONSTRAINT);
	assert_int_equal(failed, 1);
	assert_null(r[0].memory);
	assert_int_equal(number(c, "SELECT count(*) FROM k"), 0);
	d->close(c);
}

static void errors_of_scripts_point_at_the_line(void **state)
{
	static const struct {
		const char *sql, *where;
	} cases[] = {
		{ "CREATE TABLE a(x);\n\n-- what\n-- follows;\n/* ; */\nSELEC 1;", "statement 2, line 6" },
		{ "CREATE TABLE b(\n  x,\n  y,,\n);", "statement 1, line 3" },
		{ "CREATE TABLE c(x UNIQUE);\nINSERT INTO c VALUES ('a;b\n--'), ('a;b\n--');",
		    "statement 2, line 2" },
	};
	struct conn *c = fixture_open(false);
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(d->execute_script(c, cases[i].sql, strlen(cases[i].sql), 0, &e) < 0);
		if (strstr(e.text, cases[i].where) == NULL)
			fail_msg("%s, not %s", e.text, cases[i].where);
	}
	assert_int_equal(d->execute_script(c, "SELECT 1\0;", 10, 0, &e), ERR_SQL);
	assert_int_equal(d->execute_script(c, "", 0, 0, &e), 0);
	/* Not NUL-terminated. */
	assert_int_equal(d->execute_script(c, "SELECT 1; nonsense", 9, 0, &e), 0);
	d->close(c);
}

/* ---- deadlines ---- */

static void a_deadline_ends_batches_and_scripts(void **state)
{
	struct statement s[] = { { .sql = "INSERT INTO t VALUES (1)" }, { .sql = ENDLESS } };
	struct conn *c = fixture_open(false);
	size_t failed;
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	assert_int_equal(d->batch(c, s, 2, clock_monotonic_ms() + 50, NULL, &failed, &e), ERR_TIMEOUT);
	assert_int_equal(failed, 1);
	assert_int_equal(number(c, "SELECT count(*) FROM t"), 0);
	assert_int_equal(d->execute_script(c, ENDLESS, strlen(ENDLESS), clock_monotonic_ms() + 50, &e),
	    ERR_TIMEOUT);
	assert_int_equal(d->overdue_ms(c), 0);
	d->close(c);
}

struct endless {
	struct conn *c;
	int64_t deadline_ms;
	int rc;
};

static void *run_endless(void *arg)
{
	struct endless *x = arg;
	struct statement s[] = { { .sql = "SELECT 1" }, { .sql = ENDLESS } };
	size_t failed;

	x->rc = d->batch(x->c, s, 2, x->deadline_ms, NULL, &failed, NULL);
	return NULL;
}

static void an_interrupt_ends_a_whole_batch(void **state)
{
	struct endless x = { .c = fixture_open(false), .rc = 1 };
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, run_endless, &x), 0);
	/* May come before the batch begins, and then means nothing: again. */
	do {
		d->interrupt(x.c);
		usleep(1000);
	} while (pthread_tryjoin_np(t, NULL) != 0);
	assert_int_equal(x.rc, ERR_INTERRUPTED);
	d->close(x.c);
}

/* ---- other programs and the file itself ---- */

static void a_lock_of_another_program_is_waited_for(void **state)
{
	struct conn *c = fixture_open(false), *other = fixture_open(false);
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	assert_int_equal(d->begin(other, TXN_IMMEDIATE, &e), 0);
	assert_int_equal(d->execute(c, &(struct statement){ .sql = "INSERT INTO t VALUES (1)" },
	    clock_monotonic_ms() + 50, NULL, &e), ERR_UNAVAILABLE);
	assert_int_equal(d->commit(other, &e), 0);
	ok(c, "INSERT INTO t VALUES (1)");
	d->close(other);
	d->close(c);
}

static void a_lost_log_is_noticed(void **state)
{
	struct conn *c = fixture_open(false), *reader = fixture_open(true);
	char wal[128];

	ok(c, "CREATE TABLE t(a)");
	assert_false(d->is_gone(c));
	assert_false(d->is_gone(reader));
	snprintf(wal, sizeof(wal), "%s-wal", fixture_path);
	assert_int_equal(unlink(wal), 0);
	assert_true(d->is_gone(c));
	assert_true(d->is_gone(reader));
	d->close(reader);
	d->close(c);
}

static int try_open(const char *path, bool create, bool read_only)
{
	struct conn_options o = { .path = path, .create = create, .read_only = read_only };
	struct conn *c = NULL;
	struct err e = { 0 };
	int rc = d->open(&c, &o, &e);

	if (rc == 0)
		d->close(c);
	else if (strlen(e.text) < 10 || c != NULL)
		fail_msg("%s", e.text);
	return rc;
}

static void what_is_no_database_is_not_opened(void **state)
{
	char link[128], junk[128];
	FILE *f;

	assert_int_equal(try_open(fixture_path, false, false), ERR_NOT_FOUND);
	assert_int_equal(try_open(fixture_path, false, true), ERR_NOT_FOUND);
	assert_int_equal(access(fixture_path, F_OK), -1);
	assert_int_equal(try_open("/nowhere/at/all.db", true, false), ERR_NOT_FOUND);
	assert_int_equal(try_open("file:/tmp/x.db?mode=memory", true, false), ERR_INVALID);
	assert_int_equal(try_open(":memory:", true, false), ERR_INVALID);
	assert_true(try_open("/", true, false) < 0);
	snprintf(junk, sizeof(junk), "%s/junk.db", fixture_dir);
	f = fopen(junk, "w");
	fputs("this is a letter and no database, and long enough to be read as one", f);
	fclose(f);
	assert_int_equal(try_open(junk, true, false), ERR_CORRUPT);
	assert_int_equal(try_open(fixture_path, true, false), 0);
	snprintf(link, sizeof(link), "%s/link.db", fixture_dir);
	assert_int_equal(symlink(fixture_path, link), 0);
	assert_int_equal(try_open(link, true, false), ERR_CORRUPT);
}

static void a_reader_does_not_write(void **state)
{
	struct conn *c = fixture_open(false), *reader;
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	reader = fixture_open(true);
	refused(reader, "INSERT INTO t VALUES (1)", ERR_DENIED);
	refused(reader, "INSERT INTO t VALUES (1) RETURNING a", ERR_DENIED);
	refused(reader, "CREATE TABLE u(a)", ERR_DENIED);
	refused(reader, "PRAGMA query_only = 0", ERR_DENIED);
	refused(reader, "PRAGMA user_version = 3", ERR_DENIED);
	assert_int_equal(d->checkpoint(reader, &e), ERR_DENIED);
	d->close(reader);
	d->close(c);
}

static off_t size_of(const char *suffix)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", fixture_path, suffix);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void only_the_writer_checkpoints(void **state)
{
	struct conn *c = fixture_open(false), *reader;
	off_t before, log;

	ok(c, "CREATE TABLE t(a)");
	ok(c, "INSERT INTO t VALUES (zeroblob(100000))");
	before = size_of("");
	log = size_of("-wal");
	reader = fixture_open(true);
	assert_int_equal(number(reader, "SELECT count(*) FROM t"), 1);
	d->close(reader);
	assert_int_equal(size_of(""), before);
	assert_int_equal(size_of("-wal"), log);
	/* Not even when it is the last. */
	reader = fixture_open(true);
	d->close(c);
	assert_int_equal(number(reader, "SELECT count(*) FROM t"), 1);
	d->close(reader);
	assert_int_equal(size_of("-wal"), log);
	/* The next writer does. */
	c = fixture_open(false);
	assert_int_equal(number(c, "SELECT count(*) FROM t"), 1);
	d->close(c);
	assert_int_equal(size_of("-wal"), -1);
	assert_true(size_of("") > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_make, fixture_remove)
		T(engines_are_found_by_name), T(memory_of_results_is_bounded), T(unusual_values),
		T(describe_tells_columns_and_parameters), T(only_changes_count_rows),
		T(a_write_whose_rows_do_not_fit_is_undone), T(a_returned_row_is_committed),
		T(the_table_of_values_counts_too), T(bombs_are_limited),
		T(nothing_temporary_can_be_made), T(refusals_name_what_was_refused),
		T(reset_undoes_settings_and_transactions), T(a_batch_cannot_end_its_transaction),
		T(a_batch_fails_at_its_commit), T(errors_of_scripts_point_at_the_line),
		T(a_deadline_ends_batches_and_scripts), T(an_interrupt_ends_a_whole_batch),
		T(a_lock_of_another_program_is_waited_for), T(a_lost_log_is_noticed),
		T(what_is_no_database_is_not_opened), T(a_reader_does_not_write),
		T(only_the_writer_checkpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sqlite driver: values, counts, deadlines, and what no statement may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db-worker/driver.h"

static char dir[64], path[96];
static const struct driver *d;
static struct conn *c;

static int fresh(void **state)
{
	struct conn_options o = { .path = path, .create = true, .max_rows = 1000,
		.max_bytes = 40 << 20 };
	struct err e;

	snprintf(dir, sizeof(dir), "/tmp/test-driver-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/t.db", dir);
	d = driver_find("sqlite");
	return d->open(&c, &o, &e);
}

static int clean(void **state)
{
	char command[128];

	d->close(c);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int run(const char *sql, struct result *r, struct err *e)
{
	return d->execute(c, &(struct statement){ .sql = sql }, clock_monotonic_ms() + 3000, r, e);
}

static void ok(const char *sql)
{
	struct err e;
	int rc = run(sql, NULL, &e);

	if (rc < 0)
		fail_msg("%s: %s", sql, e.text);
}

static int files_in_dir(void)
{
	DIR *dp = opendir(dir);
	int n = 0;

	while (readdir(dp) != NULL)
		n++;
	closedir(dp);
	return n;
}

static void values_come_back_as_they_went(void **state)
{
	static const char nul[] = "a\0b";
	struct value args[] = { value_integer(INT64_MIN), value_integer(INT64_MAX), value_float(-0.0),
		value_float(1e308), { .kind = VALUE_TEXT, .data = nul, .len = 3 },
		value_blob("\0\xff", 2), value_blob(NULL, 0), value_null() };
	struct statement s = { "SELECT ?, ?, ?, ?, ?, ?, ?, ?", args, 8 };
	struct result r = { 0 };
	struct err e;

	assert_int_equal(d->execute(c, &s, 0, &r, &e), 0);
	assert_int_equal(r.nrows, 1);
	assert_true(result_value(&r, 0, 0)->integer == INT64_MIN);
	assert_true(result_value(&r, 0, 1)->integer == INT64_MAX);
	assert_true(signbit(result_value(&r, 0, 2)->real));
	assert_true(result_value(&r, 0, 3)->real == 1e308);
	assert_int_equal(result_value(&r, 0, 4)->len, 3);
	assert_memory_equal(result_value(&r, 0, 4)->data, nul, 4);
	assert_int_equal(result_value(&r, 0, 5)->kind, VALUE_BLOB);
	assert_memory_equal(result_value(&r, 0, 5)->data, "\0\xff", 2);
	assert_int_equal(result_value(&r, 0, 6)->kind, VALUE_BLOB);
	assert_int_equal(result_value(&r, 0, 6)->len, 0);
	assert_int_equal(result_value(&r, 0, 7)->kind, VALUE_NULL);
	result_free(&r);
}

static void counts(void **state)
{
	static const struct {
		const char *sql;
		int64_t affected;
		size_t rows;
	} cases[] = {
		{ "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", 0, 0 },
		{ "INSERT INTO t(b) VALUES (1), (2), (3)", 3, 0 },
		{ "SELECT * FROM t", 0, 3 },
		{ "CREATE INDEX i ON t(b)", 0, 0 },
		{ "UPDATE t SET b = 9 WHERE a > 1 RETURNING a", 2, 2 },
		{ "UPDATE t SET b = 9 WHERE a > 100", 0, 0 },
		{ "DELETE FROM t WHERE a = 1", 1, 0 },
		{ "PRAGMA user_version", 0, 1 },
		{ " -- a comment\nSELECT 1; -- and one behind\n;", 0, 1 },
	};
	struct result r = { 0 };
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (run(cases[i].sql, &r, &e) < 0)
			fail_msg("%s: %s", cases[i].sql, e.text);
		if (r.rows_affected != cases[i].affected || r.nrows != cases[i].rows)
			fail_msg("%s: %lld affected, %zu rows", cases[i].sql,
			    (long long)r.rows_affected, r.nrows);
		result_free(&r);
	}
}

static void errors_have_their_codes(void **state)
{
	static const struct {
		const char *sql;
		int code;
	} cases[] = {
		{ "INSERT INTO u VALUES (1)", ERR_CONSTRAINT }, { "SELEC 1", ERR_SQL },
		{ "SELECT * FROM nothing", ERR_SQL }, { "", ERR_SQL }, { " ; -- \n", ERR_SQL },
		{ "SELECT 1; SELECT 2", ERR_SQL }, { "SELECT ?", ERR_SQL },
		{ "SELECT \"no such column\"", ERR_SQL },
	};
	struct err e;
	size_t i;

	ok("CREATE TABLE u(a UNIQUE)");
	ok("INSERT INTO u VALUES (1)");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (run(cases[i].sql, NULL, &e) != cases[i].code)
			fail_msg("%s: code %d, %s", cases[i].sql, e.code, e.text);
}

static void no_statement_gets_out(void **state)
{
	static const char *const refused[] = {
		"ATTACH '/tmp/test-driver-escape.db' AS x", "ATTACH ':memory:' AS x", "DETACH main",
		"VACUUM INTO '/tmp/test-driver-escape.db'", "VACUUM",
		"SELECT load_extension('/tmp/x.so')", "SELECT fts3_tokenizer('simple')",
		"PRAGMA writable_schema = ON", "PRAGMA journal_mode = DELETE",
		"PRAGMA temp_store_directory = '/tmp'", "PRAGMA data_store_directory = '/tmp'",
		"PRAGMA mmap_size = 1000000", "PRAGMA wal_checkpoint(TRUNCATE)",
		"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA synchronous = OFF",
		"PRAGMA trusted_schema = ON", "PRAGMA wal_autocheckpoint = 0",
		"PRAGMA query_only = 0", "PRAGMA temp_store = FILE", "PRAGMA hard_heap_limit = 0",
		"PRAGMA schema_version = 7", "PRAGMA page_size = 512",
		"UPDATE sqlite_schema SET sql = 'x'", "DELETE FROM sqlite_master",
		"INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 3, 'x')",
		"CREATE VIRTUAL TABLE p USING sqlite_dbpage", "SELECT * FROM sqlite_dbpage",
		"SELECT zeroblob(2147483648)", "SELECT zeroblob(40000000)",
		"SELECT replace(hex(zeroblob(20000000)), '0', 'aaaa')",
		"SELECT hex(randomblob(1000000000))",
		"SELECT 'a' LIKE hex(zeroblob(2000)) || '%'",
		"WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT count(*) FROM r",
		"WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT x FROM r",
	};
	struct result r = { 0 };
	struct err e;
	int files = files_in_dir();
	size_t i;

	ok("CREATE TABLE t(a)");
	files = files_in_dir();
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (run(refused[i], &r, &e) == 0)
			fail_msg("allowed: %s", refused[i]);
		assert_true(strlen(e.text) > 0);
	}
	assert_int_equal(files_in_dir(), files);
	assert_int_equal(access("/tmp/test-driver-escape.db", F_OK), -1);
	ok("INSERT INTO t VALUES (1)");
}

static void a_deadline_ends_a_statement(void **state)
{
	static const char endless[] =
	    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT sum(x) FROM r";
	struct err e;

	assert_int_equal(d->execute(c, &(struct statement){ .sql = endless },
	    clock_monotonic_ms() + 50, NULL, &e), ERR_TIMEOUT);
	ok("SELECT 1");
}

static void *interrupt_soon(void *arg)
{
	usleep(50000);
	d->interrupt(c);
	return arg;
}

static void another_thread_can_interrupt(void **state)
{
	static const char endless[] =
	    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT sum(x) FROM r";
	struct err e;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, interrupt_soon, NULL), 0);
	assert_int_equal(d->execute(c, &(struct statement){ .sql = endless }, 0, NULL, &e),
	    ERR_INTERRUPTED);
	pthread_join(t, NULL);
	ok("SELECT 1");
}

static void results_are_bounded(void **state)
{
	struct result r = { 0 };
	struct err e;

	assert_int_equal(run("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT "
	    "2000) SELECT x FROM r", &r, &e), ERR_FULL);
	assert_int_equal(run("SELECT zeroblob(30000000) UNION ALL SELECT zeroblob(30000000)", &r, &e),
	    ERR_FULL);
}

static void a_script_names_statement_and_line(void **state)
{
	static const char script[] = "CREATE TABLE a(x);\n--> statement-breakpoint\n"
	    "CREATE TRIGGER g AFTER INSERT ON a BEGIN\n  SELECT 1; SELECT 2;\nEND;\n\n"
	    "INSERT INTO nowhere VALUES (1);\n";
	struct err e;

	assert_int_equal(d->execute_script(c, script, strlen(script), 0, &e), ERR_SQL);
	assert_non_null(strstr(e.text, "statement 3, line 7"));
}

static void a_batch_is_whole_or_nothing(void **state)
{
	struct statement s[] = { { .sql = "INSERT INTO t VALUES (1)" },
		{ .sql = "INSERT INTO t VALUES (2)" }, { .sql = "INSERT INTO t VALUES (1)" } };
	struct result r[3] = { { 0 } };
	size_t failed = 99;
	struct err e;

	ok("CREATE TABLE t(a UNIQUE)");
	assert_int_equal(d->batch(c, s, 3, 0, NULL, &failed, &e), ERR_CONSTRAINT);
	assert_int_equal(failed, 2);
	assert_int_equal(run("SELECT * FROM t", &r[0], &e), 0);
	assert_int_equal(r[0].nrows, 0);
	result_free(&r[0]);
	assert_int_equal(d->batch(c, s, 2, 0, r, &failed, &e), 0);
	assert_int_equal(r[1].rows_affected, 1);
	result_free(&r[0]);
	result_free(&r[1]);
}

static void a_reader_sees_commits_and_writes_nothing(void **state)
{
	struct conn_options o = { .path = path, .read_only = true };
	struct conn *reader;
	struct result r = { 0 };
	struct statement count = { .sql = "SELECT count(*) FROM t" };
	struct err e;
	char wal[128];

	ok("CREATE TABLE t(a)");
	assert_int_equal(d->open(&reader, &o, &e), 0);
	assert_int_equal(d->begin(c, TXN_IMMEDIATE, &e), 0);
	ok("INSERT INTO t VALUES (1)");
	assert_int_equal(d->execute(reader, &count, 0, &r, &e), 0);
	assert_int_equal(result_value(&r, 0, 0)->integer, 0);
	result_free(&r);
	assert_int_equal(d->commit(c, &e), 0);
	assert_int_equal(d->execute(reader, &count, 0, &r, &e), 0);
	assert_int_equal(result_value(&r, 0, 0)->integer, 1);
	result_free(&r);
	assert_true(d->execute(reader, &(struct statement){ .sql = "DELETE FROM t" }, 0, NULL, &e) < 0);
	d->close(reader);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(access(wal, F_OK), 0);
	assert_false(d->is_gone(c));
	assert_int_equal(unlink(path), 0);
	assert_true(d->is_gone(c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clean)
		T(values_come_back_as_they_went), T(counts), T(errors_have_their_codes),
		T(no_statement_gets_out), T(a_deadline_ends_a_statement),
		T(another_thread_can_interrupt), T(results_are_bounded),
		T(a_script_names_statement_and_line), T(a_batch_is_whole_or_nothing),
		T(a_reader_sees_commits_and_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Migrations: bookkeeping as drizzle's, order, tampering, rebuilt tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "db-worker/migrate.h"

static char dir[64];
static const struct driver *d;
static struct conn *c;

static void put(const char *name, const char *text)
{
	char file[256];
	FILE *f;

	snprintf(file, sizeof(file), "%s/m/%s", dir, name);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void journal(const char *entries)
{
	char text[2048];

	snprintf(text, sizeof(text), "{\"version\":\"7\",\"dialect\":\"sqlite\",\"entries\":[%s]}",
	    entries);
	put("meta/_journal.json", text);
}

#define ENTRY(idx, when, tag) "{\"idx\":" #idx ",\"version\":\"6\",\"when\":" #when \
	",\"tag\":\"" tag "\",\"breakpoints\":true}"

static int fresh(void **state)
{
	char path[128];
	struct conn_options o = { .path = path, .create = true };
	struct err e;

	snprintf(dir, sizeof(dir), "/tmp/test-migrate-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/m", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/m/meta", dir);
	mkdir(path, 0700);
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

/* Loads the folder and migrates; how many ran, or the code. */
static int up(struct err *e)
{
	struct migration_files files;
	char folder[128];
	size_t n = 0;
	int rc;

	snprintf(folder, sizeof(folder), "%s/m", dir);
	rc = migration_files_load(&files, folder, e);
	if (rc < 0)
		return rc;
	rc = migrate(d, c, &files, &n, e);
	migration_files_free(&files);
	return rc < 0 ? rc : (int)n;
}

static int64_t number(const char *sql)
{
	struct result r = { 0 };
	struct err e;
	int64_t n = -1;

	if (d->execute(c, &(struct statement){ .sql = sql }, 0, &r, &e) == 0 && r.nrows == 1)
		n = result_value(&r, 0, 0)->integer;
	result_free(&r);
	return n;
}

static void refused(int code, const char *part)
{
	struct err e = { 0 };
	int rc = up(&e);

	if (rc != code || strstr(e.text, part) == NULL)
		fail_msg("code %d, %s; expected %d, %s", rc, e.text, code, part);
}

static void two(void)
{
	put("0000_a.sql", "CREATE TABLE a(x);\n--> statement-breakpoint\nCREATE TABLE b(y);");
	put("0001_b.sql", "INSERT INTO a VALUES (1);");
	journal(ENTRY(0, 1000, "0000_a") "," ENTRY(1, 2000, "0001_b"));
}

static void only_new_ones_run_and_are_recorded(void **state)
{
	struct err e;

	two();
	assert_int_equal(up(&e), 2);
	assert_int_equal(up(&e), 0);
	assert_int_equal(number("SELECT count(*) FROM __drizzle_migrations WHERE id IS NULL AND "
	    "length(hash) = 64 AND created_at IN (1000, 2000)"), 2);
	put("0002_c.sql", "INSERT INTO a VALUES (2);");
	journal(ENTRY(0, 1000, "0000_a") "," ENTRY(1, 2000, "0001_b") "," ENTRY(2, 3000, "0002_c"));
	assert_int_equal(up(&e), 1);
	assert_int_equal(number("SELECT count(*) FROM a"), 2);
}

static void an_edited_file_is_named(void **state)
{
	struct err e;

	two();
	assert_int_equal(up(&e), 2);
	put("0000_a.sql", "CREATE TABLE a(x, z);");
	refused(ERR_CONFIG, "0000_a.sql was changed");
}

static void a_newer_database_is_refused(void **state)
{
	struct err e;

	two();
	assert_int_equal(up(&e), 2);
	unlink("0001_b.sql");
	d->execute(c, &(struct statement){ .sql = "INSERT INTO __drizzle_migrations (hash, created_at) "
	    "VALUES ('ff', 9000)" }, 0, NULL, &e);
	refused(ERR_CONFIG, "newer version");
}

static void a_pending_file_before_an_applied_one_is_refused(void **state)
{
	struct err e;

	two();
	assert_int_equal(up(&e), 2);
	d->execute(c, &(struct statement){ .sql = "DELETE FROM __drizzle_migrations WHERE "
	    "created_at = 1000" }, 0, NULL, &e);
	refused(ERR_CONFIG, "0000_a.sql is pending although 0001_b.sql");
}

static void a_missing_file_is_named(void **state)
{
	put("0000_a.sql", "CREATE TABLE a(x);");
	journal(ENTRY(0, 1000, "0000_a") "," ENTRY(1, 2000, "0001_b"));
	refused(ERR_CONFIG, "0001_b");
}

static void a_file_without_an_entry_is_named(void **state)
{
	two();
	put("0002_c.sql", "SELECT 1;");
	refused(ERR_CONFIG, "0002_c");
}

static void times_out_of_order_are_refused(void **state)
{
	two();
	journal(ENTRY(0, 2000, "0000_a") "," ENTRY(1, 1000, "0001_b"));
	refused(ERR_CONFIG, "0001_b");
}

static void a_file_of_the_future_is_refused(void **state)
{
	put("0000_a.sql", "CREATE TABLE a(x);");
	journal(ENTRY(0, 99999999999999, "0000_a"));
	refused(ERR_CONFIG, "future");
	assert_int_equal(number("SELECT count(*) FROM sqlite_schema"), 0);
}

static void a_failing_file_is_undone(void **state)
{
	two();
	put("0001_b.sql", "INSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);");
	refused(ERR_SQL, "0001_b.sql failed and was undone: statement 2, line 2");
	assert_int_equal(number("SELECT count(*) FROM a"), 0);
	assert_int_equal(number("SELECT count(*) FROM __drizzle_migrations"), 1);
	assert_int_equal(number("PRAGMA foreign_keys"), 1);
}

static void a_file_may_not_end_its_transaction(void **state)
{
	put("0000_a.sql", "CREATE TABLE a(x); COMMIT;");
	journal(ENTRY(0, 1000, "0000_a"));
	refused(ERR_CONFIG, "COMMIT");
}

static void dangling_references_are_refused(void **state)
{
	put("0000_a.sql", "CREATE TABLE p(id INTEGER PRIMARY KEY);\n"
	    "CREATE TABLE k(p REFERENCES p(id));\nINSERT INTO k VALUES (7);");
	journal(ENTRY(0, 1000, "0000_a"));
	refused(ERR_CONSTRAINT, "do not exist");
	assert_int_equal(number("SELECT count(*) FROM sqlite_schema"), 0);
}

static void a_rebuilt_table_keeps_its_children(void **state)
{
	struct err e;

	put("0000_a.sql", "CREATE TABLE p(id INTEGER PRIMARY KEY);\n"
	    "CREATE TABLE k(p REFERENCES p(id) ON DELETE CASCADE);\n"
	    "INSERT INTO p VALUES (1), (2);\nINSERT INTO k VALUES (1), (2), (2);");
	put("0001_b.sql", "CREATE TABLE new_p(id INTEGER PRIMARY KEY, n DEFAULT 5);\n"
	    "INSERT INTO new_p(id) SELECT id FROM p;\nDROP TABLE p;\n"
	    "ALTER TABLE new_p RENAME TO p;");
	journal(ENTRY(0, 1000, "0000_a") "," ENTRY(1, 2000, "0001_b"));
	assert_int_equal(up(&e), 2);
	assert_int_equal(number("SELECT count(*) FROM k"), 3);
	assert_int_equal(number("PRAGMA foreign_keys"), 1);
}

/* schema.sql is the source; the migrations must give the same objects. */
static void the_migrations_give_schema_sql(void **state)
{
	struct migration_files files;
	struct conn_options o = { .create = true };
	struct conn *direct;
	struct result a = { 0 }, b = { 0 };
	struct statement all = { .sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name "
	    "NOT LIKE '%drizzle%' AND sql IS NOT NULL ORDER BY type, name" };
	char path[128], *text = NULL;
	size_t n, size = 0, i;
	struct err e;
	FILE *f;

	snprintf(path, sizeof(path), "%s/direct.db", dir);
	o.path = path;
	f = fopen("migrations_sqlite/schema.sql", "r");
	assert_non_null(f);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	assert_int_equal(d->open(&direct, &o, &e), 0);
	assert_int_equal(d->execute_script(direct, text, strlen(text), 0, &e), 0);
	assert_int_equal(migration_files_load(&files, "migrations_sqlite", &e), 0);
	assert_int_equal(migrate(d, c, &files, &n, &e), 0);
	assert_int_equal(d->execute(direct, &all, 0, &a, &e), 0);
	assert_int_equal(d->execute(c, &all, 0, &b, &e), 0);
	assert_int_equal(a.nrows, b.nrows);
	assert_true(a.nrows > 30);
	for (i = 0; i < a.nrows; i++) {
		assert_string_equal(result_value(&a, i, 1)->data, result_value(&b, i, 1)->data);
		assert_string_equal(result_value(&a, i, 2)->data, result_value(&b, i, 2)->data);
	}
	for (i = 0; i < a.nrows; i++) {
		char sql[256];
		struct result x = { 0 }, y = { 0 };
		size_t k;

		snprintf(sql, sizeof(sql), "SELECT * FROM pragma_table_xinfo('%s')",
		    result_value(&a, i, 1)->data);
		assert_int_equal(d->execute(direct, &(struct statement){ .sql = sql }, 0, &x, &e), 0);
		assert_int_equal(d->execute(c, &(struct statement){ .sql = sql }, 0, &y, &e), 0);
		assert_int_equal(x.nrows, y.nrows);
		for (k = 0; k < x.nrows * x.ncols; k++) {
			assert_int_equal(x.values[k].kind, y.values[k].kind);
			assert_int_equal(x.values[k].integer, y.values[k].integer);
			if (x.values[k].kind == VALUE_TEXT)
				assert_string_equal(x.values[k].data, y.values[k].data);
		}
		result_free(&x);
		result_free(&y);
	}
	result_free(&a);
	result_free(&b);
	migration_files_free(&files);
	d->close(direct);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clean)
		T(only_new_ones_run_and_are_recorded), T(an_edited_file_is_named),
		T(a_newer_database_is_refused), T(a_pending_file_before_an_applied_one_is_refused),
		T(a_missing_file_is_named), T(a_file_without_an_entry_is_named),
		T(times_out_of_order_are_refused), T(a_file_of_the_future_is_refused),
		T(a_failing_file_is_undone), T(a_file_may_not_end_its_transaction),
		T(dangling_references_are_refused), T(a_rebuilt_table_keeps_its_children),
		T(the_migrations_give_schema_sql),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

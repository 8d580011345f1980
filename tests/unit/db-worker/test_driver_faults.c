/*
 * The sqlite driver when the disk fails: every call in turn, once or for good,
 * followed by the death of the process or of the machine.  What was
 * acknowledged is there, and a batch is there whole or not at all.
 */
#include "tests/unit/db-worker/driver_fixture.h"
#include "tests/unit/db-worker/fault_vfs.h"

#define BATCHES 3
#define ROWS 40 /* of about 200 bytes: several pages */

struct outcome {
	bool opened;
	bool acknowledged[BATCHES + 1]; /* 0: the table */
	bool fatal;
};

static void insert_batch(struct conn *c, int number_of, struct outcome *o)
{
	struct value args[] = { value_integer(number_of) };
	struct statement s[ROWS];
	size_t i, failed = 0;
	struct err e = { 0 };
	int rc;

	for (i = 0; i < ROWS; i++)
		s[i] = (struct statement){ "INSERT INTO t VALUES (?, hex(zeroblob(100)))", args, 1 };
	rc = d->batch(c, s, ROWS, 0, NULL, &failed, &e);
	o->acknowledged[number_of] = rc == 0;
	if (rc < 0)
		assert_true(strlen(e.text) > 10);
	if (rc < 0)
		assert_false(d->in_transaction(c));
}

/* Open, create, write, checkpoint, write.  The worker ends at the first sign of a
 * failed fsync, so nothing follows one. */
static void work(struct conn **c, struct outcome *o)
{
	struct conn_options options = { .path = fixture_path, .create = true };
	struct err e = { 0 };
	int i;

	memset(o, 0, sizeof(*o));
	o->opened = d->open(c, &options, &e) == 0;
	if (o->opened && !driver_is_fatal())
		o->acknowledged[0] = run(*c, "CREATE TABLE t(batch, x)", NULL, &e) == 0;
	for (i = 1; o->opened && !driver_is_fatal() && i <= BATCHES; i++) {
		insert_batch(*c, i, o);
		if (i == 2 && !driver_is_fatal())
			d->checkpoint(*c, &e);
	}
	o->fatal = driver_is_fatal();
}

static void paths(char from[2][128], char to[2][128], const char *suffix, const char *copy)
{
	static const char *const files[] = { "", "-wal" };
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(from[i], 128, "%s%s%s", fixture_path, files[i], suffix);
		snprintf(to[i], 128, "%s/%s.db%s", fixture_dir, copy, files[i]);
	}
}

/* Copies what is on the disk (suffix "") or what is durable, as copy. */
static void take(const char *suffix, const char *copy)
{
	char from[2][128], to[2][128];
	int i;

	paths(from, to, suffix, copy);
	for (i = 0; i < 2; i++) {
		unlink(to[i]);
		fault_copy(from[i], to[i]);
	}
}

static void check(const char *copy, const struct outcome *o, bool may_be_unacknowledged)
{
	char path[128], sql[96];
	struct conn_options options = { .path = path, .create = true };
	struct conn *c = NULL;
	struct err e;
	int i;

	snprintf(path, sizeof(path), "%s/%s.db", fixture_dir, copy);
	if (d->open(&c, &options, &e) < 0)
		fail_msg("%s: call %ld: %s", copy, fault.fail_at, e.text);
	assert_int_equal(number(c, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	if (number(c, "SELECT count(*) FROM sqlite_schema WHERE name = 't'") == 0) {
		for (i = 0; i <= BATCHES; i++)
			assert_false(o->acknowledged[i]);
		d->close(c);
		return;
	}
	for (i = 1; i <= BATCHES; i++) {
		int64_t rows;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM t WHERE batch = %d", i);
		rows = number(c, sql);
		if (rows != 0 && rows != ROWS)
			fail_msg("%s: batch %d has %lld rows", copy, i, (long long)rows);
		if (o->acknowledged[i] && rows == 0)
			fail_msg("%s: acknowledged batch %d is lost", copy, i);
		if (!o->acknowledged[i] && rows != 0 && !may_be_unacknowledged)
			fail_msg("%s: batch %d is there although it failed", copy, i);
	}
	d->close(c);
}

static void wipe(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -f %s/*", fixture_dir);
	assert_int_equal(system(command), 0);
}

static void every_call_fails(bool persistent, enum fault_kind kind)
{
	struct conn *c;
	struct outcome o;
	long n, calls;

	for (n = 1; n < 5000; n++) {
		wipe();
		driver_set_fatal(false);
		fault.keep_durable = true;
		c = NULL;
		fault_arm(n, persistent, kind);
		work(&c, &o);
		calls = fault.calls;
		/* Before close, which would tidy up. */
		take("", "died");
		take(".durable", "cut");
		if (c != NULL)
			d->close(c);
		fault_arm(0, false, kind);
		fault.keep_durable = false;
		driver_set_fatal(false);
		/* Whether what could not be made durable is kept, nobody knows. */
		check("died", &o, o.fatal);
		check("cut", &o, o.fatal);
		check("t", &o, o.fatal);
		if (calls < n)
			break;
	}
	assert_true(n > 20);
	assert_true(o.acknowledged[BATCHES]);
}

static void any_call_may_fail_once(void **state) { every_call_fails(false, FAULT_IO); }
static void any_call_may_fail_for_good(void **state) { every_call_fails(true, FAULT_IO); }
static void the_disk_may_fill_once(void **state) { every_call_fails(false, FAULT_FULL); }
static void the_disk_may_fill_for_good(void **state) { every_call_fails(true, FAULT_FULL); }
static void any_write_may_be_torn(void **state) { every_call_fails(false, FAULT_TORN); }

static void a_failed_fsync_of_a_commit_is_fatal(void **state)
{
	struct conn *c = fixture_open(false);
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	assert_false(driver_is_fatal());
	fault.only_sync_of = "-wal";
	fault_arm(1, false, FAULT_IO);
	assert_int_equal(run(c, "INSERT INTO t VALUES (1)", NULL, &e), ERR_IO);
	assert_true(fault.fired);
	assert_true(driver_is_fatal());
	if (strstr(e.text, "durable") == NULL)
		fail_msg("%s", e.text);
	d->close(c);
}

static void a_failed_fsync_of_a_checkpoint_is_fatal(void **state)
{
	struct conn *c = fixture_open(false);
	int i;

	ok(c, "CREATE TABLE t(a)");
	fault.only_sync_of = "t.db";
	fault_arm(1, false, FAULT_IO);
	/* SQLite acknowledges these commits, rightly: they are durable in the log. */
	for (i = 0; i < 100 && !fault.fired; i++)
		ok(c, "INSERT INTO t VALUES (zeroblob(500000))");
	assert_true(fault.fired);
	assert_true(driver_is_fatal());
	d->close(c);
}

static void the_log_is_checkpointed_now_and_then(void **state)
{
	struct conn *c = fixture_open(false);
	int i;

	ok(c, "CREATE TABLE t(a)");
	fault.only_sync_of = "t.db";
	fault_arm(0, false, FAULT_IO);
	for (i = 0; i < 20; i++)
		ok(c, "INSERT INTO t VALUES (zeroblob(500000))");
	assert_true(fault.calls > 0);
	d->close(c);
}

static void a_full_disk_is_said_so(void **state)
{
	struct conn *c = fixture_open(false);
	struct err e;

	ok(c, "CREATE TABLE t(a)");
	fault_arm(1, true, FAULT_FULL);
	assert_int_equal(run(c, "INSERT INTO t VALUES (1)", NULL, &e), ERR_IO);
	assert_non_null(strstr(e.text, "full"));
	assert_false(driver_is_fatal());
	fault_arm(0, false, FAULT_FULL);
	ok(c, "INSERT INTO t VALUES (2)");
	assert_int_equal(number(c, "SELECT sum(a) FROM t"), 2);
	d->close(c);
}

static int reset(void **state)
{
	fault_arm(0, false, FAULT_IO);
	fault.only_sync_of = NULL;
	fault.keep_durable = false;
	driver_set_fatal(false);
	return fixture_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_make, reset)
		T(any_call_may_fail_once), T(any_call_may_fail_for_good), T(the_disk_may_fill_once),
		T(the_disk_may_fill_for_good), T(any_write_may_be_torn),
		T(a_failed_fsync_of_a_commit_is_fatal), T(a_failed_fsync_of_a_checkpoint_is_fatal),
		T(the_log_is_checkpointed_now_and_then), T(a_full_disk_is_said_so),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The active connection: order of leases, readers beside the writer, a lost file. */
#include "tests/unit/db-worker/driver_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "db-worker/database.h"

#define SOON (clock_monotonic_ms() + 20)
#define LATER (clock_monotonic_ms() + 60000)
#define WAITERS 12

static struct database *db;

static int make(void **state)
{
	struct conn_options o = { .path = fixture_path, .create = true, .read_only = true };
	struct err e;

	if (fixture_make(state) < 0)
		return -1;
	return database_open(&db, d, &o, 2, &e);
}

static int drop(void **state)
{
	database_close(db);
	return fixture_remove(state);
}

static struct conn *writer(void)
{
	struct err e;
	struct conn *c = database_lease_writer(db, LATER, &e);

	assert_non_null(c);
	return c;
}

static struct conn *reader(void)
{
	struct err e;
	struct conn *c = database_lease_reader(db, LATER, &e);

	assert_non_null(c);
	return c;
}

static void readers_see_what_is_committed(void **state)
{
	struct conn *w = writer(), *r = reader();
	struct err e;

	ok(w, "CREATE TABLE t(a)");
	assert_int_equal(d->begin(w, TXN_IMMEDIATE, &e), 0);
	ok(w, "INSERT INTO t VALUES (1)");
	assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
	assert_int_equal(d->commit(w, &e), 0);
	assert_int_equal(number(r, "SELECT count(*) FROM t"), 1);
	database_return(db, r);
	database_return(db, w);
}

static void a_lease_ends_at_its_deadline(void **state)
{
	struct conn *w = writer(), *r[2] = { reader(), reader() };
	struct err e = { 0 };

	assert_null(database_lease_writer(db, SOON, &e));
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_null(database_lease_reader(db, SOON, &e));
	assert_null(database_lease_writer(db, 0, &e));
	assert_null(database_lease_writer(db, -5, &e));
	database_return(db, w);
	/* Those that gave up are not in the way. */
	database_return(db, writer());
	database_return(db, r[0]);
	database_return(db, reader());
	database_return(db, r[1]);
}

static void a_lease_that_has_passed_takes_what_is_idle(void **state)
{
	struct err e;
	struct conn *c = database_lease_writer(db, 1, &e);

	assert_non_null(c);
	database_return(db, c);
}

static void what_a_lease_leaves_is_undone(void **state)
{
	struct conn *w = writer();
	struct err e;

	ok(w, "CREATE TABLE p(a PRIMARY KEY)");
	ok(w, "CREATE TABLE k(p REFERENCES p(a))");
	ok(w, "PRAGMA foreign_keys = OFF");
	assert_int_equal(d->begin(w, TXN_IMMEDIATE, &e), 0);
	ok(w, "INSERT INTO k VALUES (1)");
	database_return(db, w);
	w = writer();
	assert_int_equal(number(w, "SELECT count(*) FROM k"), 0);
	refused(w, "INSERT INTO k VALUES (1)", ERR_CONSTRAINT);
	database_return(db, w);
}

struct waiter {
	pthread_t thread;
	int number;
	bool gives_up;
};

static atomic_int started, order[WAITERS], served;

static void *wait_for_writer(void *arg)
{
	struct waiter *x = arg;
	struct err e;
	struct conn *c;

	atomic_fetch_add(&started, 1);
	c = database_lease_writer(db, x->gives_up ? SOON : LATER, &e);
	if (c == NULL)
		return NULL;
	atomic_store(&order[atomic_fetch_add(&served, 1)], x->number);
	database_return(db, c);
	return NULL;
}

/* Whether a thread stands in the queue cannot be seen from outside; after its
 * start a moment passes.  Every third gives up while it waits. */
static void writers_are_served_in_order(void **state)
{
	struct conn *w = writer();
	struct waiter x[WAITERS];
	int i, last = -1, n;

	atomic_store(&started, 0);
	atomic_store(&served, 0);
	for (i = 0; i < WAITERS; i++) {
		x[i] = (struct waiter){ .number = i, .gives_up = i % 3 == 0 };
		assert_int_equal(pthread_create(&x[i].thread, NULL, wait_for_writer, &x[i]), 0);
		while (atomic_load(&started) <= i)
			usleep(500);
		usleep(10000);
	}
	for (i = 0; i < WAITERS; i += 3)
		pthread_join(x[i].thread, NULL);
	assert_int_equal(atomic_load(&served), 0);
	database_return(db, w);
	for (i = 0; i < WAITERS; i++)
		if (i % 3 != 0)
			pthread_join(x[i].thread, NULL);
	n = atomic_load(&served);
	assert_int_equal(n, WAITERS - (WAITERS + 2) / 3);
	for (i = 0; i < n; i++) {
		assert_true(atomic_load(&order[i]) > last);
		last = atomic_load(&order[i]);
	}
}

#define THREADS 6
#define ROUNDS 50

static void *write_and_read(void *arg)
{
	struct err e;
	struct conn *c;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		c = database_lease_writer(db, LATER, &e);
		if (c == NULL || run(c, "UPDATE n SET v = v + 1", NULL, &e) < 0)
			return arg;
		database_return(db, c);
		c = database_lease_reader(db, LATER, &e);
		if (c == NULL || run(c, "SELECT v FROM n", NULL, &e) < 0)
			return arg;
		database_return(db, c);
		if (!database_is_current(db) || database_overdue_ms(db) < 0)
			return arg;
	}
	return NULL;
}

/* No client sees "locked", no write is lost. */
static void many_threads_write_and_read(void **state)
{
	struct conn *w = writer();
	pthread_t t[THREADS];
	void *failed;
	int i;

	ok(w, "CREATE TABLE n(v)");
	ok(w, "INSERT INTO n VALUES (0)");
	database_return(db, w);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, write_and_read, db), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], &failed);
		assert_null(failed);
	}
	w = writer();
	assert_int_equal(number(w, "SELECT v FROM n"), THREADS * ROUNDS);
	database_return(db, w);
}

static void a_replaced_file_is_noticed_while_all_is_leased(void **state)
{
	struct conn *w = writer();
	char other[128];
	FILE *f;

	assert_true(database_is_current(db));
	snprintf(other, sizeof(other), "%s/other.db", fixture_dir);
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(rename(other, fixture_path), 0);
	assert_false(database_is_current(db));
	assert_int_equal(unlink(fixture_path), 0);
	assert_false(database_is_current(db));
	database_return(db, w);
}

static struct conn *stuck;

static void *run_past_deadline(void *arg)
{
	struct err e;

	/* One call of a function, which looks at no clock: some hundred ms. */
	d->execute(stuck, &(struct statement){ .sql = "SELECT instr(hex(zeroblob(300000)), "
	    "hex(zeroblob(120000)) || '1')" }, clock_monotonic_ms() + 1, NULL, &e);
	return NULL;
}

static void an_overdue_statement_is_seen(void **state)
{
	pthread_t t;
	int64_t most = 0, now;

	stuck = reader();
	assert_int_equal(database_overdue_ms(db), 0);
	assert_int_equal(pthread_create(&t, NULL, run_past_deadline, NULL), 0);
	do {
		now = database_overdue_ms(db);
		most = now > most ? now : most;
		usleep(1000);
	} while (pthread_tryjoin_np(t, NULL) != 0);
	assert_true(most > 0);
	assert_int_equal(database_overdue_ms(db), 0);
	database_return(db, stuck);
}

static void a_database_that_cannot_be_opened_leaves_nothing(void **state)
{
	struct conn_options o = { .path = "/nowhere/t.db", .create = true };
	struct database *none = NULL;
	struct err e;

	assert_int_equal(database_open(&none, d, &o, 2, &e), ERR_NOT_FOUND);
	assert_null(none);
	database_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)
		T(readers_see_what_is_committed), T(a_lease_ends_at_its_deadline),
		T(a_lease_that_has_passed_takes_what_is_idle), T(what_a_lease_leaves_is_undone),
		T(writers_are_served_in_order), T(many_threads_write_and_read),
		T(a_replaced_file_is_noticed_while_all_is_leased), T(an_overdue_statement_is_seen),
		T(a_database_that_cannot_be_opened_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

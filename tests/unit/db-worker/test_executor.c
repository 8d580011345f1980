/* Executor threads: every job once, slow ones beside others, writes one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db-worker/executor.h"

#define MANY 2000

struct work {
	struct job job; /* first */
	int number;
	void (*what)(struct work *w);
};

static struct executor *x;
static pthread_t owner;
static int done, cancelled, done_order[MANY];
static bool done_elsewhere;
static sem_t gate, entered;
static atomic_int running, most_running, ran;

static void run(struct job *j)
{
	struct work *w = (struct work *)j;

	atomic_fetch_add(&ran, 1);
	if (w->what != NULL)
		w->what(w);
}

static void on_done(struct job *j)
{
	struct work *w = (struct work *)j;

	if (!pthread_equal(pthread_self(), owner))
		done_elsewhere = true;
	cancelled += j->cancelled;
	done_order[done++] = w->number;
	free(w);
}

static int submit(enum job_kind kind, int number, void (*what)(struct work *))
{
	struct work *w = calloc(1, sizeof(*w));
	int rc;

	w->job = (struct job){ .run = run, .done = on_done, .kind = kind };
	w->number = number;
	w->what = what;
	rc = executor_submit(x, &w->job);
	if (rc < 0)
		free(w);
	return rc;
}

static void wait_done(int n)
{
	struct pollfd p = { .fd = executor_fd(x), .events = POLLIN };

	while (done < n) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		executor_complete(x);
	}
}

static void start(unsigned threads, size_t queued)
{
	struct err e;

	assert_int_equal(executor_new(&x, threads, queued, &e), 0);
}

static int make(void **state)
{
	x = NULL;
	owner = pthread_self();
	done = cancelled = 0;
	done_elsewhere = false;
	atomic_store(&running, 0);
	atomic_store(&most_running, 0);
	atomic_store(&ran, 0);
	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	return 0;
}

static int drop(void **state)
{
	executor_free(x);
	sem_destroy(&gate);
	sem_destroy(&entered);
	return 0;
}

static void wait_at_gate(struct work *w)
{
	sem_post(&entered);
	sem_wait(&gate);
}

static void count_running(struct work *w)
{
	int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
		;
	sched_yield();
	atomic_fetch_sub(&running, 1);
}

static void every_job_runs_once_and_is_completed_here(void **state)
{
	bool seen[MANY] = { false };
	int i;

	start(4, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(submit(i % 3 == 0 ? JOB_WRITE : JOB_ANY, i, NULL), 0);
	wait_done(MANY);
	assert_int_equal(atomic_load(&ran), MANY);
	for (i = 0; i < MANY; i++) {
		assert_false(seen[done_order[i]]);
		seen[done_order[i]] = true;
	}
	assert_false(done_elsewhere);
	assert_int_equal(cancelled, 0);
}

static void a_slow_job_does_not_stop_the_others(void **state)
{
	int i;

	start(2, 100);
	assert_int_equal(submit(JOB_ANY, 1000, wait_at_gate), 0);
	sem_wait(&entered);
	for (i = 0; i < 50; i++)
		assert_int_equal(submit(i % 2 ? JOB_WRITE : JOB_ANY, i, NULL), 0);
	wait_done(50);
	sem_post(&gate);
	wait_done(51);
	assert_int_equal(done_order[50], 1000);
}

static void waiting_writes_hold_no_thread(void **state)
{
	int i;

	start(2, 100);
	for (i = 0; i < 20; i++)
		assert_int_equal(submit(JOB_WRITE, i, wait_at_gate), 0);
	sem_wait(&entered);
	for (i = 0; i < 20; i++)
		assert_int_equal(submit(JOB_ANY, 100 + i, NULL), 0);
	wait_done(20);
	for (i = 0; i < 20; i++)
		assert_true(done_order[i] >= 100);
	for (i = 0; i < 20; i++)
		sem_post(&gate);
	wait_done(40);
	/* And come in their order. */
	for (i = 0; i < 20; i++)
		assert_int_equal(done_order[20 + i], i);
}

static void writes_run_one_at_a_time(void **state)
{
	int i;

	start(4, MANY);
	for (i = 0; i < 500; i++)
		assert_int_equal(submit(JOB_WRITE, i, count_running), 0);
	wait_done(500);
	assert_int_equal(atomic_load(&most_running), 1);
}

static void one_thread_serves_both_kinds_in_order(void **state)
{
	int i;

	start(1, 100);
	assert_int_equal(submit(JOB_ANY, 0, wait_at_gate), 0);
	sem_wait(&entered);
	for (i = 1; i < 60; i++)
		assert_int_equal(submit(i % 2 ? JOB_WRITE : JOB_ANY, i, NULL), 0);
	sem_post(&gate);
	wait_done(60);
	for (i = 0; i < 60; i++)
		assert_int_equal(done_order[i], i);
}

static void the_queue_is_bounded(void **state)
{
	int i;

	start(1, 3);
	assert_int_equal(submit(JOB_ANY, 0, wait_at_gate), 0);
	sem_wait(&entered);
	for (i = 1; i <= 3; i++)
		assert_int_equal(submit(i == 2 ? JOB_WRITE : JOB_ANY, i, NULL), 0);
	assert_int_equal(submit(JOB_ANY, 4, NULL), ERR_FULL);
	assert_int_equal(submit(JOB_WRITE, 4, NULL), ERR_FULL);
	sem_post(&gate);
	wait_done(4);
	assert_int_equal(submit(JOB_ANY, 5, NULL), 0);
	wait_done(5);
}

static void nap(struct work *w)
{
	sem_post(&entered);
	usleep(20000);
}

static void stopping_completes_what_ran_and_cancels_the_rest(void **state)
{
	int i;

	start(1, 100);
	assert_int_equal(submit(JOB_ANY, 0, nap), 0);
	sem_wait(&entered);
	for (i = 1; i < 10; i++)
		assert_int_equal(submit(i % 2 ? JOB_WRITE : JOB_ANY, i, NULL), 0);
	executor_free(x);
	x = NULL;
	assert_int_equal(done, 10);
	assert_int_equal(done_order[0], 0);
	assert_int_equal(atomic_load(&ran) + cancelled, 10);
	assert_false(done_elsewhere);
}

static sigset_t thread_mask;

static void look_at_mask(struct work *w)
{
	pthread_sigmask(SIG_SETMASK, NULL, &thread_mask);
}

/* SIGSYS is how the sandbox tells which call it refused. */
static void threads_leave_signals_to_the_main_thread(void **state)
{
	sigset_t mine;

	start(1, 1);
	assert_int_equal(submit(JOB_ANY, 0, look_at_mask), 0);
	wait_done(1);
	assert_true(sigismember(&thread_mask, SIGTERM));
	assert_true(sigismember(&thread_mask, SIGHUP));
	assert_true(sigismember(&thread_mask, SIGCHLD));
	assert_false(sigismember(&thread_mask, SIGSYS));
	assert_false(sigismember(&thread_mask, SIGSEGV));
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	assert_false(sigismember(&mine, SIGTERM));
}

static void an_executor_needs_a_thread(void **state)
{
	struct err e;

	assert_int_equal(executor_new(&x, 0, 1, &e), ERR_INVALID);
	executor_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)
		T(every_job_runs_once_and_is_completed_here), T(a_slow_job_does_not_stop_the_others),
		T(waiting_writes_hold_no_thread), T(writes_run_one_at_a_time),
		T(one_thread_serves_both_kinds_in_order), T(the_queue_is_bounded),
		T(stopping_completes_what_ran_and_cancels_the_rest),
		T(threads_leave_signals_to_the_main_thread), T(an_executor_needs_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Executor threads: see executor.h.
 *
 * Invariants: a job is in exactly one place: a queue, a thread, the finished
 * list, or with its owner; of each kind no more than its limit are on threads.
 */
#include "db-worker/executor.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_SIZE (1u << 20) /* reserved; SQLite's parser and VM touch far less */

struct list {
	struct job *first, **last;
};

struct executor {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list queues[JOB_KINDS], finished;
	uint64_t next_number;
	size_t queued, max_queued;
	unsigned running[JOB_KINDS];
	bool stopping;
	int fd;
	unsigned nthreads;
	pthread_t threads[];
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_put(struct list *l, struct job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
}

static struct job *list_take(struct list *l)
{
	struct job *j = l->first;

	if (j != NULL && (l->first = j->next) == NULL)
		l->last = &l->first;
	return j;
}

static void wake_owner(struct executor *x)
{
	uint64_t one = 1;
	ssize_t ignored = write(x->fd, &one, sizeof(one));

	(void)ignored;
}

static const unsigned limits[JOB_KINDS] = {
	[JOB_ANY] = UINT_MAX, [JOB_WRITE] = 1, [JOB_HASH] = 2
};

/* The oldest job that may run now. */
static struct job *take_job(struct executor *x)
{
	struct list *oldest = NULL;
	int kind;

	for (kind = 0; kind < JOB_KINDS; kind++) {
		struct job *j = x->queues[kind].first;

		if (j != NULL && x->running[kind] < limits[kind] &&
		    (oldest == NULL || j->number < oldest->first->number))
			oldest = &x->queues[kind];
	}
	if (oldest == NULL)
		return NULL;
	x->running[oldest->first->kind]++;
	return list_take(oldest);
}

static void run_job(struct executor *x, struct job *j)
{
	enum job_kind kind = j->kind;

	x->queued--;
	pthread_mutex_unlock(&x->lock);
	j->run(j);
	pthread_mutex_lock(&x->lock);
	list_put(&x->finished, j);
	x->running[kind]--;
	/* This thread may take an older job of another kind. */
	if (kind != JOB_ANY && x->queues[kind].first != NULL)
		pthread_cond_signal(&x->work);
	wake_owner(x);
}

static void *thread_main(void *arg)
{
	struct executor *x = arg;
	struct job *j;

	pthread_mutex_lock(&x->lock);
	while (!x->stopping) {
		j = take_job(x);
		if (j != NULL)
			run_job(x, j);
		else
			pthread_cond_wait(&x->work, &x->lock);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* Signals are the main thread's, but for those that a thread raises itself: when
 * they are blocked, the kernel ends the process without calling their handler, and
 * that is what names a call which the sandbox refused (SIGSYS). */
static void block_signals(sigset_t *old)
{
	static const int own[] = { SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&set, own[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

static int start_threads(struct executor *x, unsigned n, struct err *e)
{
	pthread_attr_t attr;
	sigset_t old;
	int rc = 0;

	block_signals(&old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (; rc == 0 && x->nthreads < n; x->nthreads += rc == 0)
		rc = pthread_create(&x->threads[x->nthreads], &attr, thread_main, x);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : err_set_errno(e, ERR_IO, rc, "cannot start an executor thread");
}

int executor_new(struct executor **out, unsigned n, size_t max_queued, struct err *e)
{
	struct executor *x;
	int rc, kind;

	if (n == 0)
		return err_set(e, ERR_INVALID, "an executor needs a thread");
	x = calloc(1, sizeof(*x) + n * sizeof(pthread_t));
	if (x == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the executor");
	x->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->fd < 0) {
		free(x);
		return err_set_errno(e, ERR_IO, errno, "cannot make the executor's event");
	}
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->work, NULL);
	for (kind = 0; kind < JOB_KINDS; kind++)
		list_init(&x->queues[kind]);
	list_init(&x->finished);
	x->max_queued = max_queued;
	rc = start_threads(x, n, e);
	if (rc < 0) {
		executor_free(x);
		return rc;
	}
	*out = x;
	return 0;
}

void executor_free(struct executor *x)
{
	struct job *j;
	unsigned i;
	int kind;

	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	x->stopping = true;
	pthread_cond_broadcast(&x->work);
	pthread_mutex_unlock(&x->lock);
	for (i = 0; i < x->nthreads; i++)
		pthread_join(x->threads[i], NULL);
	executor_complete(x);
	for (kind = 0; kind < JOB_KINDS; kind++) {
		while ((j = list_take(&x->queues[kind])) != NULL) {
			j->cancelled = true;
			j->done(j);
		}
	}
	pthread_cond_destroy(&x->work);
	pthread_mutex_destroy(&x->lock);
	close(x->fd);
	free(x);
}

int executor_fd(const struct executor *x)
{
	return x->fd;
}

int executor_submit(struct executor *x, struct job *j)
{
	int rc = 0;

	pthread_mutex_lock(&x->lock);
	if (x->queued >= x->max_queued) {
		rc = ERR_FULL;
	} else {
		j->number = x->next_number++;
		j->cancelled = false;
		list_put(&x->queues[j->kind], j);
		x->queued++;
		pthread_cond_signal(&x->work);
	}
	pthread_mutex_unlock(&x->lock);
	return rc;
}

void executor_complete(struct executor *x)
{
	struct job *j, *next;
	uint64_t count;
	ssize_t ignored = read(x->fd, &count, sizeof(count));

	(void)ignored;
	pthread_mutex_lock(&x->lock);
	j = x->finished.first;
	list_init(&x->finished);
	pthread_mutex_unlock(&x->lock);
	for (; j != NULL; j = next) {
		next = j->next;
		j->done(j);
	}
}

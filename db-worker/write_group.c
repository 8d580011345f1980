/*
 * Group commit: see write_group.h.
 *
 * Invariant: nothing is acknowledged before its COMMIT returned; when the engine
 * gives up the whole transaction, every member that had succeeded in it runs again
 * in a transaction of its own.
 */
#include "db-worker/write_group.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db-worker/services.h"

#define LEASE_MS 10000
#define STEP_MS 10000 /* for all statements of one member */

struct write_group {
	pthread_mutex_t lock; /* of the waiting */
	struct executor *executor;
	struct services *services;
	void (*done)(struct request *q);
	struct request *first, **last;
	bool submitted; /* a run will take what waits */
};

struct run {
	struct job job;
	struct write_group *group;
	struct request *members;
};

/* All of them: the channels bound how many there can be. */
static void take_waiting(struct run *run)
{
	struct write_group *g = run->group;

	pthread_mutex_lock(&g->lock);
	run->members = g->first;
	g->first = NULL;
	g->last = &g->first;
	g->submitted = false;
	pthread_mutex_unlock(&g->lock);
}

static int statement(struct services *s, struct conn *c, const char *sql, struct err *e)
{
	return s->driver->execute(c, &(struct statement){ .sql = sql }, 0, NULL, e);
}

static void run_step(struct services *s, struct conn *c, struct request *q)
{
	q->code = 0;
	q->changed = 0;
	q->db = (struct db){ s->driver, c, clock_monotonic_ms() + STEP_MS };
	q->step->run(q);
	q->db.conn = NULL;
}

/* In a transaction of its own. */
static void run_alone(struct services *s, struct conn *c, struct request *q)
{
	struct err e;

	if (s->driver->begin(c, TXN_IMMEDIATE, &e) < 0) {
		request_fail_with(q, &e);
		return;
	}
	run_step(s, c, q);
	if (q->code == 0 && s->driver->commit(c, &e) < 0)
		request_fail_with(q, &e);
	if (q->code < 0)
		s->driver->rollback(c, NULL);
	else
		services_changed(s, q->changed);
}

/* False when the engine ended the transaction. */
static bool run_member(struct services *s, struct conn *c, struct request *q)
{
	struct err e;

	if (statement(s, c, "SAVEPOINT member", &e) < 0) {
		request_fail_with(q, &e);
		return s->driver->in_transaction(c);
	}
	run_step(s, c, q);
	if (!s->driver->in_transaction(c))
		return false;
	if (q->code < 0 && statement(s, c, "ROLLBACK TO member", &e) < 0)
		return false;
	return statement(s, c, "RELEASE member", &e) == 0;
}

/* True when the members' fate is decided, false when they must run alone. */
static bool run_together(struct services *s, struct conn *c, struct request *members)
{
	unsigned changed = 0;
	struct request *q;
	struct err e;

	if (s->driver->begin(c, TXN_IMMEDIATE, &e) < 0)
		return false;
	for (q = members; q != NULL; q = q->next) {
		if (!run_member(s, c, q)) {
			s->driver->rollback(c, NULL);
			return false;
		}
		changed |= q->code == 0 ? q->changed : 0;
	}
	if (s->driver->commit(c, &e) < 0) {
		s->driver->rollback(c, NULL);
		for (q = members; q != NULL; q = q->next)
			if (q->code == 0)
				request_fail_with(q, &e);
		return true;
	}
	services_changed(s, changed);
	return true;
}

static void on_run(struct job *j)
{
	struct run *run = (struct run *)j;
	struct services *s = run->group->services;
	struct request *q;
	struct conn *c;
	struct err e;

	take_waiting(run);
	if (run->members == NULL)
		return;
	c = database_lease_writer(s->database, clock_monotonic_ms() + LEASE_MS, &e);
	if (c == NULL) {
		for (q = run->members; q != NULL; q = q->next)
			request_fail_with(q, &e);
		return;
	}
	if (run->members->next == NULL || !run_together(s, c, run->members))
		for (q = run->members; q != NULL; q = q->next)
			run_alone(s, c, q);
	database_return(s->database, c);
}

static void on_done(struct job *j)
{
	struct run *run = (struct run *)j;
	struct request *q, *next;

	if (j->cancelled)
		take_waiting(run);
	for (q = run->members; q != NULL; q = next) {
		next = q->next;
		if (j->cancelled)
			request_fail(q, ERR_UNAVAILABLE, "The database process ends; try again.");
		run->group->done(q);
	}
	free(run);
}

void write_group_add(struct write_group *g, struct request *q)
{
	struct run *run = NULL;

	pthread_mutex_lock(&g->lock);
	if (!g->submitted)
		run = calloc(1, sizeof(*run));
	if (!g->submitted && run == NULL) {
		pthread_mutex_unlock(&g->lock);
		request_fail(q, ERR_NOMEM, "Not enough memory; try again.");
		g->done(q);
		return;
	}
	q->next = NULL;
	*g->last = q;
	g->last = &q->next;
	g->submitted = true;
	pthread_mutex_unlock(&g->lock);
	if (run == NULL)
		return;
	run->group = g;
	run->job.run = on_run;
	run->job.done = on_done;
	run->job.kind = JOB_WRITE;
	if (executor_submit(g->executor, &run->job) < 0) {
		run->job.cancelled = true;
		on_done(&run->job);
	}
}

int write_group_new(struct write_group **out, struct executor *x, struct services *services,
    void (*done)(struct request *q), struct err *e)
{
	struct write_group *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for writes");
	pthread_mutex_init(&g->lock, NULL);
	g->executor = x;
	g->services = services;
	g->done = done;
	g->last = &g->first;
	*out = g;
	return 0;
}

void write_group_free(struct write_group *g)
{
	if (g != NULL)
		pthread_mutex_destroy(&g->lock);
	free(g);
}

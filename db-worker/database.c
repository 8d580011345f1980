/*
 * The active connection: see database.h.
 *
 * Fairness: who waits holds a ticket, and tickets are served in order; a ticket
 * that gave up is skipped when its turn comes.
 *
 * Invariants: the connections and their number do not change between open and
 * close, so that they can be looked at without the lock; a connection is in one
 * idle list or with one lease.
 */
#include "db-worker/database.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define WAITERS_MAX 4096 /* in one queue */

struct pool {
	struct conn *idle[DATABASE_READERS_MAX];
	size_t nidle;
	uint64_t next_ticket, serving;
	/* Tickets that gave up, as a ring. */
	bool gone[WAITERS_MAX];
};

struct database {
	const struct driver *driver;
	struct conn *writer;
	struct conn *readers[DATABASE_READERS_MAX];
	unsigned nreaders;
	struct pool writers_pool, readers_pool;
	pthread_mutex_t lock;
	pthread_cond_t returned;
};

static int open_all(struct database *db, const struct conn_options *o, unsigned nreaders,
    struct err *e)
{
	struct conn_options writer = *o, reader = *o;
	int rc;

	writer.read_only = false;
	reader.read_only = true;
	reader.create = false;
	rc = db->driver->open(&db->writer, &writer, e);
	while (rc == 0 && db->nreaders < nreaders) {
		rc = db->driver->open(&db->readers[db->nreaders], &reader, e);
		if (rc == 0) {
			db->readers_pool.idle[db->nreaders] = db->readers[db->nreaders];
			db->readers_pool.nidle = ++db->nreaders;
		}
	}
	if (rc == 0) {
		db->writers_pool.idle[0] = db->writer;
		db->writers_pool.nidle = 1;
	}
	return rc;
}

int database_open(struct database **out, const struct driver *driver,
    const struct conn_options *o, unsigned nreaders, struct err *e)
{
	struct database *db = calloc(1, sizeof(*db));
	pthread_condattr_t attr;
	int rc;

	if (db == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the database");
	db->driver = driver;
	pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&db->returned, &attr);
	pthread_condattr_destroy(&attr);
	rc = open_all(db, o, nreaders > DATABASE_READERS_MAX ?
	    DATABASE_READERS_MAX : nreaders, e);
	if (rc < 0) {
		database_close(db);
		return rc;
	}
	*out = db;
	return 0;
}

void database_close(struct database *db)
{
	unsigned i;

	if (db == NULL)
		return;
	/* Readers first: the last connection of a WAL database checkpoints, and
	 * that must be the writer. */
	for (i = 0; i < db->nreaders; i++)
		db->driver->close(db->readers[i]);
	if (db->writer != NULL)
		db->driver->close(db->writer);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

const struct driver *database_driver(const struct database *db)
{
	return db->driver;
}

static void skip_gone(struct pool *p)
{
	while (p->serving < p->next_ticket && p->gone[p->serving % WAITERS_MAX]) {
		p->gone[p->serving % WAITERS_MAX] = false;
		p->serving++;
	}
}

/* The connection, or NULL after the deadline.  Under the lock. */
static struct conn *wait_for_turn(struct database *db, struct pool *p, int64_t deadline_ms)
{
	struct timespec until = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
	struct conn *c = NULL;
	uint64_t ticket = p->next_ticket++;
	int rc = deadline_ms > 0 ? 0 : ETIMEDOUT;

	while (rc == 0 && (ticket != p->serving || p->nidle == 0))
		rc = pthread_cond_timedwait(&db->returned, &db->lock, &until);
	if (ticket == p->serving && p->nidle > 0) {
		c = p->idle[--p->nidle];
		p->serving++;
	} else {
		p->gone[ticket % WAITERS_MAX] = true;
	}
	skip_gone(p);
	/* The next one may be at its turn now. */
	if (p->serving < p->next_ticket && p->nidle > 0)
		pthread_cond_broadcast(&db->returned);
	return c;
}

static struct conn *lease(struct database *db, struct pool *p, int64_t deadline_ms,
    struct err *e)
{
	struct conn *c = NULL;

	pthread_mutex_lock(&db->lock);
	if (p->next_ticket - p->serving < WAITERS_MAX)
		c = wait_for_turn(db, p, deadline_ms);
	pthread_mutex_unlock(&db->lock);
	if (c == NULL)
		err_set(e, ERR_UNAVAILABLE, "the database is busy; try again later");
	return c;
}

struct conn *database_lease_writer(struct database *db, int64_t deadline_ms, struct err *e)
{
	return lease(db, &db->writers_pool, deadline_ms, e);
}

struct conn *database_lease_reader(struct database *db, int64_t deadline_ms, struct err *e)
{
	/* An engine without separate readers serves all with one connection. */
	return lease(db, db->nreaders > 0 ? &db->readers_pool : &db->writers_pool, deadline_ms, e);
}

void database_return(struct database *db, struct conn *c)
{
	struct pool *p = c == db->writer ? &db->writers_pool : &db->readers_pool;

	db->driver->reset(c);
	pthread_mutex_lock(&db->lock);
	p->idle[p->nidle++] = c;
	pthread_cond_broadcast(&db->returned);
	pthread_mutex_unlock(&db->lock);
}

bool database_is_current(struct database *db)
{
	return !db->driver->is_gone(db->writer);
}

int64_t database_overdue_ms(struct database *db)
{
	int64_t most = db->driver->overdue_ms(db->writer), ms;
	unsigned i;

	for (i = 0; i < db->nreaders; i++) {
		ms = db->driver->overdue_ms(db->readers[i]);
		most = ms > most ? ms : most;
	}
	return most;
}

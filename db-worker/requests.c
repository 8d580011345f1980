/*
 * Requests from the api-workers: see requests.h.
 *
 * Invariants: a data channel lives until it has ended and none of its requests
 * runs; a request that was read is answered, unless its channel is gone; no step of
 * a message with a credential runs before identity_check said yes.
 */
#include "db-worker/requests.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db-worker/request_memory.h"
#include "db-worker/services.h"
#include "db-worker/write_group.h"

#define RUNNING_MAX 256 /* of one channel */
#define HASHING_MAX 64  /* passwords that wait or are hashed */
#define STEP_MS 10000   /* for the statements of one step, and to wait for a reader */

struct data_channel {
	struct requests *requests;
	struct channel *channel;
	struct event *readable, *writable;
	size_t running;
	bool ended; /* nothing more is read */
	bool dead;  /* nothing can be sent either */
	bool said_goaway;
	struct data_channel *next;
};

struct requests {
	struct event_base *base;
	struct executor *executor;
	const struct request_handler *handlers;
	struct services *services;
	struct write_group *writes;
	void (*changed)(void *context);
	void *context;
	size_t hashing;
	struct event *completed;
	struct data_channel *channels;
	bool draining;
};

static void free_channel(struct data_channel *d)
{
	if (d->readable != NULL)
		event_free(d->readable);
	if (d->writable != NULL)
		event_free(d->writable);
	channel_free(d->channel);
	free(d);
}

/* Frees the channel when nothing of it is left; true when it did. */
static bool sweep(struct data_channel *d)
{
	struct data_channel **p;

	if (!d->ended || d->running > 0 || (!d->dead && channel_wants_write(d->channel)))
		return false;
	for (p = &d->requests->channels; *p != d; p = &(*p)->next)
		;
	*p = d->next;
	free_channel(d);
	return true;
}

static void update(struct data_channel *d)
{
	struct requests *r = d->requests;

	if (!sweep(d)) {
		if (!d->ended && d->running < RUNNING_MAX && channel_may_read(d->channel))
			event_add(d->readable, NULL);
		else
			event_del(d->readable);
		if (!d->dead && channel_wants_write(d->channel))
			event_add(d->writable, NULL);
	}
	r->changed(r->context);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct data_channel *d = arg;

	if (channel_flush(d->channel, NULL) < 0)
		d->dead = d->ended = true;
	update(d);
}

/* A failure that is no answer to what the client asked. */
static bool is_ours(int code)
{
	return code == ERR_SQL || code == ERR_CONSTRAINT || code == ERR_INTERNAL ||
	    code == ERR_IO || code == ERR_CORRUPT || code == ERR_CONFIG || code == ERR_NOMEM;
}

static void fill_failure(struct request *q, int code, const char *text)
{
	msg_init(&q->reply, MSG_failure, q->in.id);
	q->reply.failure.code = (uint8_t)-code;
	q->reply.failure.retry_after_s = q->error.retry_after_s;
	q->reply.failure.text = text;
}

static void send_reply(struct request *q)
{
	struct data_channel *d = q->channel;
	struct err e;
	int rc;

	if (q->code < 0) {
		fill_failure(q, q->code, q->error.text);
		if (is_ours(q->code))
			log_error("%s: %s", msg_info(q->in.type)->body.name, q->error.text);
	}
	if (d->dead)
		return;
	rc = channel_send(d->channel, &q->reply, &e);
	if (rc == ERR_INTERNAL) {
		/* Something in the database that no message can carry. */
		log_error("%s: %s", msg_info(q->in.type)->body.name, e.text);
		fill_failure(q, ERR_CORRUPT, "The stored data does not fit an answer; the log says "
		    "what does not.");
		rc = channel_send(d->channel, &q->reply, &e);
	}
	/* The queue is larger than RUNNING_MAX replies of usual size; a peer that
	 * does not take its answers loses the channel, not this process its memory. */
	if (rc < 0) {
		if (rc != ERR_CLOSED)
			log_error("a reply cannot be sent: %s", e.text);
		d->dead = d->ended = true;
	}
}

static void finish(struct request *q)
{
	struct data_channel *d = q->channel;

	send_reply(q);
	request_memory_free(q);
	msg_free(&q->in);
	free(q);
	d->running--;
	update(d);
}

/* ---- steps ---- */

static void proceed(struct request *q);

static void on_done(struct job *j)
{
	struct request *q = (struct request *)j;

	if (j->kind == JOB_HASH)
		q->requests->hashing--;
	if (j->cancelled)
		request_fail(q, ERR_UNAVAILABLE, "The database process ends; try again.");
	proceed(q);
}

static void on_written(struct request *q)
{
	proceed(q);
}

static void with_reader(struct request *q, void (*run)(struct request *q))
{
	struct services *s = q->services;
	int64_t deadline = clock_monotonic_ms() + STEP_MS;
	struct err e;

	q->db = (struct db){ s->driver, database_lease_reader(s->database, deadline, &e), deadline };
	if (q->db.conn == NULL) {
		request_fail_with(q, &e);
		return;
	}
	run(q);
	database_return(s->database, q->db.conn);
	q->db.conn = NULL;
}

static void look_up_caller(struct request *q)
{
	enum ipc_credential kind;
	const char *text;
	struct err e;

	kind = msg_credential(&q->in, &text);
	if (identities_look_up(q->services->identities, &q->db, kind, text, &q->caller, &e) < 0)
		request_fail_with(q, &e);
}

static void on_look_up(struct job *j)
{
	with_reader((struct request *)j, look_up_caller);
}

static void on_run(struct job *j)
{
	struct request *q = (struct request *)j;

	if (q->step->kind == STEP_READ)
		with_reader(q, q->step->run);
	else
		q->step->run(q);
}

static void submit(struct request *q, enum job_kind kind, void (*run)(struct job *j))
{
	struct requests *r = q->requests;

	q->job.run = run;
	q->job.done = on_done;
	q->job.kind = kind;
	if (kind == JOB_HASH && r->hashing >= HASHING_MAX) {
		request_fail(q, ERR_LIMITED, "Too many passwords are being checked; try again.");
		q->error.retry_after_s = 2;
	} else if (executor_submit(r->executor, &q->job) < 0) {
		request_fail(q, ERR_UNAVAILABLE, "Too many requests at once; try again.");
	} else {
		r->hashing += kind == JOB_HASH;
		return;
	}
	finish(q);
}

/* Checks the caller once it is known. */
static void authorize(struct request *q)
{
	enum permission needed;
	struct err e;

	if (msg_has_credential(q->in.type, &needed) && identity_check(&q->caller, needed, &e) < 0)
		request_fail_with(q, &e);
}

/* The step before has ended; the next one, or the answer. */
static void proceed(struct request *q)
{
	if (q->code == 0) {
		if (q->authorized) {
			q->step++;
		} else {
			authorize(q);
			q->authorized = true;
		}
	}
	if (q->code < 0 || q->step->kind == STEP_END)
		finish(q);
	else if (q->step->kind == STEP_WRITE)
		write_group_add(q->requests->writes, q);
	else
		submit(q, q->step->kind == STEP_HASH ? JOB_HASH : JOB_ANY, on_run);
}

static const struct request_handler *find_handler(const struct requests *r, enum ipc_type type)
{
	const struct request_handler *h;

	for (h = r->handlers; h->steps[0].run != NULL; h++)
		if (h->type == type)
			return h;
	return NULL;
}

static bool needs_database(const struct request *q)
{
	return q->in.type != MSG_db_setup;
}

/* Takes over m. */
static void start_request(struct data_channel *d, struct msg *m)
{
	const struct request_handler *h = find_handler(d->requests, m->type);
	struct request *q = calloc(1, sizeof(*q));
	enum ipc_credential kind;
	enum permission needed;
	const char *text;

	if (q == NULL || h == NULL) {
		log_error("a request cannot be served: %s", h == NULL ? "unknown message" :
		    "not enough memory");
		free(q);
		msg_free(m);
		d->dead = d->ended = true;
		return;
	}
	q->requests = d->requests;
	q->channel = d;
	q->services = d->requests->services;
	q->in = *m;
	q->step = h->steps;
	d->running++;
	if (needs_database(q) && q->services->database == NULL) {
		request_fail(q, ERR_UNAVAILABLE, "No database is selected yet; set it up first.");
		finish(q);
	} else if (!msg_has_credential(m->type, &needed)) {
		proceed(q);
	} else {
		kind = msg_credential(m, &text);
		if (identities_find(q->services->identities, kind, text, &q->caller))
			proceed(q);
		else
			submit(q, JOB_ANY, on_look_up);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct data_channel *d = arg;
	struct msg m;
	struct err e;
	int rc = 1;

	/* Kept alive through the loop, although an answer may come at once. */
	d->running++;
	while (!d->ended && d->running <= RUNNING_MAX && channel_may_read(d->channel) &&
	    (rc = channel_receive(d->channel, &m, &e)) > 0)
		start_request(d, &m);
	d->running--;
	if (rc < 0) {
		d->ended = true;
		if (rc != ERR_CLOSED) {
			log_error("an api-worker broke the protocol and loses its channel: %s", e.text);
			d->dead = true;
		}
	}
	update(d);
}

static void say_goaway(struct data_channel *d)
{
	struct msg m;

	if (d->said_goaway || d->dead)
		return;
	d->said_goaway = true;
	msg_init(&m, MSG_goaway, 0);
	if (channel_send(d->channel, &m, NULL) < 0)
		d->dead = d->ended = true;
}

static void on_completed(evutil_socket_t fd, short what, void *arg)
{
	struct requests *r = arg;

	executor_complete(r->executor);
}

int requests_new(struct requests **out, struct event_base *base, struct executor *x,
    const struct request_handler *handlers, struct services *services,
    void (*changed)(void *context), void *context, struct err *e)
{
	struct requests *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->completed = event_new(base, executor_fd(x), EV_READ | EV_PERSIST, on_completed, r);
	if (r == NULL || r->completed == NULL || event_add(r->completed, NULL) < 0 ||
	    write_group_new(&r->writes, x, services, on_written, e) < 0) {
		requests_free(r);
		return err_set(e, ERR_NOMEM, "not enough memory for requests");
	}
	r->base = base;
	r->executor = x;
	r->handlers = handlers;
	r->services = services;
	r->context = context;
	r->changed = changed;
	*out = r;
	return 0;
}

void requests_free(struct requests *r)
{
	struct data_channel *d;

	if (r == NULL)
		return;
	while ((d = r->channels) != NULL) {
		r->channels = d->next;
		free_channel(d);
	}
	if (r->completed != NULL)
		event_free(r->completed);
	write_group_free(r->writes);
	free(r);
}

int requests_add_channel(struct requests *r, int fd, struct err *e)
{
	struct data_channel *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL) {
		close(fd);
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	}
	rc = channel_new(&d->channel, fd, IPC_DB, IPC_API, CHANNEL_QUEUE_DEFAULT, e);
	if (rc < 0) {
		close(fd);
		free(d);
		return rc;
	}
	d->requests = r;
	d->readable = event_new(r->base, fd, EV_READ | EV_PERSIST, on_readable, d);
	d->writable = event_new(r->base, fd, EV_WRITE, on_writable, d);
	if (d->readable == NULL || d->writable == NULL) {
		free_channel(d);
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	}
	d->next = r->channels;
	r->channels = d;
	if (r->draining)
		say_goaway(d);
	update(d);
	return 0;
}

void requests_drain(struct requests *r)
{
	struct data_channel *d, *next;

	r->draining = true;
	for (d = r->channels; d != NULL; d = next) {
		next = d->next;
		say_goaway(d);
		update(d);
	}
}

bool requests_are_done(const struct requests *r)
{
	const struct data_channel *d;

	if (r->draining)
		return r->channels == NULL;
	for (d = r->channels; d != NULL; d = d->next)
		if (d->running > 0)
			return false;
	return true;
}

/*
 * Requests from the api-workers: see requests.h.
 *
 * Invariants: a data channel lives until it has ended and none of its requests
 * runs; a request that was read is answered, unless its channel is gone.
 */
#include "db-worker/requests.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define RUNNING_MAX 256 /* of one channel */

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
	void *context;
	void (*changed)(void *context);
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

static void send_reply(struct request *q)
{
	struct data_channel *d = q->channel;
	struct err e;

	if (q->code < 0) {
		struct msg m;

		msg_init(&m, MSG_failure, q->in.id);
		m.failure.code = (uint8_t)-q->code;
		m.failure.text = q->error.text;
		q->reply = m;
	}
	/* The queue is larger than RUNNING_MAX replies of usual size; a peer that
	 * does not take its answers loses the channel, not this process its memory. */
	if (!d->dead && channel_send(d->channel, &q->reply, &e) < 0) {
		if (e.code != ERR_CLOSED)
			log_error("a reply cannot be sent: %s", e.text);
		d->dead = d->ended = true;
	}
}

static void on_done(struct job *j)
{
	struct request *q = (struct request *)j;
	struct data_channel *d = q->channel;

	if (j->cancelled)
		q->code = err_set(&q->error, ERR_UNAVAILABLE, "the database process ends; try again");
	send_reply(q);
	if (q->release != NULL)
		q->release(q);
	msg_free(&q->in);
	free(q);
	d->running--;
	update(d);
}

static void on_run(struct job *j)
{
	struct request *q = (struct request *)j;

	q->handle(q);
}

static const struct request_handler *find_handler(const struct requests *r, enum ipc_type type)
{
	const struct request_handler *h;

	for (h = r->handlers; h->handle != NULL; h++)
		if (h->type == type)
			return h;
	return NULL;
}

/* Takes over m. */
static void start_request(struct data_channel *d, struct msg *m)
{
	const struct request_handler *h = find_handler(d->requests, m->type);
	struct request *q = calloc(1, sizeof(*q));

	if (q == NULL || h == NULL) {
		log_error("a request cannot be served: %s", h == NULL ? "unknown message" :
		    "not enough memory");
		free(q);
		msg_free(m);
		d->dead = d->ended = true;
		return;
	}
	q->job.run = on_run;
	q->job.done = on_done;
	q->requests = d->requests;
	q->channel = d;
	q->in = *m;
	q->context = d->requests->context;
	q->handle = h->handle;
	d->running++;
	if (executor_submit(d->requests->executor, &q->job) < 0) {
		q->code = err_set(&q->error, ERR_UNAVAILABLE, "too many requests at once; try again");
		on_done(&q->job);
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
    const struct request_handler *handlers, void *context, void (*changed)(void *context),
    struct err *e)
{
	struct requests *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->completed = event_new(base, executor_fd(x), EV_READ | EV_PERSIST, on_completed, r);
	if (r == NULL || r->completed == NULL || event_add(r->completed, NULL) < 0) {
		requests_free(r);
		return err_set(e, ERR_NOMEM, "not enough memory for requests");
	}
	r->base = base;
	r->executor = x;
	r->handlers = handlers;
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

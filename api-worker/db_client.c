/*
 * Requests to the db-worker: see db_client.h.
 *
 * Invariants: a call is in exactly one list, `held` or that of the peer it was
 * sent to; `done` is never called from inside db_client_send; a peer is freed
 * only by its link's closed().
 */
#include "api-worker/db_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "api-worker/ipc_link.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/codec.h"
#include "ipc/frame.h"

#define HELD_MAX 1024
#define TICK_MS 50 /* while there are calls */

struct call {
	TAILQ_ENTRY(call) entry;
	struct db_request request;
	uint64_t id;
	int64_t deadline_ms;
	int64_t held_until_ms; /* while held */
	bool resend;
	struct msg copy; /* to send it later, or again; empty when not kept */
};

TAILQ_HEAD(call_list, call);

struct peer_link {
	TAILQ_ENTRY(peer_link) entry;
	struct db_client *client;
	struct ipc_link *link;
	struct call_list calls;
	bool going; /* it said goaway, or half of it is closed */
};

struct db_client {
	struct event_base *base;
	struct event *tick;
	TAILQ_HEAD(, peer_link) peers;
	struct peer_link *current; /* newest that takes requests */
	struct call_list held;
	unsigned nheld;
	uint64_t last_id;
	uint32_t hold_timeout_ms;
	char problem[1024];
	void (*changed)(void *arg);
	void *changed_arg;
};

/* ---- calls ---- */

static void finish(struct call *call, const struct msg *reply, const struct err *e)
{
	struct db_request r = call->request;

	msg_free(&call->copy);
	free(call);
	r.done(r.arg, reply, e);
}

static void fail(struct call *call, int code, const char *text)
{
	struct err e;

	err_set(&e, code, "%s", text);
	finish(call, NULL, &e);
}

/* A message that owns what it has: a sent one borrows from its sender. */
static int keep_copy(struct call *call, const struct msg *m, struct err *e)
{
	struct buf b;
	int rc;

	if (call->copy.owned)
		return 0;
	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	rc = msg_encode(&b, m, e);
	if (rc == 0)
		rc = msg_decode(&call->copy, m->type, call->id, b.data + FRAME_HEADER_SIZE,
		    b.len - FRAME_HEADER_SIZE, e);
	buf_free_secret(&b);
	return rc;
}

static void hold(struct db_client *c, struct call *call)
{
	call->held_until_ms = clock_monotonic_ms() + c->hold_timeout_ms;
	TAILQ_INSERT_TAIL(&c->held, call, entry);
	c->nheld++;
}

static void unhold(struct db_client *c, struct call *call)
{
	TAILQ_REMOVE(&c->held, call, entry);
	c->nheld--;
}

/* ---- holding ---- */

/* Sends what is held, in order, as far as the channel takes it. */
static void send_held(struct db_client *c)
{
	struct call *call;
	struct err e;
	int rc;

	while (c->current && (call = TAILQ_FIRST(&c->held)) != NULL) {
		if (call->request.still_wanted) {
			rc = call->request.still_wanted(call->request.arg, &e);
			if (rc < 0) {
				unhold(c, call);
				finish(call, NULL, &e);
				continue;
			}
		}
		rc = ipc_link_send(c->current->link, &call->copy, &e);
		if (rc == ERR_FULL || rc == ERR_CLOSED)
			return;
		unhold(c, call);
		if (rc < 0)
			finish(call, NULL, &e);
		else
			TAILQ_INSERT_TAIL(&c->current->calls, call, entry);
	}
}

static void expire(struct db_client *c, struct call_list *list, bool held, int64_t now)
{
	struct call *call, *next;

	for (call = TAILQ_FIRST(list); call; call = next) {
		next = TAILQ_NEXT(call, entry);
		if (call->deadline_ms > now && (!held || call->held_until_ms > now))
			continue;
		if (held) {
			unhold(c, call);
			fail(call, ERR_UNAVAILABLE, "The database is being restarted and did "
			    "not come back in time; try again.");
		} else {
			TAILQ_REMOVE(list, call, entry);
			fail(call, ERR_TIMEOUT, "The database did not answer in time; whether "
			    "the change was made is unknown.");
		}
		/* done() may have changed any list. */
		next = TAILQ_FIRST(list);
	}
}

static bool any_calls(const struct db_client *c)
{
	const struct peer_link *p;

	TAILQ_FOREACH(p, &c->peers, entry)
		if (!TAILQ_EMPTY(&p->calls))
			return true;
	return c->nheld > 0;
}

static void watch(struct db_client *c)
{
	const struct timeval tv = { 0, TICK_MS * 1000 };

	if (!evtimer_pending(c->tick, NULL))
		evtimer_add(c->tick, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct db_client *c = arg;
	int64_t now = clock_monotonic_ms();
	struct peer_link *p;

	send_held(c);
	expire(c, &c->held, true, now);
	TAILQ_FOREACH(p, &c->peers, entry)
		expire(c, &p->calls, false, now);
	if (any_calls(c))
		watch(c);
}

/* ---- channels ---- */

static void tell_change(struct db_client *c)
{
	if (c->changed)
		c->changed(c->changed_arg);
}

static void on_failure(struct call *call, const struct msg *m)
{
	int code = -(int)m->failure.code;
	struct err e;

	if (code >= 0 || code < ERR_CODE_LAST)
		code = ERR_INTERNAL;
	err_set(&e, code, "%s", m->failure.text ? m->failure.text : "The database failed.");
	e.retry_after_s = m->failure.retry_after_s;
	finish(call, NULL, &e);
}

static void on_message(void *arg, struct msg *m)
{
	struct peer_link *p = arg;
	struct db_client *c = p->client;
	struct call *call;

	if (m->type == MSG_goaway) {
		p->going = true;
		ipc_link_shutdown_send(p->link);
		if (c->current == p) {
			c->current = NULL;
			tell_change(c);
		}
		return;
	}
	TAILQ_FOREACH(call, &p->calls, entry)
		if (call->id == m->id)
			break;
	/* One that was given up, or never asked. */
	if (!call) {
		if (m->id == 0 || m->id > c->last_id)
			ipc_link_break(p->link, "a reply to a request that was never sent");
		return;
	}
	if (m->type != MSG_failure && m->type != call->request.reply_type) {
		ipc_link_break(p->link, "a reply of the wrong type");
		return;
	}
	TAILQ_REMOVE(&p->calls, call, entry);
	if (m->type == MSG_failure)
		on_failure(call, m);
	else
		finish(call, m, NULL);
}

/* What was in flight on a channel that has ended. */
static void lose_calls(struct db_client *c, struct call_list *calls)
{
	struct call *call;

	while ((call = TAILQ_FIRST(calls)) != NULL) {
		TAILQ_REMOVE(calls, call, entry);
		if (call->resend && c->nheld < HELD_MAX && c->problem[0] == '\0')
			hold(c, call);
		else if (call->resend)
			fail(call, ERR_UNAVAILABLE, "The database is not available; try again.");
		else
			fail(call, ERR_CLOSED, "The database process ended before it answered; "
			    "whether the change was made is unknown.");
	}
	if (c->nheld > 0)
		watch(c);
}

static void on_closed(void *arg, const struct err *e)
{
	struct peer_link *p = arg;
	struct db_client *c = p->client;
	struct call_list calls;

	if (e->code != ERR_CLOSED)
		log_error("the db-worker broke the protocol: %s", e->text);
	TAILQ_REMOVE(&c->peers, p, entry);
	if (c->current == p)
		c->current = NULL;
	TAILQ_INIT(&calls);
	TAILQ_CONCAT(&calls, &p->calls, entry);
	ipc_link_free(p->link);
	free(p);
	tell_change(c);
	lose_calls(c, &calls);
	send_held(c);
}

static const struct ipc_link_ops link_ops = { .message = on_message, .closed = on_closed };

int db_client_add_channel(struct db_client *c, int fd, struct err *e)
{
	struct peer_link *p = calloc(1, sizeof(*p));
	struct channel *channel = NULL;
	int rc;

	if (!p) {
		close(fd);
		return err_set(e, ERR_NOMEM, "not enough memory for a data channel");
	}
	rc = channel_new(&channel, fd, IPC_API, IPC_DB, CHANNEL_QUEUE_DEFAULT, e);
	if (rc < 0)
		close(fd);
	else
		rc = ipc_link_new(&p->link, c->base, channel, &link_ops, p, e);
	if (rc < 0) {
		free(p);
		return rc;
	}
	p->client = c;
	TAILQ_INIT(&p->calls);
	TAILQ_INSERT_TAIL(&c->peers, p, entry);
	c->current = p;
	tell_change(c);
	send_held(c);
	return 0;
}

bool db_client_connected(const struct db_client *c)
{
	return c->current != NULL;
}

void db_client_on_change(struct db_client *c, void (*changed)(void *arg), void *arg)
{
	c->changed = changed;
	c->changed_arg = arg;
}

void db_client_set_problem(struct db_client *c, const char *text)
{
	struct call *call;

	snprintf(c->problem, sizeof(c->problem), "%s", text ? text : "");
	while (text && (call = TAILQ_FIRST(&c->held)) != NULL) {
		unhold(c, call);
		fail(call, ERR_UNAVAILABLE, c->problem);
	}
}

/* ---- requests ---- */

int db_client_send(struct db_client *c, struct msg *m, const struct db_request *r,
    struct err *e)
{
	const struct msg_info *info = msg_info(m->type);
	struct call *call;
	int rc = ERR_CLOSED;

	if (c->problem[0] != '\0')
		return err_set(e, ERR_UNAVAILABLE, "%s", c->problem);
	if (c->nheld >= HELD_MAX)
		return err_set(e, ERR_FULL, "Too many requests wait for the database; try again.");
	call = calloc(1, sizeof(*call));
	if (!call)
		return err_set(e, ERR_NOMEM, "Not enough memory; try again.");
	msg_init(&call->copy, m->type, 0);
	call->request = *r;
	call->id = m->id = ++c->last_id;
	call->deadline_ms = clock_monotonic_ms() + r->timeout_ms;
	call->resend = (info->properties & MSG_RESEND) != 0;
	if (call->resend && keep_copy(call, m, e) < 0)
		goto fail;
	/* Those that wait already go first. */
	if (c->current && c->nheld == 0)
		rc = ipc_link_send(c->current->link, m, e);
	if (rc == 0) {
		TAILQ_INSERT_TAIL(&c->current->calls, call, entry);
	} else if (rc == ERR_FULL || rc == ERR_CLOSED) {
		if (keep_copy(call, m, e) < 0)
			goto fail;
		hold(c, call);
	} else {
		goto fail;
	}
	watch(c);
	return 0;
fail:
	rc = e ? e->code : ERR_INTERNAL;
	msg_free(&call->copy);
	free(call);
	return rc;
}

void db_client_set_hold_timeout(struct db_client *c, uint32_t ms)
{
	c->hold_timeout_ms = ms;
}

int db_client_new(struct db_client **out, struct event_base *base, uint32_t hold_timeout_ms,
    struct err *e)
{
	struct db_client *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, ERR_NOMEM, "not enough memory for the database client");
	c->base = base;
	c->hold_timeout_ms = hold_timeout_ms;
	TAILQ_INIT(&c->peers);
	TAILQ_INIT(&c->held);
	c->tick = evtimer_new(base, on_tick, c);
	if (!c->tick) {
		free(c);
		return err_set(e, ERR_NOMEM, "not enough memory for the database client");
	}
	*out = c;
	return 0;
}

static void free_calls(struct call_list *list)
{
	struct call *call;

	while ((call = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, call, entry);
		msg_free(&call->copy);
		free(call);
	}
}

void db_client_free(struct db_client *c)
{
	struct peer_link *p;

	if (!c)
		return;
	while ((p = TAILQ_FIRST(&c->peers)) != NULL) {
		TAILQ_REMOVE(&c->peers, p, entry);
		free_calls(&p->calls);
		ipc_link_free(p->link);
		free(p);
	}
	free_calls(&c->held);
	event_free(c->tick);
	free(c);
}

/*
 * The control channel: see supervisor_link.h.
 *
 * Invariant: an ask is in the list until its done was called.
 */
#include "api-worker/supervisor_link.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "api-worker/db_setup.h"
#include "api-worker/ipc_link.h"
#include "api-worker/limits.h"
#include "api-worker/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define ASKS_MAX 64
#define TICK_MS 100 /* while there are asks */

struct ask {
	TAILQ_ENTRY(ask) entry;
	uint64_t id;
	enum ipc_type reply_type;
	int64_t deadline_ms;
	void (*done)(void *arg, const struct msg *reply, const struct err *e);
	void *arg;
};

struct supervisor_link {
	struct worker *worker;
	struct ipc_link *link;
	struct event *tick;
	TAILQ_HEAD(, ask) asks;
	unsigned nasks;
	uint64_t last_id;
};

/* ---- messages ---- */

static void send_empty(struct supervisor_link *s, enum ipc_type type, uint64_t seq)
{
	struct msg m;

	msg_init(&m, type, 0);
	if (type == MSG_pong)
		m.pong.seq = seq;
	/* If it cannot be sent, the supervisor will notice by itself. */
	(void)ipc_link_send(s->link, &m, NULL);
}

static void on_ping(struct supervisor_link *s, struct msg *m)
{
	send_empty(s, MSG_pong, m->ping.seq);
}

static void on_api_config(struct supervisor_link *s, struct msg *m)
{
	struct worker *w = s->worker;
	struct http_limits limits;
	struct err e;

	if (config_take(&w->config, m, &e) < 0) {
		log_error("the new configuration is not used: %s", e.text);
		return;
	}
	log_set_level(w->config.message->log_level);
	limits_of(w->config.message, &limits);
	http_server_set_limits(w->server, &limits);
	db_client_set_hold_timeout(w->db, w->config.message->hold_timeout_ms);
}

static void on_db_state(struct supervisor_link *s, struct msg *m)
{
	struct worker *w = s->worker;

	db_view_set_state(&w->view, &m->db_state);
	/* The reason is for the operator: log and control socket have it. */
	db_client_set_problem(w->db, m->db_state.problem ? "The database cannot be used now; "
	    "the log and `deploystackctl status` say why." : NULL);
	db_setup_state_changed(w);
	/* Before this there was no true answer to GET /api/db/status. */
	if (!w->ready) {
		w->ready = true;
		http_server_start(w->server);
		send_empty(s, MSG_ready, 0);
	}
}

static void on_data_channel(struct supervisor_link *s, struct msg *m)
{
	struct err e;
	int fd = m->fd;

	m->fd = -1;
	if (db_client_add_channel(s->worker->db, fd, &e) < 0)
		log_error("cannot use a data channel: %s", e.text);
}

static void on_drained(void *arg)
{
	worker_stop(arg, WORKER_EXIT_OK);
}

static void on_drain(struct supervisor_link *s, struct msg *m)
{
	http_server_drain(s->worker->server, on_drained, s->worker);
}

static void on_reply(struct supervisor_link *s, struct msg *m)
{
	struct ask *ask;

	TAILQ_FOREACH(ask, &s->asks, entry)
		if (ask->id == m->id && ask->reply_type == m->type)
			break;
	if (!ask)
		return;
	TAILQ_REMOVE(&s->asks, ask, entry);
	s->nasks--;
	ask->done(ask->arg, m, NULL);
	free(ask);
}

static void on_message(void *arg, struct msg *m)
{
	static const struct {
		enum ipc_type type;
		void (*handle)(struct supervisor_link *s, struct msg *m);
	} handlers[] = {
		{ MSG_ping, on_ping },
		{ MSG_db_state, on_db_state },
		{ MSG_data_channel, on_data_channel },
		{ MSG_api_config, on_api_config },
		{ MSG_drain, on_drain },
		{ MSG_system_status_reply, on_reply },
		{ MSG_system_reload_reply, on_reply },
	};
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->type)
			handlers[i].handle(arg, m);
}

static void on_closed(void *arg, const struct err *e)
{
	struct supervisor_link *s = arg;

	if (e->code != ERR_CLOSED)
		log_error("the control channel failed: %s", e->text);
	worker_stop(s->worker, e->code == ERR_CLOSED ? WORKER_EXIT_OK : WORKER_EXIT_FAILED);
}

/* ---- asking ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval tv = { 0, TICK_MS * 1000 };
	struct supervisor_link *s = arg;
	struct ask *ask, *next;
	struct err e;

	for (ask = TAILQ_FIRST(&s->asks); ask; ask = next) {
		next = TAILQ_NEXT(ask, entry);
		if (ask->deadline_ms > clock_monotonic_ms())
			continue;
		TAILQ_REMOVE(&s->asks, ask, entry);
		s->nasks--;
		err_set(&e, ERR_TIMEOUT, "The supervisor did not answer in time; see the log.");
		ask->done(ask->arg, NULL, &e);
		free(ask);
		next = TAILQ_FIRST(&s->asks);
	}
	if (s->nasks > 0)
		evtimer_add(s->tick, &tv);
}

int supervisor_link_ask(struct supervisor_link *s, enum ipc_type type,
    enum ipc_type reply_type, uint32_t timeout_ms,
    void (*done)(void *arg, const struct msg *reply, const struct err *e), void *arg,
    struct err *e)
{
	const struct timeval tv = { 0, TICK_MS * 1000 };
	struct ask *ask;
	struct msg m;
	int rc;

	if (s->nasks == ASKS_MAX)
		return err_set(e, ERR_FULL, "Too many requests to the supervisor; try again.");
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return err_set(e, ERR_NOMEM, "Not enough memory; try again.");
	*ask = (struct ask){ .id = ++s->last_id, .reply_type = reply_type, .done = done,
		.arg = arg, .deadline_ms = clock_monotonic_ms() + timeout_ms };
	msg_init(&m, type, ask->id);
	rc = ipc_link_send(s->link, &m, e);
	if (rc < 0) {
		free(ask);
		return rc;
	}
	TAILQ_INSERT_TAIL(&s->asks, ask, entry);
	s->nasks++;
	if (!evtimer_pending(s->tick, NULL))
		evtimer_add(s->tick, &tv);
	return 0;
}

/* ---- life ---- */

int supervisor_link_new(struct supervisor_link **out, struct worker *w, struct channel *c,
    struct err *e)
{
	static const struct ipc_link_ops ops = { .message = on_message, .closed = on_closed };
	struct supervisor_link *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		channel_free(c);
		return err_set(e, ERR_NOMEM, "not enough memory for the control channel");
	}
	s->worker = w;
	TAILQ_INIT(&s->asks);
	rc = ipc_link_new(&s->link, w->base, c, &ops, s, e);
	s->tick = evtimer_new(w->base, on_tick, s);
	if (rc < 0 || !s->tick) {
		supervisor_link_free(s);
		return rc < 0 ? rc : err_set(e, ERR_NOMEM,
		    "not enough memory for the control channel");
	}
	*out = s;
	return 0;
}

void supervisor_link_free(struct supervisor_link *s)
{
	struct ask *ask;

	if (!s)
		return;
	while ((ask = TAILQ_FIRST(&s->asks)) != NULL) {
		TAILQ_REMOVE(&s->asks, ask, entry);
		free(ask);
	}
	ipc_link_free(s->link);
	if (s->tick)
		event_free(s->tick);
	free(s);
}

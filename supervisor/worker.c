/*
 * A worker: see worker.h.
 *
 * Invariants: pid is non-zero exactly in the states with a process; the control
 * channel is freed when the process is buried, never before, so that what it
 * said last is read.
 */
#include "supervisor/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/config.h"
#include "supervisor/spawn.h"

#define CONTROL_QUEUE (1u << 20)
#define NOT_NOW_MS 2000 /* until it is asked again whether it may start */
#define START_SILENCE_MS 15000 /* before hello nothing answers pings yet */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	if (w->state == LIFE_BACKOFF) {
		worker_event(w, EVENT_START);
		return;
	}
	log_warn("%s %ld did not finish in time", w->kind->role, (long)w->pid);
	worker_event(w, EVENT_SILENT);
}

int worker_init(struct worker *w, const struct worker_kind *kind, struct supervisor *s,
    struct event_base *base, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->supervisor = s;
	w->base = base;
	w->path = config_installed_path(kind->installed, kind->build);
	w->timer = evtimer_new(base, on_timer, w);
	if (w->path == NULL || w->timer == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for a worker");
	if (access(w->path, X_OK) < 0)
		return err_set_errno(e, ERR_CONFIG, errno, "cannot run %s; install it", w->path);
	return 0;
}

static void close_control(struct worker *w)
{
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->writable != NULL)
		event_free(w->writable);
	w->readable = w->writable = NULL;
	channel_free(w->control);
	w->control = NULL;
}

void worker_free(struct worker *w)
{
	close_control(w);
	if (w->timer != NULL)
		event_free(w->timer);
	free(w->path);
	w->timer = NULL;
	w->path = NULL;
}

void worker_start_after(struct worker *w, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	worker_event(w, EVENT_WAIT);
	evtimer_add(w->timer, &tv);
}

/* ---- messages ---- */

static void watch_writes(struct worker *w)
{
	if (w->control != NULL && w->writable != NULL && channel_wants_write(w->control))
		event_add(w->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	if (channel_flush(w->control, NULL) == 0)
		watch_writes(w);
}

void worker_send(struct worker *w, const struct msg *m)
{
	struct err e;
	int rc;

	if (w->control == NULL)
		return;
	rc = channel_send(w->control, m, &e);
	/* A closed channel means that the process ends: its exit will be seen. */
	if (rc == ERR_FULL || rc == ERR_INTERNAL) {
		log_error("%s %ld does not take its messages: %s", w->kind->role, (long)w->pid,
		    e.text);
		worker_event(w, EVENT_SILENT);
		return;
	}
	watch_writes(w);
}

static void receive_one(struct worker *w, struct msg *m)
{
	w->asked_ms = 0;
	if (m->type == MSG_pong)
		return;
	if (m->type == MSG_hello) {
		snprintf(w->sandbox, sizeof(w->sandbox), "%s", m->hello.sandbox ?
		    m->hello.sandbox : "");
		if (m->hello.complete)
			log_debug("%s %ld: %s", w->kind->role, (long)w->pid, w->sandbox);
		else
			log_warn("%s %ld runs without its full sandbox: %s", w->kind->role,
			    (long)w->pid, w->sandbox);
		worker_event(w, EVENT_HELLO);
	} else if (m->type == MSG_ready) {
		worker_event(w, EVENT_READY);
	} else {
		supervisor_message(w->supervisor, w, m);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct msg m;
	struct err e;
	int rc, n;

	/* Bounded, so that one talkative worker does not stop the others. */
	for (n = 0; n < 64 && w->control != NULL && channel_may_read(w->control); n++) {
		rc = channel_receive(w->control, &m, &e);
		if (rc == 0)
			return;
		if (rc < 0) {
			event_del(w->readable);
			if (rc != ERR_CLOSED) {
				log_error("%s %ld broke the protocol and is replaced: %s",
				    w->kind->role, (long)w->pid, e.text);
				worker_event(w, EVENT_SILENT);
			}
			return;
		}
		receive_one(w, &m);
		msg_free(&m);
	}
	if (w->control != NULL && channel_may_read(w->control))
		event_active(w->readable, EV_READ, 0);
}

/* ---- actions ---- */

static int open_control(struct worker *w, int fd, struct err *e)
{
	int rc = channel_new(&w->control, fd, IPC_SUPERVISOR, w->kind->ipc_role, CONTROL_QUEUE, e);

	if (rc < 0) {
		close(fd);
		return rc;
	}
	w->readable = event_new(w->base, fd, EV_READ | EV_PERSIST, on_readable, w);
	w->writable = event_new(w->base, fd, EV_WRITE, on_writable, w);
	if (w->readable == NULL || w->writable == NULL || event_add(w->readable, NULL) < 0)
		return err_set(e, ERR_NOMEM, "not enough memory for a control channel");
	return 0;
}

static int start(struct worker *w, struct err *e)
{
	int pair[2], fds[SPAWN_FDS_MAX], rc;
	size_t n;

	rc = channel_pair(pair, e);
	if (rc < 0)
		return rc;
	rc = open_control(w, pair[0], e);
	if (rc == 0) {
		fds[0] = pair[1];
		n = supervisor_inherited(w->supervisor, w, fds + 1, SPAWN_FDS_MAX - 1);
		rc = w->kind->configure(w->supervisor, w, e);
		if (rc == 0)
			rc = (int)(w->pid = spawn(w->path, w->kind->role, fds, n + 1, e));
	}
	close(pair[1]);
	if (rc < 0) {
		w->pid = 0;
		close_control(w);
		return rc;
	}
	w->started_ms = clock_monotonic_ms();
	/* Until its hello nothing answers pings: the start itself is the question. */
	w->asked_ms = w->started_ms;
	w->sandbox[0] = '\0';
	w->planned = false;
	if (w->started_before)
		w->restarts++;
	w->started_before = true;
	watch_writes(w);
	return 0;
}

static void spawn_or_wait(struct worker *w)
{
	struct err e;

	if (!supervisor_may_start(w->supervisor, w)) {
		worker_start_after(w, NOT_NOW_MS);
		return;
	}
	if (start(w, &e) < 0) {
		log_error("%s; trying again", e.text);
		worker_start_after(w, backoff_death(&w->backoff, clock_monotonic_ms(), 0) + 100);
		return;
	}
	log_debug("started %s %ld", w->kind->role, (long)w->pid);
}

static void drain(struct worker *w)
{
	uint32_t ms = supervisor_drain_timeout_ms(w->supervisor);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct msg m;

	w->planned = true;
	evtimer_add(w->timer, &tv);
	msg_init(&m, MSG_drain, 0);
	worker_send(w, &m);
}

static void end_process(const struct worker *w)
{
	/* While it is being started there is no process yet, and 0 is our group. */
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
}

static void act(struct worker *w, enum life_action action)
{
	switch (action) {
	case ACTION_NONE:
		break;
	case ACTION_SPAWN:
		spawn_or_wait(w);
		break;
	case ACTION_WELCOME:
		supervisor_welcomed(w->supervisor, w);
		break;
	case ACTION_CONNECT:
		supervisor_ready(w->supervisor, w);
		break;
	case ACTION_DRAIN:
		drain(w);
		break;
	case ACTION_REFUSE:
		log_error("%s %ld said something out of turn and is replaced", w->kind->role,
		    (long)w->pid);
		end_process(w);
		break;
	case ACTION_KILL:
		end_process(w);
		break;
	case ACTION_BURY: /* by worker_exited only, which knows the status */
		break;
	}
}

void worker_event(struct worker *w, enum life_event event)
{
	struct life_step step = life_next(w->state, event);

	w->state = step.state;
	act(w, step.action);
}

/* ---- death ---- */

static void describe_exit(const struct worker *w, int status, char *out, size_t size)
{
	static const struct {
		int status;
		const char *text;
	} known[] = {
		{ WORKER_EXIT_OK, "finished" },
		{ WORKER_EXIT_FAILED, "could not start or go on; its log line says why" },
		{ WORKER_EXIT_SETUP_DONE, "completed setup" },
		{ WORKER_EXIT_DB_PROBLEM, "cannot use the database" },
		{ WORKER_EXIT_SANDBOX, "could not enter its sandbox; its log line says why" },
		{ WORKER_EXIT_NOT_DURABLE, "could not make a write durable" },
		{ 127, "could not be executed" },
	};
	size_t i;

	if (WIFSIGNALED(status)) {
		snprintf(out, size, WTERMSIG(status) == SIGSYS ?
		    "killed by its sandbox (signal %d)" : "killed by signal %d", WTERMSIG(status));
		return;
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (WEXITSTATUS(status) == known[i].status) {
			snprintf(out, size, "%s", known[i].text);
			return;
		}
	snprintf(out, size, "exited with status %d", WEXITSTATUS(status));
}

/* What the process said before it ended is still in the socket. */
static void read_last_words(struct worker *w)
{
	struct msg m;

	while (w->control != NULL && channel_receive(w->control, &m, NULL) > 0) {
		if (m.type != MSG_hello && m.type != MSG_ready && m.type != MSG_pong)
			supervisor_message(w->supervisor, w, &m);
		msg_free(&m);
	}
}

void worker_exited(struct worker *w, int wait_status)
{
	int64_t now = clock_monotonic_ms();
	int exit_status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
	bool planned = (w->planned && exit_status == WORKER_EXIT_OK) ||
	    exit_status == WORKER_EXIT_SETUP_DONE;
	long pid = (long)w->pid;
	uint32_t wait = 0;

	read_last_words(w);
	close_control(w);
	evtimer_del(w->timer);
	w->pid = 0;
	worker_event(w, EVENT_EXIT);
	describe_exit(w, wait_status, w->last_exit, sizeof(w->last_exit));
	if (planned) {
		log_debug("%s %ld %s", w->kind->role, pid, w->last_exit);
		memset(&w->backoff, 0, sizeof(w->backoff));
	} else {
		wait = backoff_death(&w->backoff, now, now - w->started_ms);
		log_warn("%s %ld %s; next start in %u ms", w->kind->role, pid, w->last_exit, wait);
	}
	supervisor_buried(w->supervisor, w, exit_status, planned, wait);
}

void worker_heartbeat(struct worker *w, uint64_t seq, uint32_t timeout_ms, int64_t pause_ms)
{
	int64_t now = clock_monotonic_ms();
	struct msg m;

	if (w->pid == 0)
		return;
	if (w->asked_ms != 0)
		w->asked_ms += pause_ms;
	if (w->state == LIFE_STARTING && timeout_ms < START_SILENCE_MS)
		timeout_ms = START_SILENCE_MS;
	if (w->asked_ms != 0 && now - w->asked_ms > (int64_t)timeout_ms) {
		log_error("%s %ld has not answered for %lld ms and is replaced", w->kind->role,
		    (long)w->pid, (long long)(now - w->asked_ms));
		worker_event(w, EVENT_SILENT);
		return;
	}
	if (w->state == LIFE_STARTING || w->state == LIFE_DYING)
		return;
	if (w->asked_ms == 0)
		w->asked_ms = now;
	msg_init(&m, MSG_ping, 0);
	m.ping.seq = seq;
	worker_send(w, &m);
}

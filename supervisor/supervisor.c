/*
 * The supervisor: see supervisor.h.
 *
 * Invariants: at most one db-worker process exists, and the next one is started
 * only after the one before was reaped; a data channel is made only between
 * workers that have locked themselves down.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/internal.h"
#include "supervisor/notify.h"

#define TICK_MS 1000

/* ---- the process table ---- */

static const struct worker_kind api_kind = {
	.role = "api-worker",
	.installed = "../libexec/deploystackd/api-worker",
	.build = "api-worker",
	.ipc_role = IPC_API,
	.configure = configure_api,
};

static const struct worker_kind db_kind = {
	.role = "db-worker",
	.installed = "../libexec/deploystackd/db-worker",
	.build = "db-worker",
	.ipc_role = IPC_DB,
	.configure = configure_db,
};

size_t supervisor_inherited(struct supervisor *s, const struct worker *w, int *fds, size_t max)
{
	size_t i;

	if (w->kind != &api_kind)
		return 0;
	for (i = 0; i < s->listeners.count && i < max; i++)
		fds[i] = s->listeners.item[i].fd;
	return i;
}

uint32_t supervisor_drain_timeout_ms(const struct supervisor *s)
{
	return s->config.drain_timeout_ms;
}

/* ---- the state of the database ---- */

static void tell_state(struct supervisor *s, struct worker *w)
{
	struct msg m;

	if (!worker_is_locked(w) && w->state != LIFE_DRAINING)
		return;
	db_state_fill(&s->database, &m);
	worker_send(w, &m);
}

void supervisor_tell_all(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->napi; i++)
		tell_state(s, &s->api[i]);
	notify_send("STATUS=%s", s->database.problem[0] ? s->database.problem :
	    s->database.mode == IPC_DB_SETUP ? "waiting for setup" :
	    s->database.ready ? "serving" : "starting the database");
}

static void connect_workers(struct supervisor *s, struct worker *api)
{
	struct msg m;
	struct err e;
	int pair[2];

	if (channel_pair(pair, &e) < 0) {
		log_error("%s", e.text);
		worker_event(api, EVENT_SILENT);
		return;
	}
	msg_init(&m, MSG_data_channel, 0);
	m.fd = pair[0];
	m.data_channel.peer_pid = (uint32_t)api->pid;
	worker_send(&s->db, &m);
	m.fd = pair[1];
	m.data_channel.peer_pid = (uint32_t)s->db.pid;
	worker_send(api, &m);
	close(pair[0]);
	close(pair[1]);
}

/* ---- what happens to workers ---- */

bool supervisor_may_start(struct supervisor *s, struct worker *w)
{
	if (s->phase != PHASE_RUN)
		return false;
	if (w != &s->db)
		return true;
	db_state_look(&s->database, s->data_dir.fd);
	supervisor_tell_all(s);
	if (!s->database.readable && s->reloading)
		reload_finished(s, s->database.problem);
	return s->database.readable;
}

void supervisor_welcomed(struct supervisor *s, struct worker *w)
{
	if (w == &s->db)
		return;
	if (s->db.state == LIFE_READY)
		connect_workers(s, w);
	tell_state(s, w);
}

static void announce(struct supervisor *s)
{
	if (s->announced)
		return;
	s->announced = true;
	log_info("accepting connections");
	notify_send("READY=1");
}

void supervisor_ready(struct supervisor *s, struct worker *w)
{
	size_t i;

	if (w != &s->db) {
		announce(s);
		return;
	}
	for (i = 0; i < s->napi; i++)
		if (worker_is_locked(&s->api[i]))
			connect_workers(s, &s->api[i]);
	s->database.ready = true;
	s->check_database = false;
	s->database.problem[0] = '\0';
	log_info(s->database.mode == IPC_DB_SETUP ? "no database is selected yet: set up with "
	    "POST /api/db/setup or `deploystackctl setup sqlite`" : "the database is ready");
	supervisor_tell_all(s);
	if (s->reloading)
		reload_finished(s, NULL);
}

static bool any_api(const struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->napi; i++)
		if (s->api[i].pid != 0)
			return true;
	return false;
}

/* The end: first the api-workers, then the db-worker, then this process. */
static void go_on_stopping(struct supervisor *s)
{
	if (s->phase == PHASE_STOP_API && !any_api(s)) {
		s->phase = PHASE_STOP_DB;
		worker_event(&s->db, EVENT_DRAIN);
	}
	if (s->phase == PHASE_STOP_DB && s->db.pid == 0) {
		s->phase = PHASE_END;
		event_base_loopbreak(s->base);
	}
}

void supervisor_buried(struct supervisor *s, struct worker *w, int exit_status, bool planned,
    uint32_t wait_ms)
{
	if (w == &s->db) {
		s->database.ready = false;
		if (exit_status == WORKER_EXIT_NOT_DURABLE)
			s->check_database = true;
		if (exit_status == WORKER_EXIT_SETUP_DONE)
			log_info("setup is complete; starting the serving db-worker");
		else if (exit_status == WORKER_EXIT_SANDBOX)
			db_state_set_problem(&s->database,
			    "the db-worker cannot enter its sandbox; the log names what is missing");
		if (s->reloading && !planned)
			reload_finished(s, s->database.problem[0] ? s->database.problem :
			    "the db-worker ended unexpectedly; see the log");
		if (s->phase == PHASE_RUN && s->database.mode == IPC_DB_SERVE)
			supervisor_tell_all(s);
	} else {
		reload_forget(s, w);
	}
	if (s->phase != PHASE_RUN) {
		go_on_stopping(s);
		return;
	}
	if (wait_ms == 0)
		worker_event(w, EVENT_START);
	else
		worker_start_after(w, wait_ms);
	if (w == &s->db)
		supervisor_tell_all(s);
}

static void db_report(struct supervisor *s, struct worker *w, const struct msg *m)
{
	db_state_set_problem(&s->database, m->db_report.problem);
	supervisor_tell_all(s);
}

static bool any_network_listener(const struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->listeners.count; i++)
		if (s->listeners.item[i].kind == IPC_LISTEN_TCP && !s->listeners.item[i].loopback)
			return true;
	return false;
}

static void setup_token_wanted(struct supervisor *s, struct worker *w, const struct msg *m)
{
	uint8_t hash[TOKEN_HASH_BYTES];
	struct msg reply;

	if (!m->setup_token_wanted.wanted) {
		setup_token_remove(s->data_dir.fd);
		return;
	}
	if (!any_network_listener(s))
		return;
	setup_token_keep(s->data_dir.fd, hash);
	msg_init(&reply, MSG_setup_token, 0);
	reply.setup_token.hash = (struct ipc_bytes){ hash, sizeof(hash) };
	worker_send(w, &reply);
}

void supervisor_message(struct supervisor *s, struct worker *w, struct msg *m)
{
	static const struct {
		enum ipc_type type;
		void (*handle)(struct supervisor *s, struct worker *w, const struct msg *m);
	} handlers[] = {
		{ MSG_system_status, system_status },
		{ MSG_system_reload, system_reload },
		{ MSG_db_report, db_report },
		{ MSG_setup_token_wanted, setup_token_wanted },
	};
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->type) {
			handlers[i].handle(s, w, m);
			return;
		}
}

/* ---- life ---- */

int supervisor_new(struct supervisor **out, struct event_base *base, struct config *config,
    struct data_dir *data_dir, struct listeners *listeners, struct err *e)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	size_t i;
	int rc;

	if (s == NULL || (s->api = calloc(config->api_workers, sizeof(*s->api))) == NULL) {
		free(s);
		return err_set(e, ERR_NOMEM, "not enough memory for the supervisor");
	}
	s->base = base;
	s->config = *config;
	s->data_dir = *data_dir;
	s->listeners = *listeners;
	memset(config, 0, sizeof(*config));
	*data_dir = (struct data_dir){ .fd = -1 };
	listeners->count = 0;
	s->started_ms = s->last_tick_ms = clock_monotonic_ms();
	/* Nobody knows how the daemon before this one ended. */
	s->check_database = true;
	*out = s;
	rc = operator_token_make(s->data_dir.fd, s->operator_hash, e);
	if (rc == 0)
		rc = worker_init(&s->db, &db_kind, s, base, e);
	for (i = 0; rc == 0 && i < s->config.api_workers; i++) {
		rc = worker_init(&s->api[i], &api_kind, s, base, e);
		s->napi++;
	}
	return rc;
}

void supervisor_free(struct supervisor *s)
{
	size_t i;

	if (s == NULL)
		return;
	worker_free(&s->db);
	for (i = 0; i < s->napi; i++)
		worker_free(&s->api[i]);
	free(s->api);
	unlinkat(s->data_dir.fd, CONTROL_SOCKET, 0);
	unlinkat(s->data_dir.fd, OPERATOR_TOKEN_FILE, 0);
	listen_close(&s->listeners);
	data_dir_close(&s->data_dir);
	config_free(&s->config);
	free(s);
}

void supervisor_start(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->listeners.count; i++)
		log_info("listening on %s", s->listeners.item[i].name);
	if (s->config.sandbox == SANDBOX_OFF)
		log_warn("SANDBOX=off: the workers run without a sandbox; for debugging only");
	worker_event(&s->db, EVENT_START);
	for (i = 0; i < s->napi; i++)
		worker_event(&s->api[i], EVENT_START);
}

static void kill_all(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->napi; i++)
		if (s->api[i].pid != 0)
			kill(s->api[i].pid, SIGKILL);
	if (s->db.pid != 0)
		kill(s->db.pid, SIGKILL);
}

void supervisor_stop(struct supervisor *s)
{
	size_t i;

	if (s->phase != PHASE_RUN) {
		log_warn("stopping at once");
		kill_all(s);
		s->phase = PHASE_END;
		event_base_loopbreak(s->base);
		return;
	}
	log_info("stopping");
	notify_send("STOPPING=1");
	s->phase = PHASE_STOP_API;
	for (i = 0; i < s->napi; i++)
		worker_event(&s->api[i], EVENT_DRAIN);
	go_on_stopping(s);
}

static struct worker *find_worker(struct supervisor *s, pid_t pid)
{
	size_t i;

	if (s->db.pid == pid)
		return &s->db;
	for (i = 0; i < s->napi; i++)
		if (s->api[i].pid == pid)
			return &s->api[i];
	return NULL;
}

void supervisor_reap(struct supervisor *s)
{
	struct worker *w;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		w = find_worker(s, pid);
		if (w != NULL)
			worker_exited(w, status);
	}
}

void supervisor_tick(struct supervisor *s)
{
	int64_t now = clock_monotonic_ms(), pause = now - s->last_tick_ms - TICK_MS;
	size_t i;

	s->last_tick_ms = now;
	s->ping_seq++;
	for (i = 0; i <= s->napi; i++)
		worker_heartbeat(i < s->napi ? &s->api[i] : &s->db, s->ping_seq,
		    s->config.heartbeat_timeout_ms, pause > TICK_MS / 2 ? pause : 0);
}

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
#include "supervisor/db_state.h"
#include "supervisor/notify.h"
#include "supervisor/process_info.h"
#include "supervisor/worker.h"

#define RELOAD_WAITERS_MAX 32
#define TICK_MS 1000

enum phase { PHASE_RUN, PHASE_STOP_API, PHASE_STOP_DB, PHASE_END };

struct reload_waiter {
	struct worker *worker;
	uint64_t id;
};

struct supervisor {
	struct event_base *base;
	struct config config;
	struct data_dir data_dir;
	struct listeners listeners;
	struct db_state database;
	struct worker db;
	struct worker *api;
	size_t napi;
	enum phase phase;
	bool announced;                /* READY=1 was sent */
	bool check_database;           /* the next db-worker does before it serves */
	bool reloading, reload_again;
	char reload_problem[1024];     /* of the running reload */
	struct reload_waiter waiters[RELOAD_WAITERS_MAX];
	size_t nwaiters;
	uint64_t ping_seq;
	int64_t last_tick_ms, started_ms;
};

/* ---- the process table ---- */

static int configure_api(struct supervisor *s, struct worker *w, struct err *e);
static int configure_db(struct supervisor *s, struct worker *w, struct err *e);

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

/* ---- configuration of workers ---- */

static int configure_api(struct supervisor *s, struct worker *w, struct err *e)
{
	const struct config *c = &s->config;
	struct rec_listener listeners[LISTENERS_MAX];
	struct rec_name hosts[CONFIG_HOSTS_MAX];
	struct msg m;
	size_t i;

	for (i = 0; i < s->listeners.count; i++)
		listeners[i] = (struct rec_listener){ .fd = 4 + (uint32_t)i,
			.kind = (uint8_t)s->listeners.item[i].kind,
			.loopback = s->listeners.item[i].loopback };
	for (i = 0; i < c->nallowed_hosts; i++)
		hosts[i].name = c->allowed_hosts[i];
	msg_init(&m, MSG_api_config, 0);
	m.api_config.sandbox_mode = (uint8_t)c->sandbox;
	m.api_config.uid = c->api_uid;
	m.api_config.gid = c->api_gid;
	m.api_config.log_level = (uint8_t)c->log_level;
	m.api_config.supervisor_uid = geteuid();
	m.api_config.listeners.items = listeners;
	m.api_config.listeners.count = (uint32_t)s->listeners.count;
	m.api_config.allowed_hosts.items = hosts;
	m.api_config.allowed_hosts.count = (uint32_t)c->nallowed_hosts;
	m.api_config.frontend_url = c->frontend_url;
	m.api_config.turso_url_set = c->turso_url != NULL;
	m.api_config.turso_token_set = c->turso_token.len > 0;
	m.api_config.max_connections = c->max_connections;
	m.api_config.max_connections_per_address = c->max_connections_per_address;
	m.api_config.header_timeout_ms = c->header_timeout_ms;
	m.api_config.body_timeout_ms = c->body_timeout_ms;
	m.api_config.idle_timeout_ms = c->idle_timeout_ms;
	m.api_config.write_timeout_ms = c->write_timeout_ms;
	m.api_config.hold_timeout_ms = c->hold_timeout_ms;
	m.api_config.setup_timeout_ms = c->setup_timeout_ms;
	return channel_send(w->control, &m, e);
}

static int configure_db(struct supervisor *s, struct worker *w, struct err *e)
{
	const struct config *c = &s->config;
	struct msg m;

	msg_init(&m, MSG_db_config, 0);
	m.db_config.mode = (uint8_t)s->database.mode;
	m.db_config.engine = (uint8_t)s->database.engine;
	m.db_config.sandbox_mode = (uint8_t)c->sandbox;
	m.db_config.uid = c->db_uid;
	m.db_config.gid = c->db_gid;
	m.db_config.log_level = (uint8_t)c->log_level;
	m.db_config.check = s->check_database;
	m.db_config.data_dir = s->data_dir.path;
	m.db_config.sqlite_path = c->sqlite_path;
	m.db_config.migrations_dir = c->migrations_dir;
	m.db_config.settings_dir = c->settings_dir;
	m.db_config.encryption_secret = (struct ipc_bytes){ c->encryption_secret.data,
		(uint32_t)c->encryption_secret.len };
	m.db_config.turso_url = c->turso_url;
	m.db_config.turso_token = (struct ipc_bytes){ c->turso_token.data,
		(uint32_t)c->turso_token.len };
	return channel_send(w->control, &m, e);
}

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

static void tell_all(struct supervisor *s)
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

/* ---- reload ---- */

static void reload_finished(struct supervisor *s, const char *problem)
{
	struct msg m;
	size_t i;

	s->reloading = false;
	for (i = 0; i < s->nwaiters; i++) {
		msg_init(&m, MSG_system_reload_reply, s->waiters[i].id);
		m.system_reload_reply.ok = problem == NULL;
		m.system_reload_reply.problem = problem;
		worker_send(s->waiters[i].worker, &m);
	}
	s->nwaiters = 0;
	notify_send("READY=1");
	if (problem == NULL)
		log_info("reloaded");
	if (s->reload_again) {
		s->reload_again = false;
		supervisor_reload(s);
	}
}

static int read_config_again(struct supervisor *s)
{
	struct config_errors errors = { .count = 0 };
	struct config fresh;
	char fixed[256];
	size_t i;
	int rc = config_load(&fresh, &errors);

	for (i = 0; i < errors.count; i++)
		log_error("the new configuration is refused: %s", errors.text[i]);
	if (rc < 0) {
		snprintf(s->reload_problem, sizeof(s->reload_problem), "%s",
		    errors.count ? errors.text[0] : "the configuration cannot be read");
		config_errors_free(&errors);
		return rc;
	}
	config_fixed_changes(&s->config, &fresh, fixed, sizeof(fixed));
	if (fixed[0] != '\0')
		log_warn("a restart is needed for the change of %s", fixed);
	/* What a reload cannot change stays as it is. */
	fresh.api_workers = s->config.api_workers;
	fresh.sandbox = s->config.sandbox;
	fresh.db_uid = s->config.db_uid;
	fresh.db_gid = s->config.db_gid;
	fresh.api_uid = s->config.api_uid;
	fresh.api_gid = s->config.api_gid;
	config_free(&s->config);
	s->config = fresh;
	log_set_level(fresh.log_level);
	return 0;
}

void supervisor_reload(struct supervisor *s)
{
	struct db_state before = s->database;
	struct err e;
	size_t i;

	if (s->phase != PHASE_RUN)
		return;
	if (s->reloading) {
		s->reload_again = true;
		return;
	}
	s->reloading = true;
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	if (read_config_again(s) < 0) {
		reload_finished(s, s->reload_problem);
		return;
	}
	for (i = 0; i < s->napi; i++)
		if (worker_is_locked(&s->api[i]) && configure_api(s, &s->api[i], &e) < 0)
			log_error("cannot send the configuration: %s", e.text);
	/* A selection that cannot be read leaves the one in force, if there is one. */
	db_state_look(&s->database, s->data_dir.fd);
	if (!s->database.readable && before.ready) {
		char problem[sizeof(s->database.problem)];

		memcpy(problem, s->database.problem, sizeof(problem));
		s->database = before;
		reload_finished(s, problem);
		return;
	}
	tell_all(s);
	worker_event(&s->db, EVENT_DRAIN);
	if (s->db.pid == 0) {
		s->db.state = LIFE_ABSENT;
		worker_event(&s->db, EVENT_START);
	}
}

/* ---- what happens to workers ---- */

bool supervisor_may_start(struct supervisor *s, struct worker *w)
{
	if (s->phase != PHASE_RUN)
		return false;
	if (w != &s->db)
		return true;
	db_state_look(&s->database, s->data_dir.fd);
	tell_all(s);
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
	tell_all(s);
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

static void forget_waiter(struct supervisor *s, const struct worker *w)
{
	size_t i, kept = 0;

	for (i = 0; i < s->nwaiters; i++)
		if (s->waiters[i].worker != w)
			s->waiters[kept++] = s->waiters[i];
	s->nwaiters = kept;
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
			tell_all(s);
	} else {
		forget_waiter(s, w);
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
		tell_all(s);
}

/* ---- requests ---- */

static void fill_process(struct rec_process *p, struct process_info *info, const char *role,
    pid_t pid)
{
	process_info_read(pid, info);
	p->role = role;
	p->pid = (uint32_t)pid;
	p->rss_bytes = info->rss_bytes;
	p->uid = info->uid;
	p->gid = info->gid;
	p->capabilities = info->capabilities;
	p->seccomp_mode = info->seccomp_mode;
	p->no_new_privs = info->no_new_privs;
}

static void fill_worker(struct rec_process *p, struct process_info *info, const struct worker *w)
{
	fill_process(p, info, w->kind->role, w->pid);
	p->state = life_state_name(w->state);
	p->restarts = w->restarts;
	p->uptime_ms = w->pid != 0 ? (uint64_t)(clock_monotonic_ms() - w->started_ms) : 0;
	p->sandbox = w->sandbox;
	p->last_exit = w->last_exit[0] != '\0' ? w->last_exit : NULL;
}

static bool crash_loop(const struct supervisor *s)
{
	int64_t now = clock_monotonic_ms();
	size_t i;

	for (i = 0; i < s->napi; i++)
		if (backoff_is_crash_loop(&s->api[i].backoff, now))
			return true;
	return backoff_is_crash_loop(&s->db.backoff, now);
}

static void system_status(struct supervisor *s, struct worker *w, const struct msg *request)
{
	size_t n = s->napi + 2, i;
	struct rec_process *processes = calloc(n, sizeof(*processes));
	struct process_info *info = calloc(n, sizeof(*info));
	struct msg m;

	if (processes != NULL && info != NULL) {
		fill_process(&processes[0], &info[0], "supervisor", getpid());
		processes[0].state = life_state_name(LIFE_READY);
		processes[0].uptime_ms = (uint64_t)(clock_monotonic_ms() - s->started_ms);
		fill_worker(&processes[1], &info[1], &s->db);
		processes[1].mode = s->database.mode == IPC_DB_SETUP ? "setup" : "serve";
		for (i = 0; i < s->napi; i++)
			fill_worker(&processes[2 + i], &info[2 + i], &s->api[i]);
		msg_init(&m, MSG_system_status_reply, request->id);
		m.system_status_reply.version = DEPLOYSTACKD_VERSION;
		m.system_status_reply.sandbox_mode = sandbox_mode_name(s->config.sandbox);
		m.system_status_reply.data_dir = s->data_dir.path;
		m.system_status_reply.crash_loop = crash_loop(s);
		m.system_status_reply.processes.items = processes;
		m.system_status_reply.processes.count = (uint32_t)n;
		worker_send(w, &m);
	}
	free(processes);
	free(info);
}

static void system_reload(struct supervisor *s, struct worker *w, const struct msg *request)
{
	struct msg m;

	if (s->nwaiters == RELOAD_WAITERS_MAX || s->phase != PHASE_RUN) {
		msg_init(&m, MSG_system_reload_reply, request->id);
		m.system_reload_reply.problem = s->phase != PHASE_RUN ? "the daemon is stopping" :
		    "too many reloads at once; try again";
		worker_send(w, &m);
		return;
	}
	s->waiters[s->nwaiters++] = (struct reload_waiter){ w, request->id };
	log_info("reload asked for on the control socket");
	supervisor_reload(s);
}

static void db_report(struct supervisor *s, struct worker *w, const struct msg *m)
{
	db_state_set_problem(&s->database, m->db_report.problem);
	tell_all(s);
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
	for (i = 0; i <= s->napi; i++) {
		struct worker *w = i < s->napi ? &s->api[i] : &s->db;

		/* This process slept, not the worker. */
		if (pause > TICK_MS / 2)
			w->heard_ms += pause;
		worker_heartbeat(w, s->ping_seq, s->config.heartbeat_timeout_ms);
	}
}

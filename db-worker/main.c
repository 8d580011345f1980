/*
 * db-worker: the one process that holds the database.
 *
 * Phases: open (configuration, places, migrations, modules, key), drop, lock,
 * loop.  In setup mode it waits for db_setup and ends after it succeeded; in
 * serve mode it opens the database on an executor thread, so that the main
 * loop answers heartbeats however long migrations take, and then serves.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db-worker/handlers.h"
#include "db-worker/places.h"
#include "db-worker/serve.h"
#include "db-worker/services.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD 3
#define CONTROL_QUEUE (1u << 20)
#define CONFIG_WAIT_MS 10000
#define THREADS 4
#define JOBS_MAX 1024
#define SETUP_DRAIN_MS 5000
#define CHECK_MS 2000
#define OVERDUE_MS 5000 /* a statement that nothing but the end of the process stops */

struct db_worker {
	struct event_base *base;
	struct channel *control;
	struct event *control_readable, *control_writable, *timer;
	struct executor *executor;
	struct requests *requests;
	struct msg config; /* MSG_db_config */
	struct places places;
	struct installation installation;
	struct secret passphrase;
	char db_path[PATH_MAX];
	const char *db_dir; /* how the driver reaches it after sandbox_drop */
	struct services services;
	struct serve serve;
	bool ready, draining, stopping;
	bool setup_token_wanted; /* as the supervisor was told */
	struct job open_job, check_job;
	int open_result;
	struct err open_job_error;
	int exit_status;
};

static bool is_setup(const struct db_worker *w)
{
	return w->config.db_config.mode == IPC_DB_SETUP;
}

static void end(struct db_worker *w, int status)
{
	w->exit_status = status;
	w->stopping = true;
	event_base_loopbreak(w->base);
}

/* ---- control channel ---- */

static void tell(struct db_worker *w, const struct msg *m)
{
	if (channel_send(w->control, m, NULL) < 0) {
		end(w, WORKER_EXIT_OK);
		return;
	}
	if (channel_wants_write(w->control))
		event_add(w->control_writable, NULL);
}

static void tell_type(struct db_worker *w, enum ipc_type type)
{
	struct msg m;

	msg_init(&m, type, 0);
	tell(w, &m);
}

/* The worker cannot do its job; the supervisor starts another one later. */
static void give_up(struct db_worker *w, const char *problem)
{
	struct msg m;

	msg_init(&m, MSG_db_report, 0);
	m.db_report.problem = problem;
	channel_send_wait(w->control, &m, clock_monotonic_ms() + 1000, NULL);
	end(w, driver_is_fatal() ? WORKER_EXIT_NOT_DURABLE : WORKER_EXIT_DB_PROBLEM);
}

/* ---- life ---- */

static void drain(struct db_worker *w)
{
	if (w->draining)
		return;
	w->draining = true;
	/* Not before the database is open: what waits is answered, not dropped. */
	if (w->ready)
		requests_drain(w->requests);
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

/* The setup token is of no use once there is an account. */
static void tell_accounts(struct db_worker *w)
{
	struct msg m;

	if (!w->setup_token_wanted || !atomic_load(&w->services.has_accounts))
		return;
	w->setup_token_wanted = false;
	msg_init(&m, MSG_setup_token_wanted, 0);
	tell(w, &m);
}

/* After each answer: is there a reason to end? */
static void on_changed(void *context)
{
	struct db_worker *w = context;

	if (w->stopping)
		return;
	if (driver_is_fatal()) {
		give_up(w, "a write could not be made durable (the disk reports an error); the "
		    "database is checked before it is used again");
		return;
	}
	tell_accounts(w);
	if ((w->services.setup.done || w->services.setup.problem_told) && !w->draining &&
	    requests_are_done(w->requests)) {
		struct timeval tv = { SETUP_DRAIN_MS / 1000, 0 };

		drain(w);
		evtimer_add(w->timer, &tv);
	}
	if (w->draining && w->ready && requests_are_done(w->requests))
		end(w, w->services.setup.done ? WORKER_EXIT_SETUP_DONE : WORKER_EXIT_OK);
}

static void become_ready(struct db_worker *w)
{
	struct timeval tv = { CHECK_MS / 1000, 0 };

	w->ready = true;
	w->setup_token_wanted = true;
	if (!atomic_load(&w->services.has_accounts)) {
		struct msg m;

		msg_init(&m, MSG_setup_token_wanted, 0);
		m.setup_token_wanted.wanted = true;
		tell(w, &m);
	}
	tell_type(w, MSG_ready);
	if (!is_setup(w)) {
		evtimer_add(w->timer, &tv);
		executor_submit(w->executor, &w->check_job);
	}
	if (w->draining)
		requests_drain(w->requests);
	on_changed(w);
}

static void run_open(struct job *j)
{
	struct db_worker *w = (struct db_worker *)((char *)j - offsetof(struct db_worker, open_job));

	w->open_result = serve_open(&w->serve, &w->open_job_error);
	if (w->open_result == 0)
		w->open_result = services_open(&w->services, w->serve.database, &w->open_job_error);
}

/* Not before ready: it derives the key, which takes a moment. */
static void run_check(struct job *j)
{
	struct db_worker *w = (struct db_worker *)((char *)j - offsetof(struct db_worker, check_job));

	services_check_secrets(&w->services);
}

static void done_check(struct job *j)
{
}

static void done_open(struct job *j)
{
	struct db_worker *w = (struct db_worker *)((char *)j - offsetof(struct db_worker, open_job));

	if (j->cancelled)
		return;
	if (w->open_result < 0)
		give_up(w, w->open_job_error.text);
	else
		become_ready(w);
}

/* Serve mode: is the file still there?  Setup mode: the drain took too long. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct db_worker *w = arg;
	struct timeval tv = { CHECK_MS / 1000, 0 };

	if (is_setup(w)) {
		end(w, w->services.setup.done ? WORKER_EXIT_SETUP_DONE : WORKER_EXIT_OK);
		return;
	}
	if (!database_is_current(w->services.database))
		give_up(w, "the database file was removed or replaced while it was in use; put the "
		    "right one back");
	else if (database_overdue_ms(w->services.database) > OVERDUE_MS)
		give_up(w, "a statement did not end at its deadline; the database process starts "
		    "again");
	else
		evtimer_add(w->timer, &tv);
}

static void on_control_writable(evutil_socket_t fd, short what, void *arg)
{
	struct db_worker *w = arg;

	if (channel_flush(w->control, NULL) == 0 && channel_wants_write(w->control))
		event_add(w->control_writable, NULL);
}

static void on_control_readable(evutil_socket_t fd, short what, void *arg)
{
	struct db_worker *w = arg;
	struct msg m, pong;
	struct err e;
	int rc;

	while (!w->stopping && (rc = channel_receive(w->control, &m, &e)) != 0) {
		if (rc < 0) {
			/* The supervisor is gone. */
			end(w, WORKER_EXIT_OK);
			return;
		}
		if (m.type == MSG_ping) {
			msg_init(&pong, MSG_pong, 0);
			pong.pong.seq = m.ping.seq;
			tell(w, &pong);
		} else if (m.type == MSG_data_channel) {
			if (requests_add_channel(w->requests, m.fd, &e) < 0)
				log_error("%s", e.text);
			m.fd = -1;
		} else if (m.type == MSG_setup_token) {
			setup_token_set(&w->services.setup_token, m.setup_token.hash.data,
			    m.setup_token.hash.len);
		} else if (m.type == MSG_drain) {
			drain(w);
			on_changed(w);
		}
		msg_free(&m);
	}
}

/* ---- the phases ---- */

static int open_key(struct db_worker *w, struct err *e)
{
	const struct msg_db_config *c = &w->config.db_config;
	struct secret key = { 0 };
	int rc = 0;

	if (c->encryption_secret.len > 0 && secret_set(&w->passphrase, c->encryption_secret.data,
	    c->encryption_secret.len) < 0)
		return err_set(e, ERR_NOMEM, "not enough locked memory for the encryption secret");
	if (is_setup(w))
		return 0;
	rc = secret_key_load(w->places.data_dirfd, &key, e);
	/* What was made with the file stays readable until it is encrypted anew. */
	if (rc < 0 && w->passphrase.len > 0) {
		if (rc != ERR_NOT_FOUND)
			log_warn("%s", e->text);
		rc = 0;
	}
	if (rc == 0)
		rc = setting_cipher_new(&w->services.cipher, &w->passphrase, &key, e);
	secret_free(&key);
	return rc;
}

static int open_phase(struct db_worker *w, struct err *e)
{
	const struct msg_db_config *c = &w->config.db_config;
	int rc;

	w->services.driver = driver_find("sqlite");
	w->services.engine = c->engine;
	w->services.installation = &w->installation;
	if (!is_setup(w) && c->engine != IPC_ENGINE_SQLITE)
		return err_set(e, ERR_UNSUPPORTED, "the selected engine (turso) is not available in "
		    "this version");
	rc = places_open(&w->places, c->data_dir, c->sqlite_path, is_setup(w), c->uid, c->gid, e);
	/* A directory that vanished took the database with it. */
	if (rc == ERR_NOT_FOUND && !is_setup(w))
		err_prefix(e, "the selected database is missing");
	if (rc == 0)
		rc = installation_load(&w->installation, c->migrations_dir, c->settings_dir, e);
	if (rc == 0)
		rc = open_key(w, e);
	return rc;
}

/* How the driver reaches the database's directory after sandbox_drop. */
static const char *db_prefix(const struct db_worker *w, const struct sandbox_report *report)
{
	return report->chrooted ? "" : w->places.db_dir;
}

static int drop_phase(struct db_worker *w, struct sandbox_request *r,
    struct sandbox_report *report, struct sandbox_path paths[2], int *keep, struct err *e)
{
	const struct msg_db_config *c = &w->config.db_config;
	size_t n = 0;

	if (w->places.db_dirfd >= 0)
		paths[n++] = (struct sandbox_path){ w->places.db_dirfd, SANDBOX_READ_WRITE };
	if (is_setup(w) && w->places.data_dirfd >= 0)
		paths[n++] = (struct sandbox_path){ w->places.data_dirfd, SANDBOX_READ_WRITE };
	keep[0] = CONTROL_FD;
	*r = (struct sandbox_request){
		.mode = (enum sandbox_mode)c->sandbox_mode,
		.role = is_setup(w) ? SANDBOX_DB_SETUP : SANDBOX_DB_SQLITE,
		.uid = c->uid,
		.gid = c->gid,
		.root_dirfd = w->places.db_dirfd,
		.paths = paths,
		.npaths = n,
		.max_fds = 256,
		.keep_fds = keep,
		.nkeep_fds = 1,
	};
	if (!is_setup(w) && w->places.data_dirfd >= 0) {
		close(w->places.data_dirfd);
		w->places.data_dirfd = -1;
	}
	return sandbox_drop(r, report, e);
}

static int make_loop(struct db_worker *w, struct err *e)
{
	int rc;

	w->base = event_base_new();
	if (w->base == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the event loop");
	rc = executor_new(&w->executor, THREADS, JOBS_MAX, e);
	if (rc == 0)
		rc = requests_new(&w->requests, w->base, w->executor, handlers, &w->services,
		    on_changed, w, e);
	w->control_readable = event_new(w->base, CONTROL_FD, EV_READ | EV_PERSIST,
	    on_control_readable, w);
	w->control_writable = event_new(w->base, CONTROL_FD, EV_WRITE, on_control_writable, w);
	w->timer = evtimer_new(w->base, on_timer, w);
	if (rc == 0 && (w->control_readable == NULL || w->control_writable == NULL ||
	    w->timer == NULL || event_add(w->control_readable, NULL) < 0))
		rc = err_set(e, ERR_NOMEM, "not enough memory for the event loop");
	return rc;
}

static void say_hello(struct db_worker *w, const struct sandbox_report *report)
{
	struct msg m;

	msg_init(&m, MSG_hello, 0);
	m.hello.uid = report->uid;
	m.hello.gid = report->gid;
	m.hello.seccomp_mode = report->seccomp_mode;
	m.hello.landlock_abi = (uint8_t)report->landlock_abi;
	m.hello.landlock_rules = (uint16_t)report->landlock_rules;
	m.hello.chrooted = report->chrooted;
	m.hello.sandbox = report->text;
	m.hello.complete = report->complete;
	tell(w, &m);
}

static void start_work(struct db_worker *w)
{
	w->services.setup.setup = (struct setup){ .driver = w->services.driver,
		.data_dirfd = w->places.data_dirfd, .db_dirfd = w->places.db_dirfd,
		.db_dir = w->db_dir, .db_name = w->places.db_name,
		.installation = &w->installation, .passphrase = &w->passphrase };
	w->serve = (struct serve){ .driver = w->services.driver, .db_path = w->db_path,
		.check = w->config.db_config.check, .installation = &w->installation,
		.cipher = w->services.cipher };
	w->open_job.run = run_open;
	w->open_job.done = done_open;
	w->check_job.run = run_check;
	w->check_job.done = done_check;
	if (is_setup(w))
		become_ready(w);
	else if (executor_submit(w->executor, &w->open_job) < 0)
		end(w, WORKER_EXIT_FAILED);
}

static int run(struct db_worker *w)
{
	struct sandbox_request request;
	struct sandbox_report report = { 0 };
	struct sandbox_path paths[2];
	struct err e;
	int keep[1], rc;

	rc = open_phase(w, &e);
	if (rc < 0) {
		/* In setup mode the cause is told to whoever asks for setup. */
		if (!is_setup(w)) {
			give_up(w, e.text);
			return w->exit_status;
		}
		w->services.setup.problem_code = rc;
		w->services.setup.problem = e;
	}
	w->services.setup.open = is_setup(w);
	rc = drop_phase(w, &request, &report, paths, keep, &e);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	w->db_dir = db_prefix(w, &report);
	snprintf(w->db_path, sizeof(w->db_path), "%s/%s", w->db_dir ? w->db_dir : "",
	    w->places.db_name ? w->places.db_name : "");
	if (rc == 0)
		rc = make_loop(w, &e);
	if (rc == 0)
		rc = sandbox_lock(&request, &report, &e);
	if (rc < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_SANDBOX;
	}
	say_hello(w, &report);
	start_work(w);
	if (!w->stopping)
		event_base_dispatch(w->base);
	return w->exit_status;
}

static int receive_config(struct db_worker *w, struct err *e)
{
	int rc;

	rc = channel_new(&w->control, CONTROL_FD, IPC_DB, IPC_SUPERVISOR, CONTROL_QUEUE, e);
	if (rc == 0)
		rc = channel_receive_wait(w->control, &w->config,
		    clock_monotonic_ms() + CONFIG_WAIT_MS, e);
	if (rc > 0 && w->config.type != MSG_db_config)
		rc = err_set(e, ERR_PROTOCOL, "the first message is not the configuration");
	return rc;
}

int main(void)
{
	static struct db_worker w = { .places = { .data_dirfd = -1, .db_dirfd = -1 } };
	struct err e;
	int status;

	log_init("db-worker");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	mallopt(M_ARENA_MAX, 2); /* memory follows the load, not the number of threads */
	if (sodium_init() < 0 || receive_config(&w, &e) < 0) {
		fputs("db-worker is started by deploystackd, not by hand\n", stderr);
		return 2;
	}
	log_set_level((enum log_level)w.config.db_config.log_level);
	if (services_init(&w.services, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	identities_set_operator(w.services.identities, w.config.db_config.operator_hash.data,
	    w.config.db_config.operator_hash.len);
	status = run(&w);
	/* Closes the database in order: readers, then the writer, which
	 * checkpoints. */
	executor_free(w.executor);
	requests_free(w.requests);
	serve_close(&w.serve);
	setting_cipher_free(w.services.cipher);
	services_free(&w.services);
	secret_free(&w.passphrase);
	msg_free(&w.config);
	return status;
}

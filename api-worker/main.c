/*
 * api-worker: speaks HTTP on inherited listening sockets and asks the
 * db-worker; it opens no file and makes no socket.
 *
 *   open   configuration from the control channel (descriptor 3)
 *   drop   user, root directory, capabilities, limits, Landlock; then the
 *          event loop and the listeners on it
 *   lock   seccomp
 *   loop   the first byte from the network is read here
 *
 * It ends when the control channel closes, or when it was told to drain and
 * has finished.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "api-worker/access_log.h"
#include "api-worker/db_setup.h"
#include "api-worker/limits.h"
#include "api-worker/routes.h"
#include "api-worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD 3
#define CONFIG_TIMEOUT_MS 10000
#define HELLO_TIMEOUT_MS 10000
#define CONTROL_QUEUE (1u << 20)
#define SPARE_FDS 256 /* beside the connections: channels, refusals, epoll, … */
#define LISTENERS_MAX 64

void worker_stop(struct worker *w, int exit_status)
{
	w->stop = true;
	w->exit_status = exit_status;
	event_base_loopbreak(w->base);
}

static void on_db_channel_change(void *arg)
{
	struct worker *w = arg;

	db_view_set_connected(&w->view, db_client_connected(w->db));
	db_setup_state_changed(w);
}

/* ---- open ---- */

static int receive_config(struct worker *w, struct channel *control, struct err *e)
{
	struct msg m;
	int rc;

	rc = channel_receive_wait(control, &m, clock_monotonic_ms() + CONFIG_TIMEOUT_MS, e);
	if (rc < 0)
		return err_prefix(e, "no configuration");
	if (m.type != MSG_api_config) {
		msg_free(&m);
		return err_set(e, ERR_PROTOCOL, "the first message was not the configuration");
	}
	rc = settings_take(&w->settings, &m, e);
	msg_free(&m);
	return rc;
}

/* Nothing from the environment, no locks. */
static struct event_base *make_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && event_config_set_flag(c,
	    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return base;
}

static int make_server(struct worker *w, struct err *e)
{
	const struct http_app app = { .route = route_exchange, .answered = access_log,
		.arg = w };
	const struct msg_api_config *config = w->settings.config;
	struct http_limits limits;
	uint32_t i;
	int rc;

	w->base = make_base();
	if (!w->base)
		return err_set(e, ERR_NOMEM, "cannot make an event loop");
	limits_of(config, &limits);
	rc = http_server_new(&w->server, w->base, &app, &limits, e);
	for (i = 0; rc == 0 && i < config->listeners.count; i++) {
		const struct rec_listener *l = &config->listeners.items[i];

		rc = http_server_add_listener(w->server, (int)l->fd,
		    (enum ipc_listener_kind)(l->kind == IPC_LISTEN_CONTROL ?
		    IPC_LISTEN_CONTROL : IPC_LISTEN_TCP), l->loopback, e);
	}
	if (rc == 0)
		rc = db_client_new(&w->db, w->base, config->hold_timeout_ms, e);
	if (rc == 0)
		db_client_on_change(w->db, on_db_channel_change, w);
	return rc;
}

/* ---- drop ---- */

static int drop(const struct worker *w, struct sandbox_request *request, int *keep,
    pid_t parent, struct sandbox_report *report, struct err *e)
{
	const struct msg_api_config *config = w->settings.config;
	uint32_t i;
	int rc;

	*request = (struct sandbox_request){
		.mode = (enum sandbox_mode)config->sandbox_mode,
		.role = SANDBOX_API,
		.uid = config->uid,
		.gid = config->gid,
		.root_dirfd = -1,
		.max_fds = config->max_connections + SPARE_FDS,
		.keep_fds = keep,
	};
	keep[request->nkeep_fds++] = CONTROL_FD;
	for (i = 0; i < config->listeners.count && i < LISTENERS_MAX; i++)
		keep[request->nkeep_fds++] = (int)config->listeners.items[i].fd;
	rc = sandbox_drop(request, report, e);
	if (rc < 0)
		return rc;
	/* The change of user clears it, so it is set after that. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_set(e, ERR_CLOSED, "the supervisor is gone");
	return 0;
}

static int say_hello(struct channel *control, const struct sandbox_report *report,
    struct err *e)
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
	return channel_send_wait(control, &m, clock_monotonic_ms() + HELLO_TIMEOUT_MS, e);
}

/* ---- loop ---- */

static int loop(struct worker *w, struct channel *control, struct err *e)
{
	int rc = supervisor_link_new(&w->supervisor, w, control, e);

	if (rc < 0)
		return rc;
	while (!w->stop) {
		if (event_base_loop(w->base, EVLOOP_ONCE) < 0)
			return err_set(e, ERR_IO, "the event loop failed");
		log_flush();
	}
	return 0;
}

static int run(struct worker *w, struct channel *control, pid_t parent)
{
	struct sandbox_request request;
	struct sandbox_report report;
	int keep[LISTENERS_MAX + 1];
	struct err e;

	if (receive_config(w, control, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	log_set_level(w->settings.config->log_level);
	if (drop(w, &request, keep, parent, &report, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_SANDBOX;
	}
	/* Here, because the descriptor that libevent waits on is its secret, and
	 * the drop closes what it is not told to keep. */
	if (make_server(w, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	if (sandbox_lock(&request, &report, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_SANDBOX;
	}
	if (say_hello(control, &report, &e) < 0 || loop(w, control, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	log_flush();
	return w->exit_status;
}

int main(void)
{
	static struct worker worker;
	struct channel *control;
	pid_t parent = getppid();

	log_init("api-worker");
	signal(SIGPIPE, SIG_IGN);
	if (channel_new(&control, CONTROL_FD, IPC_API, IPC_SUPERVISOR, CONTROL_QUEUE,
	    NULL) < 0) {
		fputs("api-worker is started by deploystackd, not by hand\n", stderr);
		return 2;
	}
	if (sodium_init() < 0) {
		log_fatal("the system's random numbers cannot be used");
		return WORKER_EXIT_FAILED;
	}
	TAILQ_INIT(&worker.setups);
	db_view_init(&worker.view);
	return run(&worker, control, parent);
}

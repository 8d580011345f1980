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
#include <cjson/cJSON.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

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
	rc = config_take(&w->config, &m, e);
	msg_free(&m);
	return rc;
}

/* ---- drop ---- */

static int drop(const struct worker *w, struct sandbox_request *request, int *keep,
    pid_t parent, struct sandbox_report *report, struct err *e)
{
	const struct msg_api_config *config = w->config.message;
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
	log_set_level(w->config.message->log_level);
	if (drop(w, &request, keep, parent, &report, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_SANDBOX;
	}
	/* Here, because the descriptor that libevent waits on is its secret, and
	 * the drop closes what it is not told to keep. */
	if (worker_open(w, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	if (sandbox_lock(&request, &report, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_SANDBOX;
	}
	if (say_hello(control, &report, &e) < 0 || worker_loop(w, control, &e) < 0) {
		log_fatal("%s", e.text);
		return WORKER_EXIT_FAILED;
	}
	log_flush();
	return w->exit_status;
}

/* Parsed bodies have passwords in them. */
static void wipe_and_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

int main(void)
{
	static cJSON_Hooks wiping = { malloc, wipe_and_free };
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
	cJSON_InitHooks(&wiping);
	if (sodium_init() < 0) {
		log_fatal("the system's random numbers cannot be used");
		return WORKER_EXIT_FAILED;
	}
	worker_init(&worker);
	return run(&worker, control, parent);
}

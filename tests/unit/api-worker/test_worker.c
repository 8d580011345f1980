/* A whole api-worker (without its sandbox) between a supervisor, a db-worker
 * and clients that are all played by this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api-worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/channel.h"

#define WAIT_MS 20000

struct fixture {
	pid_t pid;
	struct channel *control; /* the supervisor's end */
	struct channel *db;      /* the db-worker's end of the newest data channel */
	struct msg config;
	struct rec_listener listeners[2];
	struct rec_name hosts[1];
	int tcp, local;
	unsigned max_fds; /* of the worker; 0: as they are */
	struct sockaddr_in tcp_address;
	struct sockaddr_un local_address;
};

/* ---- the worker ---- */

static void child(int fd, unsigned max_fds)
{
	const struct rlimit limit = { max_fds, max_fds };
	struct channel *control;
	struct worker w;
	struct msg m;
	struct err e;

	log_init("api-worker");
	log_set_level(LOG_FATAL);
	worker_init(&w);
	if (max_fds > 0)
		setrlimit(RLIMIT_NOFILE, &limit);
	if (channel_new(&control, fd, IPC_API, IPC_SUPERVISOR, 1 << 20, &e) < 0 ||
	    channel_receive_wait(control, &m, clock_monotonic_ms() + WAIT_MS, &e) < 0 ||
	    config_take(&w.config, &m, &e) < 0 || worker_open(&w, &e) < 0 ||
	    worker_loop(&w, control, &e) < 0)
		_exit(99);
	worker_free(&w);
	_exit(w.exit_status);
}

static void make_config(struct fixture *f)
{
	struct msg_api_config *c = &f->config.api_config;

	msg_init(&f->config, MSG_api_config, 0);
	f->listeners[0] = (struct rec_listener){ .fd = (uint32_t)f->tcp, .kind = IPC_LISTEN_TCP,
		.loopback = true };
	f->listeners[1] = (struct rec_listener){ .fd = (uint32_t)f->local,
		.kind = IPC_LISTEN_CONTROL, .loopback = true };
	f->hosts[0].name = "db.example";
	c->listeners.items = f->listeners;
	c->listeners.count = 2;
	c->allowed_hosts.items = f->hosts;
	c->allowed_hosts.count = 1;
	c->log_level = LOG_FATAL;
	c->supervisor_uid = geteuid();
	c->max_connections = 100;
	c->max_connections_per_address = 50;
	c->header_timeout_ms = c->body_timeout_ms = c->idle_timeout_ms = WAIT_MS;
	c->write_timeout_ms = c->hold_timeout_ms = c->setup_timeout_ms = WAIT_MS;
}

static void start(struct fixture *f)
{
	struct err e;
	int pair[2];

	assert_int_equal(channel_pair(pair, &e), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		close(pair[0]);
		child(pair[1], f->max_fds);
	}
	close(pair[1]);
	assert_int_equal(channel_new(&f->control, pair[0], IPC_SUPERVISOR, IPC_API, 1 << 20, &e),
	    0);
	assert_int_equal(channel_send(f->control, &f->config, &e), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	socklen_t len = sizeof(f->tcp_address);

	signal(SIGPIPE, SIG_IGN);
	f->tcp = socket(AF_INET, SOCK_STREAM, 0);
	f->tcp_address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_int_equal(bind(f->tcp, (struct sockaddr *)&f->tcp_address, len), 0);
	assert_int_equal(listen(f->tcp, 200), 0);
	assert_int_equal(getsockname(f->tcp, (struct sockaddr *)&f->tcp_address, &len), 0);
	f->local = socket(AF_UNIX, SOCK_STREAM, 0);
	f->local_address.sun_family = AF_UNIX;
	/* Abstract: leaves nothing behind. */
	snprintf(f->local_address.sun_path + 1, 90, "deploystackd-test-%ld-%d", (long)getpid(),
	    ntohs(f->tcp_address.sin_port));
	assert_int_equal(bind(f->local, (struct sockaddr *)&f->local_address,
	    sizeof(f->local_address)), 0);
	assert_int_equal(listen(f->local, 10), 0);
	make_config(f);
	*state = f;
	return 0;
}

static int exit_status(struct fixture *f)
{
	int status = -1;

	if (f->pid > 0)
		waitpid(f->pid, &status, 0);
	f->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int status = 0;

	channel_free(f->control);
	channel_free(f->db);
	/* The supervisor is gone: the worker ends by itself. */
	if (f->pid > 0)
		status = exit_status(f);
	close(f->tcp);
	close(f->local);
	free(f);
	return status;
}

/* ---- the supervisor ---- */

static void tell(struct fixture *f, const struct msg *m)
{
	struct err e;

	assert_int_equal(channel_send_wait(f->control, m, clock_monotonic_ms() + WAIT_MS, &e), 0);
}

static void state_is(struct fixture *f, bool configured, bool initialized, const char *problem)
{
	struct msg m;

	msg_init(&m, MSG_db_state, 0);
	m.db_state.configured = configured;
	m.db_state.engine = configured ? IPC_ENGINE_SQLITE : IPC_ENGINE_NONE;
	m.db_state.initialized = initialized;
	m.db_state.setup_ready = !configured;
	m.db_state.problem = problem;
	tell(f, &m);
}

static void expect_on(struct channel *c, enum ipc_type type, struct msg *m)
{
	struct err e;

	assert_int_equal(channel_receive_wait(c, m, clock_monotonic_ms() + WAIT_MS, &e), 1);
	assert_int_equal(m->type, type);
}

static uint64_t expect_request(struct channel *c, enum ipc_type type)
{
	struct msg m;
	uint64_t id;

	expect_on(c, type, &m);
	id = m.id;
	msg_free(&m);
	return id;
}

/* All that was said before has been taken up. */
static void settle(struct fixture *f)
{
	static uint64_t seq;
	struct msg m;

	msg_init(&m, MSG_ping, 0);
	m.ping.seq = ++seq;
	tell(f, &m);
	for (;;) {
		struct err e;
		bool done;

		assert_int_equal(channel_receive_wait(f->control, &m,
		    clock_monotonic_ms() + WAIT_MS, &e), 1);
		done = m.type == MSG_pong && m.pong.seq == seq;
		msg_free(&m);
		if (done)
			return;
	}
}

static void connect_db(struct fixture *f)
{
	struct err e;
	struct msg m;
	int pair[2];

	assert_int_equal(channel_pair(pair, &e), 0);
	channel_free(f->db);
	f->db = NULL;
	assert_int_equal(channel_new(&f->db, pair[0], IPC_DB, IPC_API, 1 << 20, &e), 0);
	msg_init(&m, MSG_data_channel, 0);
	m.fd = pair[1];
	tell(f, &m);
	close(pair[1]);
}

static void begin_with(struct fixture *f, bool configured, bool initialized)
{
	struct msg m;

	start(f);
	if (initialized || !configured)
		connect_db(f);
	state_is(f, configured, initialized, NULL);
	expect_on(f->control, MSG_ready, &m);
	msg_free(&m);
}

/* ---- the db-worker ---- */

static uint64_t expect_setup(struct fixture *f)
{
	struct msg m;
	uint64_t id;

	expect_on(f->db, MSG_db_setup, &m);
	assert_int_equal(m.db_setup.engine, IPC_ENGINE_SQLITE);
	id = m.id;
	msg_free(&m);
	return id;
}

static void reply(struct fixture *f, const struct msg *m)
{
	struct err e;

	assert_int_equal(channel_send_wait(f->db, m, clock_monotonic_ms() + WAIT_MS, &e), 0);
}

static void reply_setup(struct fixture *f, uint64_t id)
{
	struct msg m;

	msg_init(&m, MSG_db_setup_reply, id);
	m.db_setup_reply.engine = IPC_ENGINE_SQLITE;
	reply(f, &m);
}

static void reply_failure(struct fixture *f, uint64_t id, int code, const char *text)
{
	struct msg m;

	msg_init(&m, MSG_failure, id);
	m.failure.code = (uint8_t)-code;
	m.failure.text = text;
	reply(f, &m);
}

/* ---- clients ---- */

static int client_of(struct sockaddr *a, socklen_t len)
{
	const struct timeval tv = { WAIT_MS / 1000, 0 };
	int fd = socket(a->sa_family, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, a, len), 0);
	return fd;
}

static int client(struct fixture *f)
{
	return client_of((struct sockaddr *)&f->tcp_address, sizeof(f->tcp_address));
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One answer with its body, as text; "" at the end of the stream. */
static const char *answer_text(int fd)
{
	static char text[65536];
	size_t len = 0;
	char *end, *length;

	for (text[0] = '\0'; (end = strstr(text, "\r\n\r\n")) == NULL; text[len] = '\0') {
		ssize_t n = recv(fd, text + len, 1, 0);

		assert_true(n >= 0 || errno == ECONNRESET);
		if (n <= 0)
			return text;
		len++;
	}
	length = strstr(text, "Content-Length: ");
	if (length) {
		size_t body = (size_t)atoi(length + 16);

		assert_true(len + body < sizeof(text));
		while (body > 0) {
			ssize_t n = recv(fd, text + len, body, 0);

			assert_true(n > 0);
			len += (size_t)n;
			body -= (size_t)n;
		}
		text[len] = '\0';
	}
	return text;
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_message("without %s: %s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void expect_answer(int fd, const char *status, const char *part)
{
	const char *text = answer_text(fd);

	assert_holds(text, status);
	assert_holds(text, part);
}

static void expect_end(int fd)
{
	assert_string_equal(answer_text(fd), "");
	close(fd);
}

#define GET_STATUS "GET /api/db/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define SETUP "POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\n" \
	"Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"type\":\"sqlite\"}"
#define SYSTEM_STATUS "GET /api/system/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define RELOAD "POST /api/system/reload HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* ---- tests ---- */

static void test_nothing_is_answered_before_the_state_is_known(void **state)
{
	struct fixture *f = *state;
	struct msg m;
	char c;
	int fd;

	start(f);
	fd = client(f);
	send_text(fd, GET_STATUS);
	settle(f);
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	state_is(f, true, false, NULL);
	expect_on(f->control, MSG_ready, &m);
	msg_free(&m);
	expect_answer(fd, "200 OK", "\"configured\":true,\"initialized\":false");
	close(fd);
}

static void test_status_needs_state_and_channel(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, true, false);
	fd = client(f);
	state_is(f, true, true, NULL);
	settle(f);
	send_text(fd, GET_STATUS);
	expect_answer(fd, "200", "\"initialized\":false,\"dialect\":\"sqlite\"");
	connect_db(f);
	settle(f);
	send_text(fd, GET_STATUS);
	expect_answer(fd, "200", "\"initialized\":true");
	channel_free(f->db);
	f->db = NULL;
	/* Its end is seen when the loop goes on. */
	do
		send_text(fd, GET_STATUS);
	while (strstr(answer_text(fd), "\"initialized\":true"));
	close(fd);
}

static void test_setup_waits_for_the_database(void **state)
{
	struct fixture *f = *state;
	uint64_t id;
	int fd, other;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	id = expect_setup(f);
	reply_setup(f, id);
	state_is(f, true, false, NULL);
	settle(f);
	/* Meanwhile: */
	other = client(f);
	send_text(other, SETUP);
	expect_answer(other, "409 Conflict", "\"Database setup has already been performed.\"");
	close(other);
	connect_db(f);
	state_is(f, true, true, NULL);
	expect_answer(fd, "200 OK", "{\"message\":\"Database setup successful. All services have been "
	    "initialized and are ready to use.\",\"restart_required\":false,"
	    "\"database_type\":\"sqlite\"}");
	close(fd);
}

static void test_setup_says_when_the_database_is_late(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->config.api_config.setup_timeout_ms = 50;
	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	reply_setup(f, expect_setup(f));
	expect_answer(fd, "200 OK", "\"restart_required\":true");
	close(fd);
}

static void test_failed_setup_is_said_and_can_be_repeated(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	reply_failure(f, expect_setup(f), ERR_IO, "the disk is full");
	expect_answer(fd, "500 ", "{\"error\":\"Database setup failed: the disk is full\"");
	send_text(fd, SETUP);
	reply_failure(f, expect_setup(f), ERR_EXISTS, "exists");
	expect_answer(fd, "409 ", "already been performed");
	send_text(fd, SETUP);
	reply_failure(f, expect_setup(f), ERR_UNSUPPORTED, "not in this version");
	expect_answer(fd, "500 ", "not in this version");
	close(fd);
}

static void test_setup_of_a_dead_database_process_is_unknown(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	expect_setup(f);
	channel_free(f->db);
	f->db = NULL;
	expect_answer(fd, "500 ", "the outcome is unknown");
	close(fd);
}

static void test_requests_wait_for_the_next_database_process(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	channel_free(f->db);
	f->db = NULL;
	send_text(fd, SETUP);
	settle(f);
	connect_db(f);
	reply_failure(f, expect_setup(f), ERR_IO, "reached it");
	expect_answer(fd, "500 ", "reached it");
	close(fd);
}

static void test_waiting_is_bounded(void **state)
{
	struct fixture *f = *state;
	const char *text;
	int fd;

	f->config.api_config.hold_timeout_ms = 50;
	start(f);
	state_is(f, false, false, NULL);
	fd = client(f);
	send_text(fd, SETUP);
	text = answer_text(fd);
	assert_holds(text, "503 ");
	assert_holds(text, "Retry-After: ");
	close(fd);
}

static void test_waiting_setups_end_when_somebody_else_was_first(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	state_is(f, false, false, NULL);
	fd = client(f);
	send_text(fd, SETUP);
	settle(f);
	settle(f);
	state_is(f, true, false, NULL);
	connect_db(f);
	expect_answer(fd, "409 ", "already been performed");
	close(fd);
}

static void test_problem_is_503_at_once_and_setup_stays_closed(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	state_is(f, true, false, "the selection file /secret/place is damaged");
	fd = client(f);
	send_text(fd, SETUP);
	expect_answer(fd, "503 ", "setup does not start again");
	send_text(fd, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_answer(fd, "503 ", "database_problem");
	send_text(fd, GET_STATUS);
	expect_answer(fd, "200 ", "\"configured\":true,\"initialized\":false");
	close(fd);
}

static void test_goaway_moves_new_requests_to_the_next_channel(void **state)
{
	struct fixture *f = *state;
	struct channel *old;
	struct msg m;
	struct err e;
	uint64_t id;
	int one, two;

	begin_with(f, false, false);
	one = client(f);
	two = client(f);
	send_text(one, SETUP);
	id = expect_setup(f);
	msg_init(&m, MSG_goaway, 0);
	reply(f, &m);
	/* Half closed: this side reads to the end, and can still answer. */
	assert_int_equal(channel_receive_wait(f->db, &m, clock_monotonic_ms() + WAIT_MS, &e),
	    ERR_CLOSED);
	send_text(two, SETUP);
	old = f->db;
	f->db = NULL;
	connect_db(f);
	reply_failure(f, expect_setup(f), ERR_IO, "the new one");
	expect_answer(two, "500 ", "the new one");
	msg_init(&m, MSG_failure, id);
	m.failure.code = -ERR_IO;
	m.failure.text = "the old one";
	assert_int_equal(channel_send(old, &m, &e), 0);
	expect_answer(one, "500 ", "the old one");
	channel_free(old);
	close(one);
	close(two);
}

static void test_questions_are_asked_again_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct rec_process process = { .role = "supervisor", .state = "ready", .pid = 7 };
	struct rec_migration migration = { .tag = "0000_core", .hash = "ab", .created_at = 5 };
	struct msg m;
	const char *text;
	int fd;

	begin_with(f, true, true);
	fd = client_of((struct sockaddr *)&f->local_address, sizeof(f->local_address));
	send_text(fd, SYSTEM_STATUS);
	msg_init(&m, MSG_system_status_reply, expect_request(f->control, MSG_system_status));
	m.system_status_reply.version = "9";
	m.system_status_reply.data_dir = "/data \"x\"";
	m.system_status_reply.sandbox_mode = "off";
	m.system_status_reply.processes.items = &process;
	m.system_status_reply.processes.count = 1;
	tell(f, &m);
	expect_on(f->db, MSG_db_info, &m);
	msg_free(&m);
	channel_free(f->db);
	f->db = NULL;
	connect_db(f);
	msg_init(&m, MSG_db_info_reply, expect_request(f->db, MSG_db_info));
	m.db_info_reply.engine_version = "3.40.1";
	m.db_info_reply.migrations.items = &migration;
	m.db_info_reply.migrations.count = 1;
	reply(f, &m);
	text = answer_text(fd);
	assert_holds(text, "\"data_dir\":\"/data \\\"x\\\"\"");
	assert_holds(text, "\"role\":\"supervisor\",\"mode\":null,\"state\":\"ready\",\"pid\":7");
	assert_holds(text, "\"engine_version\":\"3.40.1\"");
	assert_holds(text, "{\"tag\":\"0000_core\",\"hash\":\"ab\",\"created_at\":5}");
	close(fd);
}

static void test_reload_on_the_control_socket(void **state)
{
	struct fixture *f = *state;
	struct msg m;
	int fd;

	begin_with(f, true, true);
	fd = client_of((struct sockaddr *)&f->local_address, sizeof(f->local_address));
	send_text(fd, RELOAD);
	msg_init(&m, MSG_system_reload_reply, expect_request(f->control, MSG_system_reload));
	m.system_reload_reply.problem = "PORT is wrong";
	tell(f, &m);
	expect_answer(fd, "400 ", "{\"error\":\"PORT is wrong\",\"success\":false}");
	close(fd);
	fd = client(f);
	send_text(fd, RELOAD);
	expect_answer(fd, "404 ", "Route POST:/api/system/reload not found");
	close(fd);
}

static void test_a_database_process_that_breaks_the_protocol_is_left(void **state)
{
	struct fixture *f = *state;
	struct msg m;
	struct err e;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	expect_setup(f);
	reply_setup(f, 999);
	assert_int_equal(channel_receive_wait(f->db, &m, clock_monotonic_ms() + WAIT_MS, &e),
	    ERR_CLOSED);
	expect_answer(fd, "500 ", "unknown");
	close(fd);
}

static void test_pipelined_answers_keep_their_order(void **state)
{
	struct fixture *f = *state;
	uint64_t id;
	char c;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, GET_STATUS SETUP GET_STATUS "GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_answer(fd, "200 ", "\"configured\":false");
	id = expect_setup(f);
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	reply_failure(f, id, ERR_IO, "second");
	expect_answer(fd, "500 ", "second");
	expect_answer(fd, "200 ", "\"configured\":false");
	expect_answer(fd, "404 ", "Route GET:/nope not found");
	close(fd);
}

static void test_many_pipelined_requests_are_all_answered(void **state)
{
	struct fixture *f = *state;
	enum { N = 2000 };
	static char text[N * sizeof(GET_STATUS)];
	size_t len = strlen(GET_STATUS), sent = 0, total = N * len;
	int fd, i;

	begin_with(f, false, false);
	fd = client(f);
	for (i = 0; i < N; i++)
		memcpy(text + (size_t)i * len, GET_STATUS, len);
	for (i = 0; i < N; i++) {
		/* The answers must be read, or the worker stops reading. */
		while (sent < total) {
			ssize_t n = send(fd, text + sent, total - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

			if (n <= 0)
				break;
			sent += (size_t)n;
		}
		expect_answer(fd, "200 ", "\"configured\":false");
	}
	close(fd);
}

static void test_a_client_that_reads_nothing_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd, small = 4096, i;
	ssize_t n = 1;

	f->config.api_config.write_timeout_ms = 100;
	begin_with(f, false, false);
	fd = client(f);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* Sends until the worker, which cannot get rid of its answers, ends it. */
	for (i = 0; i < 1000000 && n > 0; i++)
		n = send(fd, GET_STATUS, strlen(GET_STATUS), MSG_NOSIGNAL);
	assert_true(n < 0);
	assert_true(errno == ECONNRESET || errno == EPIPE);
	close(fd);
}

static void test_continue_is_said_when_the_body_is_welcome(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, "POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
	    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 100 Continue", "");
	send_text(fd, "[]");
	expect_answer(fd, "400 ", "must be a JSON object");
	send_text(fd, "POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
	    "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 413 ", "Connection: close");
	expect_end(fd);
	fd = client(f);
	send_text(fd, "POST /nope HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
	    "Content-Length: 2\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 404 ", "Connection: close");
	expect_end(fd);
}

static void test_unwanted_bodies_are_dropped(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, "POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
	    GET_STATUS);
	expect_answer(fd, "404 ", "not found");
	expect_answer(fd, "200 ", "configured");
	send_text(fd, "POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\nabc");
	expect_answer(fd, "404 ", "Connection: close");
	expect_end(fd);
}

static void test_deadlines(void **state)
{
	struct fixture *f = *state;
	struct msg_api_config *c = &f->config.api_config;
	int idle, head, body, other;

	c->header_timeout_ms = 100;
	c->body_timeout_ms = 120;
	c->idle_timeout_ms = 140;
	begin_with(f, false, false);
	idle = client(f);
	head = client(f);
	body = client(f);
	send_text(head, "GET / HTTP/1.1\r\nHo");
	send_text(body, "POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"ty");
	expect_answer(head, "408 ", "head did not arrive");
	expect_end(head);
	expect_answer(body, "408 ", "body did not arrive");
	expect_end(body);
	expect_end(idle);
	other = client(f);
	send_text(other, GET_STATUS);
	expect_answer(other, "200 ", "configured");
	expect_end(other);
}

static void test_caps(void **state)
{
	struct fixture *f = *state;
	int fds[3], i;

	f->config.api_config.max_connections_per_address = 2;
	begin_with(f, false, false);
	for (i = 0; i < 2; i++) {
		fds[i] = client(f);
		send_text(fds[i], GET_STATUS);
		expect_answer(fds[i], "200 ", "configured");
	}
	fds[2] = client(f);
	expect_answer(fds[2], "503 ", "Too many connections from this address");
	expect_end(fds[2]);
	/* A place that is free again is given again. */
	close(fds[0]);
	do {
		fds[0] = client(f);
		send_text(fds[0], GET_STATUS);
		i = strstr(answer_text(fds[0]), "200 OK") != NULL;
		close(fds[0]);
	} while (!i);
	close(fds[1]);
}

static void test_a_worker_without_descriptors_serves_on(void **state)
{
	enum { N = 60 };
	struct fixture *f = *state;
	int fds[N], i;

	f->max_fds = 30;
	begin_with(f, false, false);
	for (i = 0; i < N; i++) {
		fds[i] = client(f);
		send_text(fds[i], GET_STATUS);
	}
	/* Those that wait in the kernel are served when others have gone. */
	for (i = 0; i < N; i++) {
		expect_answer(fds[i], "200 ", "configured");
		close(fds[i]);
	}
}

static void test_a_new_configuration_is_used(void **state)
{
	struct fixture *f = *state;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, "GET / HTTP/1.1\r\nHost: db.example\r\n\r\n");
	expect_answer(fd, "200 ", "version");
	f->hosts[0].name = "other.example";
	tell(f, &f->config);
	settle(f);
	send_text(fd, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	expect_answer(fd, "200 ", "version");
	send_text(fd, "GET / HTTP/1.1\r\nHost: db.example\r\n\r\n");
	expect_answer(fd, "421 ", "ALLOWED_HOSTS");
	close(fd);
}

static void test_cors_is_for_the_frontend_only(void **state)
{
	struct fixture *f = *state;
	const char *text;
	int fd;

	f->config.api_config.frontend_url = "http://front.example:5173/app";
	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, "GET /api/db/status HTTP/1.1\r\nHost: localhost\r\n"
	    "Origin: http://front.example:5173\r\n\r\n");
	text = answer_text(fd);
	assert_holds(text, "Access-Control-Allow-Origin: http://front.example:5173\r\n");
	assert_holds(text, "Access-Control-Allow-Credentials: true\r\n");
	assert_holds(text, "Vary: Origin\r\n");
	send_text(fd, "OPTIONS /api/db/setup HTTP/1.1\r\nHost: localhost\r\n"
	    "Origin: http://front.example:5173\r\nAccess-Control-Request-Method: POST\r\n\r\n");
	text = answer_text(fd);
	assert_holds(text, "204 No Content");
	assert_holds(text, "Access-Control-Allow-Methods: POST, OPTIONS\r\n");
	send_text(fd, "OPTIONS /api/db/setup HTTP/1.1\r\nHost: localhost\r\n"
	    "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n");
	text = answer_text(fd);
	assert_null(strstr(text, "Access-Control"));
	assert_holds(text, "Vary: Origin\r\n");
	send_text(fd, "POST /api/db/setup HTTP/1.1\r\nHost: front.example\r\n"
	    "Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n");
	expect_answer(fd, "403 ", "{\"error\":\"Origin not allowed\",\"success\":false}");
	close(fd);
}

static void test_network_listeners_are_not_local(void **state)
{
	struct fixture *f = *state;
	struct msg m, answer;
	int fd;

	f->listeners[0].loopback = false;
	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, SETUP);
	expect_on(f->db, MSG_db_setup, &m);
	assert_false(m.db_setup.local);
	assert_null(m.db_setup.setup_token);
	msg_init(&answer, MSG_failure, m.id);
	answer.failure.code = -ERR_DENIED;
	answer.failure.text = "The setup token is missing.";
	reply(f, &answer);
	msg_free(&m);
	expect_answer(fd, "403 ", "The setup token is missing.");
	send_text(fd, GET_STATUS);
	expect_answer(fd, "200 ", "configured");
	close(fd);
}

static void test_drain_finishes_what_is_in_flight(void **state)
{
	struct fixture *f = *state;
	int idle, busy, half;
	uint64_t id;
	struct msg m;

	begin_with(f, false, false);
	idle = client(f);
	half = client(f);
	busy = client(f);
	send_text(idle, GET_STATUS);
	expect_answer(idle, "200 ", "configured");
	send_text(half, "GET /api/db/status HTTP/1.1\r\n");
	send_text(busy, SETUP);
	id = expect_setup(f);
	settle(f);
	msg_init(&m, MSG_drain, 0);
	tell(f, &m);
	expect_end(idle);
	send_text(half, "Host: localhost\r\n\r\n");
	expect_answer(half, "200 ", "Connection: close");
	expect_end(half);
	reply_failure(f, id, ERR_IO, "done");
	expect_answer(busy, "500 ", "Connection: close");
	expect_end(busy);
	assert_int_equal(exit_status(f), 0);
}

static void test_the_worker_ends_with_its_supervisor(void **state)
{
	struct fixture *f = *state;

	begin_with(f, false, false);
	channel_free(f->control);
	f->control = NULL;
	assert_int_equal(exit_status(f), 0);
}

static void test_request_ids(void **state)
{
	struct fixture *f = *state;
	char first[32];
	const char *at;
	int fd;

	begin_with(f, false, false);
	fd = client(f);
	send_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: abc-1.2_3\r\n\r\n");
	expect_answer(fd, "200 ", "X-Request-Id: abc-1.2_3\r\n");
	send_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: <script>\r\n\r\n");
	at = strstr(answer_text(fd), "X-Request-Id: ");
	assert_non_null(at);
	snprintf(first, sizeof(first), "%.16s", at + 14);
	assert_int_equal(strspn(first, "0123456789abcdef"), 16);
	send_text(fd, GET_STATUS);
	at = strstr(answer_text(fd), "X-Request-Id: ");
	assert_memory_not_equal(at + 14, first, 16);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_answered_before_the_state_is_known),
		T(test_status_needs_state_and_channel),
		T(test_setup_waits_for_the_database),
		T(test_setup_says_when_the_database_is_late),
		T(test_failed_setup_is_said_and_can_be_repeated),
		T(test_setup_of_a_dead_database_process_is_unknown),
		T(test_requests_wait_for_the_next_database_process),
		T(test_waiting_is_bounded),
		T(test_waiting_setups_end_when_somebody_else_was_first),
		T(test_problem_is_503_at_once_and_setup_stays_closed),
		T(test_goaway_moves_new_requests_to_the_next_channel),
		T(test_questions_are_asked_again_after_a_crash),
		T(test_reload_on_the_control_socket),
		T(test_a_database_process_that_breaks_the_protocol_is_left),
		T(test_pipelined_answers_keep_their_order),
		T(test_many_pipelined_requests_are_all_answered),
		T(test_a_client_that_reads_nothing_is_closed),
		T(test_continue_is_said_when_the_body_is_welcome),
		T(test_unwanted_bodies_are_dropped),
		T(test_deadlines),
		T(test_caps),
		T(test_a_worker_without_descriptors_serves_on),
		T(test_a_new_configuration_is_used),
		T(test_cors_is_for_the_frontend_only),
		T(test_network_listeners_are_not_local),
		T(test_drain_finishes_what_is_in_flight),
		T(test_the_worker_ends_with_its_supervisor),
		T(test_request_ids),
	};

	return cmocka_run_group_tests_name("api-worker/worker", tests, NULL, NULL);
}

/*
 * A compromised api-worker: takes part in the start like an honest one, then
 * does the one evil thing that the file `evil-mode` beside its executable
 * names.  test_forged_ipc.py installs it in place of the api-worker and looks
 * at what the supervisor and the db-worker make of it.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/channel.h"
#include "ipc/frame.h"

#define CONTROL_FD 3

static struct channel *control;
static int data_fd = -1;

static void die(const char *what) {
	fprintf(stderr, "evil api-worker: %s\n", what);
	_exit(1);
}

static void read_mode(char *mode, size_t size) {
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	if (n < 0)
		die("cannot find itself");
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	strcpy(slash + 1, "evil-mode");
	FILE *f = fopen(path, "r");
	if (f == NULL || fgets(mode, (int)size, f) == NULL)
		die("no evil-mode file");
	mode[strcspn(mode, "\n")] = '\0';
	fclose(f);
}

static void put(int fd, const void *data, size_t n) {
	const char *p = data;
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w <= 0) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			if (poll(&pfd, 1, 1000) <= 0)
				return;
			continue;
		}
		p += w;
		n -= (size_t)w;
	}
}

static void put_header(int fd, unsigned type, uint32_t length) {
	uint8_t h[FRAME_HEADER_SIZE];
	frame_put_header(h, &(struct frame_header){ .type = (uint16_t)type, .length = length });
	put(fd, h, sizeof(h));
}

static void put_message_with_fd(int fd, unsigned type) {
	uint8_t h[FRAME_HEADER_SIZE];
	frame_put_header(h, &(struct frame_header){ .type = (uint16_t)type });
	struct iovec iov = { h, sizeof(h) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} c = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.space,
		.msg_controllen = sizeof(c.space) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	int zero = open("/dev/null", O_RDONLY);
	memcpy(CMSG_DATA(cm), &zero, sizeof(zero));
	(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void garbage(int fd) {
	char junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	put(fd, junk, sizeof(junk));
}

/* Asks for ever and never reads an answer. */
static void flood(int fd, unsigned type) {
	int64_t end = clock_monotonic_ms() + 3000;
	while (clock_monotonic_ms() < end)
		put_header(fd, type, 0);
}

static void act(const char *mode) {
	int c = channel_fd(control);
	const struct {
		const char *name;
		int fd;
		unsigned type;
		uint32_t length;
	} frames[] = {
		{ "control-oversize", c, MSG_system_status, 0xfffffff0u },
		{ "control-over-table-limit", c, MSG_pong, 4096 },
		{ "control-unknown-type", c, 9999, 0 },
		{ "control-wrong-direction", c, MSG_drain, 0 },
		{ "control-db-only-message", c, MSG_db_report, 4 },
		{ "control-second-ready", c, MSG_ready, 0 },
		{ "control-data-message", c, MSG_db_info, 0 },
		{ "data-oversize", data_fd, MSG_db_info, 0xfffffff0u },
		{ "data-unknown-type", data_fd, 9999, 0 },
		{ "data-wrong-direction", data_fd, MSG_goaway, 0 },
		{ "data-control-message", data_fd, MSG_system_reload, 0 },
		{ "data-short-payload", data_fd, MSG_db_setup, 0 },
	};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		if (strcmp(mode, frames[i].name) == 0) {
			put_header(frames[i].fd, frames[i].type, frames[i].length);
			return;
		}
	if (strcmp(mode, "control-garbage") == 0)
		garbage(c);
	else if (strcmp(mode, "data-garbage") == 0)
		garbage(data_fd);
	else if (strcmp(mode, "control-unexpected-fd") == 0)
		put_message_with_fd(c, MSG_system_status);
	else if (strcmp(mode, "data-unexpected-fd") == 0)
		put_message_with_fd(data_fd, MSG_db_info);
	else if (strcmp(mode, "control-flood") == 0)
		flood(c, MSG_system_status);
	else if (strcmp(mode, "data-flood") == 0)
		flood(data_fd, MSG_db_info);
	else
		die("unknown mode");
}

int main(void) {
	char mode[64];
	struct err e;
	struct msg m;
	read_mode(mode, sizeof(mode));
	int64_t deadline = clock_monotonic_ms() + 10000;
	if (channel_new(&control, CONTROL_FD, IPC_API, IPC_SUPERVISOR, CHANNEL_QUEUE_DEFAULT, &e) < 0 ||
	    channel_receive_wait(control, &m, deadline, &e) < 0 || m.type != MSG_api_config)
		die("no configuration");
	msg_free(&m);
	if (strcmp(mode, "control-ready-before-hello") == 0) {
		put_header(CONTROL_FD, MSG_ready, 0);
	} else {
		msg_init(&m, MSG_hello, 0);
		m.hello.sandbox = "none: this is the test's evil worker";
		if (channel_send_wait(control, &m, deadline, &e) < 0)
			die(e.text);
		msg_init(&m, MSG_ready, 0);
		if (channel_send_wait(control, &m, deadline, &e) < 0)
			die(e.text);
		while (data_fd < 0 && channel_receive_wait(control, &m, deadline, &e) > 0) {
			if (m.type == MSG_data_channel)
				data_fd = dup(m.fd);
			msg_free(&m);
		}
		if (data_fd < 0)
			die("no data channel");
		act(mode);
	}
	/* Stays until the supervisor ends it; says nothing more, not even pong. */
	for (;;) {
		struct pollfd pfd = { .fd = CONTROL_FD, .events = 0 };
		if (poll(&pfd, 1, 1000) > 0 && (pfd.revents & (POLLHUP | POLLERR)))
			_exit(0);
	}
}

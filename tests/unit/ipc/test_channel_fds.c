/*
 * Descriptors on channels: each arrives with its message; one that is missing,
 * unexpected or one too many is a protocol error, and none is ever left open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/codec.h"
#include "ipc/frame.h"

#define MANY 40

static struct channel *supervisor, *worker;
static int raw = -1; /* instead of the supervisor's channel */
static int fds_before;
static int files[MANY];

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	int i;

	fds_before = count_fds();
	for (i = 0; i < MANY; i++) {
		char name[] = "/tmp/test_fds.XXXXXX";

		files[i] = mkstemp(name);
		if (files[i] < 0)
			return -1;
		unlink(name);
	}
	return 0;
}

static int teardown(void **state)
{
	int i;

	channel_free(supervisor);
	channel_free(worker);
	supervisor = worker = NULL;
	if (raw >= 0)
		close(raw);
	raw = -1;
	for (i = 0; i < MANY; i++)
		close(files[i]);
	if (count_fds() != fds_before)
		print_error("%d descriptors before, %d after\n", fds_before, count_fds());
	return count_fds() == fds_before ? 0 : -1;
}

static void open_pair(bool bare)
{
	int fds[2];

	assert_int_equal(channel_pair(fds, NULL), 0);
	if (bare)
		raw = fds[0];
	else
		assert_int_equal(channel_new(&supervisor, fds[0], IPC_SUPERVISOR, IPC_API,
		    CHANNEL_QUEUE_DEFAULT, NULL), 0);
	assert_int_equal(channel_new(&worker, fds[1], IPC_API, IPC_SUPERVISOR,
	    CHANNEL_QUEUE_DEFAULT, NULL), 0);
}

static struct msg data_channel(int i)
{
	struct msg m;

	msg_init(&m, MSG_data_channel, 0);
	m.data_channel.peer_pid = (uint32_t)i;
	m.fd = files[i];
	return m;
}

static void same_file(int x, int y)
{
	struct stat sx, sy;

	assert_int_equal(fstat(x, &sx), 0);
	assert_int_equal(fstat(y, &sy), 0);
	assert_true(sx.st_dev == sy.st_dev && sx.st_ino == sy.st_ino);
}

/* Sends bytes with n descriptors on the bare socket. */
static void send_raw(const void *data, size_t len, int n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MANY * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n > 0) {
		memset(&control, 0, sizeof(control));
		h.msg_control = control.space;
		h.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), files, (size_t)n * sizeof(int));
	}
	assert_int_equal(sendmsg(raw, &h, MSG_NOSIGNAL), len);
}

/* Frames of the given types, one behind the other. */
static size_t frames(uint8_t *out, size_t room, const enum ipc_type *types, size_t n)
{
	struct buf b;
	struct msg m;
	size_t i, len;

	buf_init(&b, room);
	for (i = 0; i < n; i++) {
		msg_init(&m, types[i], 0);
		assert_int_equal(msg_encode(&b, &m, NULL), 0);
	}
	len = b.len;
	memcpy(out, b.data, len);
	buf_free(&b);
	return len;
}

static void expect(enum ipc_type type, int file)
{
	struct msg m;
	struct err e;
	int rc = channel_receive(worker, &m, &e);

	if (rc != 1)
		fail_msg("%d: %s", rc, e.text);
	assert_int_equal(m.type, type);
	if (file < 0) {
		assert_int_equal(m.fd, -1);
	} else {
		assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
		same_file(m.fd, files[file]);
	}
	msg_free(&m);
}

static void expect_refusal(const char *reason)
{
	struct msg m;
	struct err e = { 0 };

	assert_int_equal(channel_receive(worker, &m, &e), ERR_PROTOCOL);
	if (!strstr(e.text, reason))
		fail_msg("%s", e.text);
	/* What came with it is closed at once, not only with the channel. */
	assert_int_equal(count_fds(), fds_before + MANY + 2);
}

static void test_each_with_its_message(void **state)
{
	struct msg m, in;
	int i, j;

	open_pair(false);
	for (i = 0; i < MANY; i++) {
		for (j = 0; j < i % 4; j++) {
			msg_init(&m, MSG_ping, 0);
			assert_int_equal(channel_queue(supervisor, &m, NULL), 0);
		}
		m = data_channel(i);
		assert_int_equal(channel_queue(supervisor, &m, NULL), 0);
		msg_free(&m);
		assert_true(fcntl(files[i], F_GETFD) >= 0); /* still the caller's */
	}
	assert_int_equal(channel_flush(supervisor, NULL), 0);
	assert_false(channel_wants_write(supervisor));
	assert_int_equal(count_fds(), fds_before + MANY + 2); /* sent, so closed */
	for (i = 0; i < MANY; i++) {
		for (j = 0; j < i % 4; j++)
			expect(MSG_ping, -1);
		expect(MSG_data_channel, i);
	}
	assert_int_equal(channel_receive(worker, &in, NULL), 0);
}

static void test_between_floods(void **state)
{
	struct msg m, in;
	int i, j, got = 0, pings = 0, rc;

	open_pair(false);
	for (i = 0; i < MANY; i++) {
		for (j = 0; j < 1500; j++) {
			msg_init(&m, MSG_ping, 0);
			assert_int_equal(channel_send(supervisor, &m, NULL), 0);
		}
		m = data_channel(i);
		assert_int_equal(channel_send(supervisor, &m, NULL), 0);
	}
	while (got < MANY) {
		assert_int_equal(channel_flush(supervisor, NULL), 0);
		while ((rc = channel_receive(worker, &in, NULL)) == 1) {
			if (in.type == MSG_ping) {
				pings++;
			} else {
				assert_int_equal(pings, 1500 * (got + 1));
				assert_int_equal(in.data_channel.peer_pid, got);
				same_file(in.fd, files[got++]);
			}
			msg_free(&in);
		}
		assert_int_equal(rc, 0);
	}
}

static void test_the_receiver_may_keep_it(void **state)
{
	struct msg m = data_channel(0), in;
	int fd;

	open_pair(false);
	assert_int_equal(channel_send(supervisor, &m, NULL), 0);
	assert_int_equal(channel_receive(worker, &in, NULL), 1);
	fd = in.fd;
	in.fd = -1;
	msg_free(&in);
	same_file(fd, files[0]);
	close(fd);
}

static void test_sending_against_the_table(void **state)
{
	struct msg m = data_channel(0);
	struct err e;
	int i;

	open_pair(false);
	m.fd = -1;
	assert_int_equal(channel_queue(supervisor, &m, &e), ERR_INTERNAL);
	m.fd = 9999; /* not open */
	assert_int_equal(channel_queue(supervisor, &m, &e), ERR_IO);
	msg_init(&m, MSG_ping, 0);
	m.fd = files[0];
	assert_int_equal(channel_queue(supervisor, &m, &e), ERR_INTERNAL);
	assert_false(channel_wants_write(supervisor));
	/* What waits to be sent holds descriptors: bounded. */
	for (i = 0; i < 100000; i++) {
		m = data_channel(0);
		if (channel_queue(supervisor, &m, &e) != 0)
			break;
	}
	assert_int_equal(channel_queue(supervisor, &m, &e), ERR_FULL);
	assert_true(i >= 128 && i < 1000);
}

static void test_missing(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];

	open_pair(true);
	send_raw(bytes, frames(bytes, sizeof(bytes), types, 1), 0);
	expect_refusal("without its descriptor");
}

static void test_unexpected(void **state)
{
	const enum ipc_type types[] = { MSG_ping };
	uint8_t bytes[100];

	open_pair(true);
	send_raw(bytes, frames(bytes, sizeof(bytes), types, 1), 1);
	expect(MSG_ping, -1);
	expect_refusal("without its message");
}

static void test_one_too_many_with_a_message(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];

	open_pair(true);
	send_raw(bytes, frames(bytes, sizeof(bytes), types, 1), 2);
	expect(MSG_data_channel, 0);
	expect_refusal("without its message");
}

static void test_far_too_many(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];

	open_pair(true);
	send_raw(bytes, frames(bytes, sizeof(bytes), types, 1), MANY);
	expect_refusal("too many");
}

static void test_two_messages_and_two_descriptors_at_once(void **state)
{
	const enum ipc_type types[] = { MSG_ping, MSG_data_channel, MSG_data_channel };
	struct msg m;
	uint8_t bytes[200];

	open_pair(true);
	send_raw(bytes, frames(bytes, sizeof(bytes), types, 3), 2);
	expect(MSG_ping, -1);
	expect(MSG_data_channel, 0);
	expect(MSG_data_channel, 1);
	assert_int_equal(channel_receive(worker, &m, NULL), 0);
}

/* The descriptor comes with any byte but the first of its frame. */
static void test_at_the_wrong_byte(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];
	struct msg m;
	size_t n = frames(bytes, sizeof(bytes), types, 1), at;

	for (at = 1; at < n; at++) {
		open_pair(true);
		send_raw(bytes, at, 0);
		assert_int_equal(channel_receive(worker, &m, NULL), 0);
		send_raw(bytes + at, n - at, 1);
		expect_refusal("descriptor");
		channel_free(worker);
		worker = NULL;
		close(raw);
		raw = -1;
	}
}

/* With its first byte, the rest of the frame later, at every cut. */
static void test_with_a_frame_in_two_parts(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];
	struct msg m;
	size_t n = frames(bytes, sizeof(bytes), types, 1), at;

	open_pair(true);
	for (at = 1; at < n; at++) {
		send_raw(bytes, at, 1);
		assert_int_equal(channel_receive(worker, &m, NULL), 0);
		send_raw(bytes + at, n - at, 0);
		expect(MSG_data_channel, 0);
	}
}

static void test_one_with_each_byte_of_a_frame(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];
	struct msg m;
	size_t i;

	open_pair(true);
	frames(bytes, sizeof(bytes), types, 1);
	for (i = 0; i < 10; i++)
		send_raw(bytes + i, 1, 1);
	for (i = 0; i < 10; i++) {
		if (channel_receive(worker, &m, NULL) != 0)
			break;
	}
	expect_refusal("broke the protocol");
}

static void test_closed_before_it_is_read(void **state)
{
	struct msg m = data_channel(0);

	open_pair(false);
	assert_int_equal(channel_send(supervisor, &m, NULL), 0);
	assert_int_equal(channel_queue(supervisor, &m, NULL), 0);
	channel_free(worker);
	worker = NULL;
	assert_int_equal(channel_flush(supervisor, NULL), ERR_CLOSED);
	assert_int_equal(count_fds(), fds_before + MANY + 1);
}

/* Received in part, then the peer dies: its descriptor does not stay open. */
static void test_peer_death_within_the_message(void **state)
{
	const enum ipc_type types[] = { MSG_data_channel };
	uint8_t bytes[100];
	struct msg m;
	size_t n = frames(bytes, sizeof(bytes), types, 1), at;

	for (at = 1; at < n; at++) {
		open_pair(true);
		send_raw(bytes, at, 1);
		close(raw);
		raw = -1;
		assert_int_equal(channel_receive(worker, &m, NULL), ERR_CLOSED);
		channel_free(worker);
		worker = NULL;
		assert_int_equal(count_fds(), fds_before + MANY);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_with_its_message),
		TEST(test_between_floods),
		TEST(test_the_receiver_may_keep_it),
		TEST(test_sending_against_the_table),
		TEST(test_missing),
		TEST(test_unexpected),
		TEST(test_one_too_many_with_a_message),
		TEST(test_far_too_many),
		TEST(test_two_messages_and_two_descriptors_at_once),
		TEST(test_at_the_wrong_byte),
		TEST(test_with_a_frame_in_two_parts),
		TEST(test_one_with_each_byte_of_a_frame),
		TEST(test_closed_before_it_is_read),
		TEST(test_peer_death_within_the_message),
	};

	return cmocka_run_group_tests_name("ipc/channel descriptors", tests, NULL, NULL);
}

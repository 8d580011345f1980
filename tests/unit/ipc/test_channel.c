/*
 * Channels: many messages in flight, flow control, who may say what, the end
 * of the stream at every byte.  Descriptors: test_channel_fds.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/channel.h"
#include "ipc/codec.h"
#include "ipc/frame.h"

static struct channel *a, *b;
static int raw = -1; /* instead of b: the bare socket */
static int fds_before;

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* a plays `self`; its peer is b, or the bare socket `raw`. */
static void open_pair(unsigned self, unsigned peer, size_t max_queued, bool bare)
{
	int fds[2];

	fds_before = count_fds();
	assert_int_equal(channel_pair(fds, NULL), 0);
	assert_int_equal(channel_new(&a, fds[0], self, peer, max_queued, NULL), 0);
	if (bare)
		raw = fds[1];
	else
		assert_int_equal(channel_new(&b, fds[1], peer, self, max_queued, NULL), 0);
}

static void close_pair(void)
{
	channel_free(a);
	channel_free(b);
	if (raw >= 0)
		close(raw);
	a = b = NULL;
	raw = -1;
	assert_int_equal(count_fds(), fds_before);
}

static struct msg ping(uint64_t seq)
{
	struct msg m;

	msg_init(&m, MSG_ping, 0);
	m.ping.seq = seq;
	return m;
}

static struct msg of_type(enum ipc_type type)
{
	const struct record_info *body = &msg_info(type)->body;
	const struct field_info *fields = body->fields();
	static const char *const text = "x";
	struct msg m;
	size_t i;

	msg_init(&m, type, 1);
	for (i = 0; i < body->nfields; i++)
		if (fields[i].kind == FIELD_STRING)
			memcpy((char *)&m + offsetof(struct msg, ping) + fields[i].offset, &text,
			    sizeof(text));
	return m;
}

/* ---- sending and receiving ---- */

static void test_pair_and_new(void **state)
{
	struct channel *c = NULL;
	int fds[2], before = count_fds(), i;
	struct err e;

	assert_int_equal(channel_pair(fds, &e), 0);
	for (i = 0; i < 2; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		close(fds[i]);
	}
	assert_int_equal(channel_new(&c, fds[0], IPC_API, IPC_DB, 1, &e), ERR_INVALID);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(channel_new(&c, fds[0], IPC_API, IPC_DB, 1, &e), ERR_INVALID);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	assert_int_equal(channel_new(&c, fds[0], IPC_API, IPC_DB, 1, &e), ERR_INVALID);
	close(fds[0]);
	close(fds[1]);
	assert_null(c);
	/* An inherited descriptor may be blocking. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(channel_new(&c, fds[0], IPC_API, IPC_DB, 1, &e), 0);
	assert_int_equal(channel_fd(c), fds[0]);
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	channel_free(c);
	channel_free(NULL);
	close(fds[1]);
	assert_int_equal(count_fds(), before);
}

static void test_many_in_flight_both_ways(void **state)
{
	struct msg m, in;
	uint64_t i, received = 0;

	open_pair(IPC_SUPERVISOR, IPC_API, CHANNEL_QUEUE_DEFAULT, false);
	for (i = 0; i < 20000; i++) {
		m = ping(i);
		assert_int_equal(channel_queue(a, &m, NULL), 0);
	}
	assert_true(channel_wants_write(a));
	while (received < 20000) {
		assert_int_equal(channel_flush(a, NULL), 0);
		while (channel_receive(b, &in, NULL) == 1) {
			assert_int_equal(in.type, MSG_ping);
			assert_true(in.ping.seq == received);
			assert_int_equal(in.fd, -1);
			m = of_type(MSG_pong);
			m.pong.seq = in.ping.seq;
			msg_free(&in);
			assert_int_equal(channel_queue(b, &m, NULL), 0);
			received++;
		}
	}
	for (received = 0; received < 20000;) {
		assert_int_equal(channel_flush(b, NULL), 0);
		while (channel_receive(a, &in, NULL) == 1) {
			assert_true(in.pong.seq == received++);
			msg_free(&in);
		}
	}
	assert_false(channel_wants_write(a));
	assert_false(channel_wants_write(b));
	assert_int_equal(channel_receive(a, &in, NULL), 0);
	close_pair();
}

/* A megabyte, between small ones, in as many pieces as the socket likes. */
static void test_large_messages(void **state)
{
	static char tags[4096][250];
	static struct rec_migration rows[4096];
	int round, i, rc, got = 0;
	struct msg m, in;

	for (i = 0; i < 4096; i++) {
		memset(tags[i], 'a' + i % 26, 200);
		rows[i] = (struct rec_migration){ tags[i], NULL, i };
	}
	open_pair(IPC_DB, IPC_API, CHANNEL_QUEUE_DEFAULT, false);
	for (round = 0; round < 3; round++) {
		m = of_type(MSG_db_info_reply);
		m.id = (uint64_t)round + 10;
		m.db_info_reply.migrations.items = rows;
		m.db_info_reply.migrations.count = 4096;
		assert_int_equal(channel_send(a, &m, NULL), 0);
		m = of_type(MSG_db_setup_reply);
		assert_int_equal(channel_send(a, &m, NULL), 0);
	}
	while (got < 6) {
		assert_int_equal(channel_flush(a, NULL), 0);
		while ((rc = channel_receive(b, &in, NULL)) == 1) {
			if (got % 2 == 0) {
				assert_int_equal(in.type, MSG_db_info_reply);
				assert_int_equal(in.id, got / 2 + 10);
				assert_int_equal(in.db_info_reply.migrations.count, 4096);
				for (i = 0; i < 4096; i++)
					assert_string_equal(
					    in.db_info_reply.migrations.items[i].tag, tags[i]);
			} else {
				assert_int_equal(in.type, MSG_db_setup_reply);
			}
			msg_free(&in);
			got++;
		}
		assert_int_equal(rc, 0);
	}
	close_pair();
}

static void test_one_byte_at_a_time(void **state)
{
	struct msg in, m = of_type(MSG_db_report);
	int round, n = 0;
	struct buf frame;
	size_t i;

	buf_init(&frame, 1000);
	m.db_report.problem = "the disk is full";
	assert_int_equal(msg_encode(&frame, &m, NULL), 0);
	open_pair(IPC_SUPERVISOR, IPC_DB, 1000, true);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < frame.len; i++) {
			assert_int_equal(channel_receive(a, &in, NULL), 0);
			assert_int_equal(write(raw, frame.data + i, 1), 1);
		}
		while (channel_receive(a, &in, NULL) == 1) {
			assert_string_equal(in.db_report.problem, "the disk is full");
			msg_free(&in);
			n++;
		}
	}
	assert_int_equal(n, 3);
	buf_free(&frame);
	close_pair();
}

/* ---- flow control ---- */

static void test_a_slow_reader_fills_a_bounded_queue(void **state)
{
	const size_t max = 200000, frame = FRAME_HEADER_SIZE + 8;
	uint64_t sent = 0, received = 0;
	struct msg m, in;
	size_t before, waiting;
	int round, rc;

	open_pair(IPC_SUPERVISOR, IPC_API, max, false);
	before = mallinfo2().uordblks;
	for (round = 0; round < 5; round++) {
		for (;;) {
			m = ping(sent);
			rc = channel_send(a, &m, NULL);
			if (rc < 0)
				break;
			sent++;
		}
		assert_int_equal(rc, ERR_FULL);
		assert_false(channel_may_read(a));
		assert_true(channel_wants_write(a));
		/* The queue and chunks that are not quite full; no more however
		 * often it is tried. */
		for (waiting = 0; waiting < 1000; waiting++)
			assert_int_equal(channel_queue(a, &m, NULL), ERR_FULL);
		assert_true(mallinfo2().uordblks < before + 2 * max + 200000);
		/* Read some, but not all. */
		for (waiting = 0; waiting < max / frame * 3 / 4; waiting++) {
			while ((rc = channel_receive(b, &in, NULL)) == 0)
				assert_int_equal(channel_flush(a, NULL), 0);
			assert_int_equal(rc, 1);
			assert_true(in.ping.seq == received++);
			msg_free(&in);
		}
		assert_int_equal(channel_flush(a, NULL), 0);
	}
	while (received < sent) {
		assert_int_equal(channel_flush(a, NULL), 0);
		while (channel_receive(b, &in, NULL) == 1) {
			assert_true(in.ping.seq == received++);
			msg_free(&in);
		}
	}
	assert_true(channel_may_read(a));
	assert_false(channel_wants_write(a));
	close_pair();
}

static void test_may_read_turns_at_half(void **state)
{
	const size_t frame = FRAME_HEADER_SIZE + 8;
	struct msg m = ping(1);
	int i;

	open_pair(IPC_SUPERVISOR, IPC_API, 10 * frame, false);
	for (i = 1; i <= 10; i++) {
		assert_int_equal(channel_queue(a, &m, NULL), 0);
		assert_int_equal(channel_may_read(a), i <= 5);
	}
	assert_int_equal(channel_queue(a, &m, NULL), ERR_FULL);
	/* channel_send makes room first. */
	assert_int_equal(channel_send(a, &m, NULL), 0);
	assert_true(channel_may_read(a));
	assert_false(channel_wants_write(a));
	close_pair();
}

static void test_a_message_larger_than_the_queue(void **state)
{
	struct msg m = of_type(MSG_db_report);
	struct err e;

	open_pair(IPC_DB, IPC_SUPERVISOR, 30, false);
	m.db_report.problem = "a sentence that does not fit";
	assert_int_equal(channel_send(a, &m, &e), ERR_FULL);
	assert_false(channel_wants_write(a));
	assert_int_equal(channel_send_wait(a, &m, clock_monotonic_ms() + 1000, &e), ERR_FULL);
	m.db_report.problem = "fit";
	assert_int_equal(channel_send(a, &m, &e), 0);
	close_pair();
}

/* ---- who may say what ---- */

static void test_every_message_in_every_direction(void **state)
{
	static const unsigned roles[] = { IPC_SUPERVISOR, IPC_API, IPC_DB };
	size_t i, s, p;

	for (s = 0; s < 3; s++) {
		for (p = 0; p < 3; p++) {
			for (i = 0; i < msg_table_count; i++) {
				const struct msg_info *info = &msg_table[i];
				bool allowed = (info->from & roles[s]) && (info->to & roles[p]);
				struct msg in, m = of_type(info->type);
				struct buf frame;
				int rc;

				/* Sending. */
				open_pair(roles[s], roles[p], 100000, true);
				if (info->properties & MSG_FD)
					m.fd = raw;
				rc = channel_send(a, &m, NULL);
				assert_int_equal(rc, allowed ? 0 : ERR_INTERNAL);
				close_pair();

				/* Receiving, from a peer that does not ask. */
				open_pair(roles[p], roles[s], 100000, true);
				buf_init(&frame, 1000);
				assert_int_equal(msg_encode(&frame, &m, NULL), 0);
				assert_int_equal(write(raw, frame.data, frame.len), frame.len);
				buf_free(&frame);
				rc = channel_receive(a, &in, NULL);
				if (allowed && !(info->properties & MSG_FD)) {
					assert_int_equal(rc, 1);
					msg_free(&in);
				} else {
					assert_int_equal(rc, ERR_PROTOCOL);
				}
				close_pair();
			}
		}
	}
}

static void test_once_means_once(void **state)
{
	struct msg in, m = of_type(MSG_ready);
	struct buf frame;
	struct err e;

	open_pair(IPC_API, IPC_SUPERVISOR, 1000, false);
	assert_int_equal(channel_send(a, &m, &e), 0);
	assert_int_equal(channel_send(a, &m, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.text, "only once"));
	assert_int_equal(channel_receive(b, &in, &e), 1);
	msg_free(&in);
	assert_int_equal(channel_receive(b, &in, &e), 0);
	close_pair();

	open_pair(IPC_SUPERVISOR, IPC_API, 1000, true);
	buf_init(&frame, 1000);
	assert_int_equal(msg_encode(&frame, &m, NULL), 0);
	assert_int_equal(msg_encode(&frame, &m, NULL), 0);
	assert_int_equal(write(raw, frame.data, frame.len), frame.len);
	assert_int_equal(channel_receive(a, &in, &e), 1);
	msg_free(&in);
	assert_int_equal(channel_receive(a, &in, &e), ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "second time"));
	buf_free(&frame);
	close_pair();
}

static void test_a_once_message_that_was_not_queued_may_come_later(void **state)
{
	struct msg m = of_type(MSG_ready), p = of_type(MSG_pong);

	open_pair(IPC_API, IPC_SUPERVISOR, FRAME_HEADER_SIZE + 8, false);
	assert_int_equal(channel_queue(a, &p, NULL), 0);
	assert_int_equal(channel_queue(a, &m, NULL), ERR_FULL);
	assert_int_equal(channel_flush(a, NULL), 0);
	assert_int_equal(channel_queue(a, &m, NULL), 0);
	close_pair();
}

static void refuse(const uint8_t *bytes, size_t n, const char *reason)
{
	struct msg in;
	struct err e = { 0 };

	open_pair(IPC_SUPERVISOR, IPC_DB, 1000, true);
	assert_int_equal(write(raw, bytes, n), n);
	assert_int_equal(channel_receive(a, &in, &e), ERR_PROTOCOL);
	if (!strstr(e.text, reason))
		fail_msg("%s", e.text);
	/* For good, whatever comes afterwards. */
	assert_int_equal(write(raw, bytes, n), n);
	assert_int_equal(channel_receive(a, &in, &e), ERR_PROTOCOL);
	close_pair();
}

static void test_broken_frames(void **state)
{
	struct frame_header h = { .type = MSG_pong, .length = 8 };
	uint8_t bytes[FRAME_HEADER_SIZE + 8] = { 0 };

	frame_put_header(bytes, &h);
	bytes[0] = 'X';
	refuse(bytes, FRAME_HEADER_SIZE, "DSD");
	frame_put_header(bytes, &h);
	bytes[3] = '2';
	refuse(bytes, FRAME_HEADER_SIZE, "version");
	frame_put_header(bytes, &h);
	bytes[6] = 1;
	refuse(bytes, FRAME_HEADER_SIZE, "flags");
	h.type = 0;
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE, "does not exist");
	h.type = 65535;
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE, "does not exist");
	/* The header alone is enough to refuse a size: nothing is awaited. */
	h = (struct frame_header){ .type = MSG_pong, .length = 17 };
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE, "limit");
	h.length = FRAME_PAYLOAD_MAX;
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE, "limit");
	h.length = UINT32_MAX;
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE, "limit");
	h.length = 7;
	frame_put_header(bytes, &h);
	refuse(bytes, FRAME_HEADER_SIZE + 7, "missing");
}

/* ---- the end ---- */

static void test_peer_death_at_every_byte(void **state)
{
	struct msg m = of_type(MSG_db_report), in;
	struct buf frames;
	size_t n, one, i;
	struct err e;
	int rc;

	buf_init(&frames, 1000);
	m.db_report.problem = "no space";
	assert_int_equal(msg_encode(&frames, &m, NULL), 0);
	one = frames.len;
	assert_int_equal(msg_encode(&frames, &m, NULL), 0);
	msg_init(&in, MSG_ping, 0);
	for (n = 0; n <= frames.len; n++) {
		open_pair(IPC_SUPERVISOR, IPC_DB, 1000, true);
		assert_int_equal(write(raw, frames.data, n), n);
		close(raw);
		raw = -1;
		/* 0 between the last bytes and the end: the end is another read. */
		for (i = 0; (rc = channel_receive(a, &in, &e)) >= 0; i += rc == 1)
			msg_free(&in);
		assert_int_equal(i, n / one);
		assert_int_equal(rc, ERR_CLOSED);
		assert_int_equal(strstr(e.text, "middle") != NULL, n % one != 0);
		assert_int_equal(channel_receive(a, &in, &e), ERR_CLOSED);
		m = of_type(MSG_ping);
		assert_int_equal(channel_send(a, &m, &e), ERR_CLOSED);
		assert_int_equal(channel_send(a, &m, &e), ERR_CLOSED);
		assert_false(channel_wants_write(a));
		close_pair();
	}
	buf_free(&frames);
}

/* What a peer said before it died is still heard after a send failed. */
static void test_last_words_are_received(void **state)
{
	struct msg m = of_type(MSG_db_report), in, p = ping(1);

	open_pair(IPC_SUPERVISOR, IPC_DB, 100000, false);
	m.db_report.problem = "last words";
	assert_int_equal(channel_send(a, &p, NULL), 0); /* never read by b */
	assert_int_equal(channel_send(b, &m, NULL), 0);
	channel_free(b);
	b = NULL;
	assert_int_equal(channel_send(a, &p, NULL), ERR_CLOSED);
	assert_int_equal(channel_receive(a, &in, NULL), 1);
	assert_string_equal(in.db_report.problem, "last words");
	msg_free(&in);
	assert_int_equal(channel_receive(a, &in, NULL), ERR_CLOSED);
	close_pair();
}

static void test_half_close(void **state)
{
	struct msg m, in;
	uint64_t sent, received = 0;
	int rc;

	/* With a queue: the end comes after what is queued. */
	open_pair(IPC_SUPERVISOR, IPC_API, CHANNEL_QUEUE_DEFAULT, false);
	for (sent = 0; sent < 50000; sent++) {
		m = ping(sent);
		assert_int_equal(channel_queue(a, &m, NULL), 0);
	}
	channel_shutdown_send(a);
	assert_true(channel_wants_write(a));
	assert_int_equal(channel_queue(a, &m, NULL), ERR_CLOSED);
	while ((rc = channel_receive(b, &in, NULL)) >= 0) {
		if (rc == 0) {
			assert_int_equal(channel_flush(a, NULL), 0);
			continue;
		}
		assert_true(in.ping.seq == received++);
		msg_free(&in);
	}
	assert_int_equal(rc, ERR_CLOSED);
	assert_int_equal(received, sent);
	/* The other direction still works. */
	m = of_type(MSG_pong);
	assert_int_equal(channel_send(b, &m, NULL), 0);
	assert_int_equal(channel_receive(a, &in, NULL), 1);
	msg_free(&in);
	assert_int_equal(channel_receive(a, &in, NULL), 0);
	channel_shutdown_send(b);
	channel_shutdown_send(b);
	assert_int_equal(channel_receive(a, &in, NULL), ERR_CLOSED);
	close_pair();
}

/* ---- waiting ---- */

static void test_waiting_has_a_deadline(void **state)
{
	struct msg in, m;
	int rc = 0;

	open_pair(IPC_SUPERVISOR, IPC_API, 1 << 20, false);
	assert_int_equal(channel_receive_wait(a, &in, clock_monotonic_ms() + 10, NULL),
	    ERR_TIMEOUT);
	assert_int_equal(channel_receive_wait(a, &in, 0, NULL), ERR_TIMEOUT);
	while (rc == 0) {
		m = ping(0);
		rc = channel_send_wait(a, &m, clock_monotonic_ms() + 10, NULL);
	}
	assert_int_equal(rc, ERR_TIMEOUT);
	assert_true(channel_wants_write(a));
	/* What is there needs no time. */
	assert_int_equal(channel_receive_wait(b, &in, 0, NULL), 1);
	msg_free(&in);
	close_pair();
}

/* Another process answers slowly, then dies. */
static void test_waiting_for_another_process(void **state)
{
	struct msg in, m;
	int i, status;
	pid_t pid;

	open_pair(IPC_SUPERVISOR, IPC_API, 1 << 20, false);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		channel_free(a);
		for (i = 0; i < 100; i++) {
			if (channel_receive_wait(b, &in, clock_monotonic_ms() + 30000, NULL) != 1)
				_exit(1);
			m = of_type(MSG_pong);
			m.pong.seq = in.ping.seq + 1;
			msg_free(&in);
			if (channel_send_wait(b, &m, clock_monotonic_ms() + 30000, NULL) != 0)
				_exit(2);
		}
		raise(SIGKILL);
	}
	channel_free(b);
	b = NULL;
	for (i = 0; i < 100; i++) {
		m = ping((uint64_t)i);
		assert_int_equal(channel_send_wait(a, &m, clock_monotonic_ms() + 30000, NULL), 0);
		assert_int_equal(channel_receive_wait(a, &in, clock_monotonic_ms() + 30000, NULL),
		    1);
		assert_int_equal(in.pong.seq, i + 1);
		msg_free(&in);
	}
	assert_int_equal(channel_receive_wait(a, &in, clock_monotonic_ms() + 30000, NULL),
	    ERR_CLOSED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close_pair();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_and_new),
		cmocka_unit_test(test_many_in_flight_both_ways),
		cmocka_unit_test(test_large_messages),
		cmocka_unit_test(test_one_byte_at_a_time),
		cmocka_unit_test(test_a_slow_reader_fills_a_bounded_queue),
		cmocka_unit_test(test_may_read_turns_at_half),
		cmocka_unit_test(test_a_message_larger_than_the_queue),
		cmocka_unit_test(test_every_message_in_every_direction),
		cmocka_unit_test(test_once_means_once),
		cmocka_unit_test(test_a_once_message_that_was_not_queued_may_come_later),
		cmocka_unit_test(test_broken_frames),
		cmocka_unit_test(test_peer_death_at_every_byte),
		cmocka_unit_test(test_last_words_are_received),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_waiting_has_a_deadline),
		cmocka_unit_test(test_waiting_for_another_process),
	};

	return cmocka_run_group_tests_name("ipc/channel", tests, NULL, NULL);
}

/*
 * The codec: known bytes, limits, and a property test over every message of
 * the table, driven by the table itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ipc/codec.h"
#include "ipc/frame.h"

/* ---- random messages ---- */

/* xorshift64*: the same messages in each run. */
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 2685821657736338717u % below;
}

/* What a random message points to. */
static void *heap[20000];
static size_t nheap;

static void *keep(size_t n)
{
	assert_true(nheap < sizeof(heap) / sizeof(heap[0]));
	heap[nheap] = calloc(1, n ? n : 1);
	assert_non_null(heap[nheap]);
	return heap[nheap++];
}

static void forget(void)
{
	while (nheap > 0)
		free(heap[--nheap]);
}

static const char *random_text(uint32_t max)
{
	size_t len, want = rnd(4) ? rnd(20) : rnd((uint64_t)max + 1);
	char *text;

	if (rnd(6) == 0)
		return NULL;
	if (want > max)
		want = max;
	text = keep(want + 1);
	for (len = 0; len < want;) {
		static const uint32_t ranges[][2] = { { 1, 0x7f }, { 0x80, 0x7ff },
			{ 0x800, 0xd7ff }, { 0x10000, 0x10ffff } };
		size_t r = rnd(4);
		char utf8[4];
		size_t n = utf8_encode((uint32_t)(ranges[r][0] +
		    rnd(ranges[r][1] - ranges[r][0] + 1)), utf8);

		if (n > want - len)
			continue;
		memcpy(text + len, utf8, n);
		len += n;
	}
	return text;
}

static struct ipc_bytes random_bytes(uint32_t max)
{
	uint32_t len = (uint32_t)(rnd(4) ? rnd(20) : rnd((uint64_t)max + 1)), i;
	uint8_t *data;

	if (len > max)
		len = max;
	data = keep(len);
	for (i = 0; i < len; i++)
		data[i] = (uint8_t)rnd(256);
	return (struct ipc_bytes){ data, len };
}

struct any_list {
	void *items;
	uint32_t count;
};

static void random_record(const struct record_info *r, void *to);

static void random_field(const struct field_info *f, void *to)
{
	uint64_t value = rnd(4) ? rnd(300) : rnd(UINT64_MAX);
	struct any_list list;
	uint32_t i;

	switch (f->kind) {
	case FIELD_BOOL: *(bool *)to = rnd(2); break;
	case FIELD_U8: *(uint8_t *)to = (uint8_t)value; break;
	case FIELD_U16: *(uint16_t *)to = (uint16_t)value; break;
	case FIELD_U32: *(uint32_t *)to = (uint32_t)value; break;
	case FIELD_U64: *(uint64_t *)to = value; break;
	case FIELD_I64: *(int64_t *)to = (int64_t)value; break;
	case FIELD_TEXT: *(const char **)to = random_text(f->max); break;
	case FIELD_STRING:
		while ((*(const char **)to = random_text(f->max)) == NULL)
			;
		break;
	case FIELD_BYTES: *(struct ipc_bytes *)to = random_bytes(f->max); break;
	case FIELD_LIST:
		list.count = (uint32_t)(rnd(3) ? rnd(4) : rnd(f->max + 1u));
		if (list.count > f->max)
			list.count = f->max;
		list.items = keep(list.count * f->record->size);
		for (i = 0; i < list.count; i++)
			random_record(f->record, (char *)list.items + i * f->record->size);
		memcpy(to, &list.items, sizeof(list.items));
		memcpy((char *)to + offsetof(struct any_list, count), &list.count,
		    sizeof(list.count));
		break;
	}
}

static void random_record(const struct record_info *r, void *to)
{
	const struct field_info *fields = r->fields();
	size_t i;

	for (i = 0; i < r->nfields; i++)
		random_field(&fields[i], (char *)to + fields[i].offset);
}

/* An encoded random message of that type: its frame in b. */
static void random_message(const struct msg_info *info, struct buf *b)
{
	struct err e;
	struct msg m;
	int rc;

	do {
		forget();
		msg_init(&m, info->type, rnd(UINT64_MAX));
		random_record(&info->body, (char *)&m + offsetof(struct msg, ping));
		buf_clear(b);
		rc = msg_encode(b, &m, &e);
		/* Every field at its limit can be more than the message's. */
		if (rc < 0 && rc != ERR_FULL)
			assert_non_null(strstr(e.text, "larger than its limit"));
	} while (rc < 0);
}

/* ---- checks ---- */

/* Decodes a frame's payload from a block that ends where it ends. */
static int decode(struct msg *m, unsigned type, const uint8_t *payload, size_t len,
    struct err *e)
{
	uint8_t *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, payload, len);
	rc = msg_decode(m, type, 7, copy, len, e);
	memset(copy, 0xee, len); /* the message has its own copy */
	free(copy);
	return rc;
}

/* A payload is refused, or it is the encoding of what it decodes to. */
static int decode_is_sane(unsigned type, const uint8_t *payload, size_t len)
{
	struct err e = { 0 };
	struct msg m;
	struct buf b;
	int rc;

	rc = decode(&m, type, payload, len, &e);
	if (rc < 0) {
		assert_int_equal(rc, ERR_PROTOCOL);
		assert_true(strlen(e.text) > 0);
		assert_null(m.owned);
		assert_int_equal(m.fd, -1);
		return rc;
	}
	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	assert_int_equal(msg_encode(&b, &m, &e), 0);
	assert_int_equal(b.len, FRAME_HEADER_SIZE + len);
	assert_memory_equal(b.data + FRAME_HEADER_SIZE, payload, len);
	buf_free(&b);
	msg_free(&m);
	return 0;
}

static void test_encode_decode_encode(void **state)
{
	struct buf b;
	size_t i;
	int round;

	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	for (i = 0; i < msg_table_count; i++) {
		const struct msg_info *info = &msg_table[i];

		for (round = 0; round < 60; round++) {
			struct frame_header h;

			random_message(info, &b);
			assert_int_equal(frame_get_header(b.data, &h, NULL), 0);
			assert_int_equal(h.type, info->type);
			assert_int_equal(h.length, b.len - FRAME_HEADER_SIZE);
			assert_int_equal(decode_is_sane(info->type, b.data + FRAME_HEADER_SIZE,
			    h.length), 0);
		}
	}
	forget();
	buf_free(&b);
}

static void test_every_truncation_is_refused(void **state)
{
	struct buf b;
	size_t i, len;
	int round;

	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	for (i = 0; i < msg_table_count; i++) {
		for (round = 0; round < 10; round++) {
			random_message(&msg_table[i], &b);
			len = b.len - FRAME_HEADER_SIZE;
			/* All of a short one, some of a long one. */
			while (len > 0) {
				len -= len > 2000 ? 1 + rnd(len / 100) : 1;
				assert_int_equal(decode_is_sane(msg_table[i].type,
				    b.data + FRAME_HEADER_SIZE, len), ERR_PROTOCOL);
			}
			assert_int_equal(buf_putc(&b, 0), 0);
			assert_int_equal(decode_is_sane(msg_table[i].type,
			    b.data + FRAME_HEADER_SIZE, b.len - FRAME_HEADER_SIZE), ERR_PROTOCOL);
		}
	}
	forget();
	buf_free(&b);
}

static void test_mutations_are_refused_or_decode(void **state)
{
	size_t i, at, refused = 0, accepted = 0;
	struct buf b;
	int round;

	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	for (i = 0; i < msg_table_count; i++) {
		for (round = 0; round < 10; round++) {
			uint8_t *payload;
			size_t len;

			do {
				random_message(&msg_table[i], &b);
			} while (b.len > 3000);
			payload = b.data + FRAME_HEADER_SIZE;
			len = b.len - FRAME_HEADER_SIZE;
			for (at = 0; at < len; at++) {
				static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
				uint8_t before = payload[at];
				size_t v;

				for (v = 0; v <= sizeof(values); v++) {
					payload[at] = v < sizeof(values) ? values[v] :
					    (uint8_t)rnd(256);
					if (decode_is_sane(msg_table[i].type, payload, len) < 0)
						refused++;
					else
						accepted++;
				}
				payload[at] = before;
			}
		}
	}
	assert_true(refused > 1000 && accepted > 1000);
	forget();
	buf_free(&b);
}

static void test_noise(void **state)
{
	uint8_t noise[300];
	size_t i, j, len;
	int round;

	for (i = 0; i < msg_table_count; i++) {
		for (round = 0; round < 300; round++) {
			len = rnd(sizeof(noise));
			/* Small numbers get further than large ones. */
			for (j = 0; j < len; j++)
				noise[j] = (uint8_t)(rnd(3) ? 0 : rnd(256));
			decode_is_sane(msg_table[i].type, noise, len);
		}
	}
}

/* ---- single rules ---- */

static void test_known_bytes(void **state)
{
	static const uint8_t expected[] = {
		'D', 'S', 'D', '1', 10, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0,
		1, 1, 0, 1, 5, 0, 0, 0, 'o', 'h', 0xc3, 0xa9, '!', 0,
	};
	struct buf b;
	struct msg m;

	msg_init(&m, MSG_db_state, 5);
	m.db_state.configured = true;
	m.db_state.engine = 1;
	m.db_state.setup_ready = true;
	m.db_state.problem = "oh\xc3\xa9!";
	buf_init(&b, 100);
	assert_int_equal(msg_encode(&b, &m, NULL), 0);
	assert_int_equal(b.len, sizeof(expected));
	assert_memory_equal(b.data, expected, sizeof(expected));
	m.db_state.problem = NULL;
	assert_int_equal(msg_encode(&b, &m, NULL), 0); /* appends */
	assert_int_equal(b.len, sizeof(expected) + 28);
	assert_memory_equal(b.data + sizeof(expected) + 24, "\xff\xff\xff\xff", 4);
	buf_free(&b);
}

static void test_lists_and_bytes_come_through(void **state)
{
	struct rec_listener listeners[2] = { { 4, 0, true }, { 5, 1, false } };
	struct rec_name hosts[1] = { { "example.org" } };
	struct buf b;
	struct msg m, back;

	msg_init(&m, MSG_api_config, 0);
	m.api_config.listeners.items = listeners;
	m.api_config.listeners.count = 2;
	m.api_config.allowed_hosts.items = hosts;
	m.api_config.allowed_hosts.count = 1;
	m.api_config.setup_timeout_ms = 15000;
	buf_init(&b, 1000);
	assert_int_equal(msg_encode(&b, &m, NULL), 0);
	assert_int_equal(decode(&back, MSG_api_config, b.data + FRAME_HEADER_SIZE,
	    b.len - FRAME_HEADER_SIZE, NULL), 0);
	assert_int_equal(back.id, 7);
	assert_int_equal(back.api_config.listeners.count, 2);
	assert_int_equal(back.api_config.listeners.items[1].fd, 5);
	assert_int_equal(back.api_config.listeners.items[1].kind, 1);
	assert_true(back.api_config.listeners.items[0].loopback);
	assert_string_equal(back.api_config.allowed_hosts.items[0].name, "example.org");
	assert_null(back.api_config.frontend_url);
	assert_int_equal(back.api_config.setup_timeout_ms, 15000);
	msg_free(&back);

	buf_clear(&b);
	msg_init(&m, MSG_db_config, 0);
	m.db_config.encryption_secret = (struct ipc_bytes){ (const uint8_t *)"\0\xff", 2 };
	m.db_config.data_dir = "";
	assert_int_equal(msg_encode(&b, &m, NULL), 0);
	assert_int_equal(decode(&back, MSG_db_config, b.data + FRAME_HEADER_SIZE,
	    b.len - FRAME_HEADER_SIZE, NULL), 0);
	assert_int_equal(back.db_config.encryption_secret.len, 2);
	assert_memory_equal(back.db_config.encryption_secret.data, "\0\xff", 2);
	assert_int_equal(back.db_config.turso_token.len, 0);
	assert_string_equal(back.db_config.data_dir, "");
	msg_free(&back);
	buf_free(&b);
}

static void test_the_encoder_keeps_the_table(void **state)
{
	char text[1026];
	struct rec_listener one = { 0 };
	struct buf b;
	struct err e;
	struct msg m;

	memset(text, 'x', sizeof(text));
	text[1025] = '\0';
	buf_init(&b, 100000);
	buf_puts(&b, "before");
	msg_init(&m, MSG_db_report, 0);
	m.db_report.problem = text;
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.text, "db_report: field problem is too long"));
	text[1024] = '\0';
	assert_int_equal(msg_encode(&b, &m, &e), 0);
	b.len = 6;
	m.db_report.problem = "\xff";
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);

	msg_init(&m, (enum ipc_type)999, 0);
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	msg_init(&m, MSG_api_config, 0);
	m.api_config.listeners.items = &one;
	m.api_config.listeners.count = 65;
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	m.api_config.listeners.items = NULL;
	m.api_config.listeners.count = 1;
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	msg_init(&m, MSG_db_config, 0);
	m.db_config.turso_token = (struct ipc_bytes){ (const uint8_t *)text, 16385 };
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	m.db_config.turso_token = (struct ipc_bytes){ NULL, 1 };
	assert_int_equal(msg_encode(&b, &m, &e), ERR_INTERNAL);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "before", 6);
	assert_false(b.failed);
	buf_free(&b);
}

static void test_a_full_buffer_is_as_before(void **state)
{
	struct buf b;
	struct msg m;
	size_t max;

	msg_init(&m, MSG_db_report, 0);
	m.db_report.problem = "0123456789";
	for (max = 0; max < 20 + 4 + 11; max++) {
		buf_init(&b, max);
		assert_int_equal(msg_encode(&b, &m, NULL), ERR_FULL);
		assert_int_equal(b.len, 0);
		assert_false(b.failed);
		buf_free(&b);
	}
	buf_init(&b, max);
	assert_int_equal(msg_encode(&b, &m, NULL), 0);
	buf_free(&b);
}

static void test_the_decoder_refuses(void **state)
{
	static const struct {
		unsigned type;
		const char *payload;
		size_t len;
		const char *reason;
	} cases[] = {
		{ 0, "", 0, "does not exist" },
		{ 999, "", 0, "does not exist" },
		{ 70000, "", 0, "does not exist" },
		{ MSG_ready, "x", 1, "limit" },
		{ MSG_ping, "1234567", 7, "missing" },
		{ MSG_ping, "123456789", 9, "follow" },
		{ MSG_db_state, "\2\0\0\0\xff\xff\xff\xff", 8, "neither 0 nor 1" },
		{ MSG_db_state, "\1\0\0\0\1\0\0\0", 8, "short" },
		{ MSG_db_state, "\1\0\0\0\1\0\0\0x", 9, "short" },
		{ MSG_db_state, "\1\0\0\0\1\0\0\0xx", 10, "not text" },
		{ MSG_db_state, "\1\0\0\0\1\0\0\0\0\0", 10, "not text" },
		{ MSG_db_state, "\1\0\0\0\1\0\0\0\xff\0", 10, "not text" },
		{ MSG_db_state, "\1\0\0\0\1\4\0\0xx", 10, "too long" },
		{ MSG_db_state, "\1\0\0\0\xfe\xff\xff\xff", 8, "too long" },
	};
	struct err e;
	struct msg m;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(decode(&m, cases[i].type, (const uint8_t *)cases[i].payload,
		    cases[i].len, &e), ERR_PROTOCOL);
		if (!strstr(e.text, cases[i].reason))
			fail_msg("case %zu: %s", i, e.text);
		assert_null(m.owned);
	}
}

/* A count that the payload cannot hold must not reserve memory for it. */
static void test_a_list_cannot_claim_more_than_came(void **state)
{
	uint8_t payload[1 + 4 + 8 + 4] = { 1, 0xff, 0xff, 0xff, 0xff };
	struct err e;
	struct msg m;

	payload[13] = 0x00;
	payload[14] = 0x10; /* 4096 migrations */
	assert_int_equal(decode(&m, MSG_db_info_reply, payload, sizeof(payload), &e),
	    ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "cut short"));
	payload[13] = 0x01;
	assert_int_equal(decode(&m, MSG_db_info_reply, payload, sizeof(payload), &e),
	    ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode_decode_encode),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_mutations_are_refused_or_decode),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_lists_and_bytes_come_through),
		cmocka_unit_test(test_the_encoder_keeps_the_table),
		cmocka_unit_test(test_a_full_buffer_is_as_before),
		cmocka_unit_test(test_the_decoder_refuses),
		cmocka_unit_test(test_a_list_cannot_claim_more_than_came),
	};

	return cmocka_run_group_tests_name("ipc/codec", tests, NULL, NULL);
}

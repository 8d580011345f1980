/* The frame header: its bytes are fixed, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ipc/frame.h"

static const uint8_t bytes[FRAME_HEADER_SIZE] = {
	'D', 'S', 'D', '1', 0x34, 0x12, 0, 0,
	0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x78, 0x56, 0x34, 0x00,
};

static void test_bytes_are_as_specified(void **state)
{
	const struct frame_header h = { .type = 0x1234, .id = 0x0102030405060708,
		.length = 0x345678 };
	uint8_t out[FRAME_HEADER_SIZE];
	struct frame_header back;

	frame_put_header(out, &h);
	assert_memory_equal(out, bytes, sizeof(bytes));
	assert_int_equal(frame_get_header(bytes, &back, NULL), 0);
	assert_int_equal(back.type, 0x1234);
	assert_int_equal(back.flags, 0);
	assert_true(back.id == h.id);
	assert_int_equal(back.length, 0x345678);
}

static void test_every_other_magic_version_and_flag_is_refused(void **state)
{
	struct frame_header h = { .type = 77 };
	uint8_t in[FRAME_HEADER_SIZE];
	struct err e;
	unsigned v;
	size_t i;

	for (i = 0; i < 8; i++) {
		if (i == 4 || i == 5)
			continue;
		for (v = 0; v < 256; v++) {
			memcpy(in, bytes, sizeof(in));
			in[i] = (uint8_t)v;
			if (v == bytes[i])
				continue;
			e.text[0] = '\0';
			assert_int_equal(frame_get_header(in, &h, &e), ERR_PROTOCOL);
			assert_true(strlen(e.text) > 0);
			assert_int_equal(h.type, 77); /* untouched */
		}
	}
}

static void test_length_limit(void **state)
{
	struct frame_header h = { .length = FRAME_PAYLOAD_MAX };
	uint8_t out[FRAME_HEADER_SIZE];

	frame_put_header(out, &h);
	assert_int_equal(frame_get_header(out, &h, NULL), 0);
	h.length = FRAME_PAYLOAD_MAX + 1;
	frame_put_header(out, &h);
	assert_int_equal(frame_get_header(out, &h, NULL), ERR_PROTOCOL);
	h.length = UINT32_MAX;
	frame_put_header(out, &h);
	assert_int_equal(frame_get_header(out, &h, NULL), ERR_PROTOCOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_as_specified),
		cmocka_unit_test(test_every_other_magic_version_and_flag_is_refused),
		cmocka_unit_test(test_length_limit),
	};

	return cmocka_run_group_tests_name("ipc/frame", tests, NULL, NULL);
}

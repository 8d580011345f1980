/* The table of messages, and the reference made from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/frame.h"
#include "ipc/messages.h"

static void test_every_row_is_found_and_sane(void **state)
{
	size_t i, j, found = 0;
	unsigned type;

	for (i = 0; i < msg_table_count; i++) {
		const struct msg_info *m = &msg_table[i];
		const struct field_info *fields = m->body.fields();

		assert_ptr_equal(msg_info(m->type), m);
		assert_true(m->max_payload <= FRAME_PAYLOAD_MAX);
		assert_true(strlen(m->body.name) > 0 && strlen(m->body.doc) > 0);
		for (j = 0; j < m->body.nfields; j++) {
			assert_non_null(fields[j].name);
			assert_non_null(fields[j].doc);
			assert_true(fields[j].offset < m->body.size);
			assert_true(j == 0 || fields[j].offset > fields[j - 1].offset);
			assert_int_equal(fields[j].kind == FIELD_LIST, fields[j].record != NULL);
			assert_int_equal(fields[j].kind >= FIELD_TEXT, fields[j].max > 0);
		}
		assert_null(fields[j].name);
	}
	for (type = 0; type < 70000; type++)
		found += msg_info(type) != NULL;
	assert_int_equal(found, msg_table_count);
	assert_null(msg_info(0));
	assert_null(msg_info(UINT32_MAX));
}

static void test_init_and_free(void **state)
{
	struct msg m;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	memset(&m, 0x5a, sizeof(m));
	msg_init(&m, MSG_data_channel, 9);
	assert_int_equal(m.type, MSG_data_channel);
	assert_int_equal(m.id, 9);
	assert_int_equal(m.fd, -1);
	assert_null(m.owned);
	assert_int_equal(m.data_channel.peer_pid, 0);

	/* Never received: its descriptor is the caller's. */
	m.fd = fd;
	msg_free(&m);
	assert_int_equal(m.fd, -1);
	assert_true(fcntl(fd, F_GETFD) >= 0);

	/* Received: its memory and descriptor are its own. */
	msg_init(&m, MSG_data_channel, 9);
	m.fd = fd;
	m.owned_len = 8;
	m.owned = calloc(1, 8);
	msg_free(&m);
	assert_null(m.owned);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	msg_free(&m);
	msg_free(NULL);
}

static void test_reference_names_everything(void **state)
{
	char *text = NULL;
	size_t len = 0, i, j;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	msg_write_docs(f);
	fclose(f);
	for (i = 0; i < msg_table_count; i++) {
		const struct field_info *fields = msg_table[i].body.fields();
		char heading[100];

		snprintf(heading, sizeof(heading), "\n## %s\n", msg_table[i].body.name);
		assert_non_null(strstr(text, heading));
		for (j = 0; j < msg_table[i].body.nfields; j++)
			assert_non_null(strstr(text, fields[j].doc));
	}
	assert_non_null(strstr(text, "## Record: listener"));
	assert_null(strstr(text, "(null)"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_found_and_sane),
		cmocka_unit_test(test_init_and_free),
		cmocka_unit_test(test_reference_names_everything),
	};

	return cmocka_run_group_tests_name("ipc/messages", tests, NULL, NULL);
}

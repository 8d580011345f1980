/*
 * The log: every line is one JSON object within its limit, nothing from outside
 * forges one, nobody who does not read it stops the process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

static int saved = -1, reader = -1;
static char got[1 << 20];

/* cmocka reports to stderr: what a test asserts, it asserts after release(). */
static void capture(int fds[2])
{
	fflush(stderr);
	saved = dup(2);
	dup2(fds[1], 2);
	close(fds[1]);
	reader = fds[0];
	fcntl(reader, F_SETFL, O_NONBLOCK);
	log_init("test-role");
	log_set_level(LOG_INFO);
}

static void capture_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	capture(fds);
}

static size_t drain(void)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(reader, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	return len;
}

static void release(void)
{
	dup2(saved, 2);
	close(saved);
	close(reader);
	saved = reader = -1;
}

/* Parses the line that starts at text, checks its limit; returns the next. */
static const char *line(const char *text, cJSON **tree)
{
	const char *end = strchr(text, '\n');
	struct err e;

	assert_non_null(end);
	assert_true(end + 1 - text <= LOG_LINE_MAX);
	*tree = NULL;
	if (json_parse(text, (size_t)(end - text), NULL, tree, &e) != 0)
		fail_msg("%s in %.*s", e.text, (int)(end - text), text);
	return end + 1;
}

static const char *string_of(const cJSON *tree, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));

	assert_non_null(s);
	return s;
}

static int64_t fake_us(void)
{
	return 0;
}

static int64_t fake_ms(void)
{
	return 1735842135000;
}

static void test_json_line(void **state)
{
	const struct clock_ops ops = { fake_us, fake_ms };
	const struct log_field fields[] = {
		LOG_STR("name", "va\"lue"),
		LOG_INT("count", -5),
		LOG_STR("nothing", NULL),
	};
	char expected[300];

	clock_set_ops(&ops);
	capture_pipe();
	errno = 77;
	log_write(LOG_WARN, fields, 3, "hello %s", "world");
	saved = errno == 77 ? saved : -1;
	drain();
	release();
	clock_set_ops(NULL);
	snprintf(expected, sizeof(expected),
	    "{\"time\":\"2025-01-02T18:22:15.000Z\",\"level\":\"warn\",\"role\":\"test-role\","
	    "\"pid\":%d,\"message\":\"hello world\",\"name\":\"va\\\"lue\",\"count\":-5,"
	    "\"nothing\":null}\n", (int)getpid());
	assert_string_equal(got, expected);
}

static void test_levels(void **state)
{
	static const char *const names[] = { "fatal", "error", "warn", "info", "debug",
		"trace" };
	enum log_level before = log_get_level();
	size_t len;
	int i, j;

	for (i = 0; i < 6; i++) {
		assert_int_equal(log_level_parse(names[i]), i);
		assert_string_equal(log_level_name((enum log_level)i), names[i]);
	}
	assert_int_equal(log_level_parse("Info"), -1);
	assert_int_equal(log_level_parse(""), -1);
	assert_string_equal(log_level_name((enum log_level)99), "unknown");
	for (i = 0; i < 6; i++) {
		capture_pipe();
		log_set_level((enum log_level)i);
		for (j = 0; j < 6; j++) {
			log_write((enum log_level)j, NULL, 0, "x");
			log_write_buffered((enum log_level)j, NULL, 0, "y");
		}
		log_flush();
		len = drain();
		release();
		for (j = 0; len > 0; len--)
			j += got[len - 1] == '\n';
		assert_int_equal(j, 2 * (i + 1));
	}
	log_set_level(before);
}

static void test_nothing_forges_a_line(void **state)
{
	static const char evil[] = "x\n{\"level\":\"fatal\"}\r\x1b[2J\x7f\xc2\x9b\xe2\x80\xa8\xff";
	const struct log_field f = LOG_STR("field", evil);
	cJSON *tree;
	const char *p;

	capture_pipe();
	log_write(LOG_INFO, &f, 1, "%s", evil);
	drain();
	release();
	assert_int_equal(strcspn(got, "\r\x1b\x7f"), strlen(got));
	assert_null(strstr(got, "\xc2\x9b"));
	p = line(got, &tree);
	assert_int_equal(*p, '\0');
	assert_string_equal(string_of(tree, "level"), "info");
	assert_string_equal(string_of(tree, "message"),
	    "x\n{\"level\":\"fatal\"}\r\x1b[2J\x7f\xc2\x9b\xe2\x80\xa8\xef\xbf\xbd");
	assert_string_equal(string_of(tree, "field"), string_of(tree, "message"));
	cJSON_Delete(tree);
}

/* Lengths around every limit, of characters of every encoded size. */
static void test_long_lines_are_cut_to_valid_json(void **state)
{
	static const char *const units[] = { "a", "\"", "\x01", "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\xff" };
	static const size_t sizes[] = { 100, 338, 339, 340, 341, 510, 511, 512, 680, 1020, 1021,
		1022, 1023, 1024, 2044, 2045, 2046, 2047, 2048, 4090, 4094, 4095, 4096, 9000 };
	char text[40000];
	struct log_field fields[12];
	size_t i, j, k, n, cut = 0;
	cJSON *tree;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			text[0] = '\0';
			for (k = 0, n = strlen(units[i]); k < sizes[j]; k++)
				memcpy(text + k * n, units[i], n + 1);
			for (k = 0; k < 12; k++)
				fields[k] = (struct log_field)LOG_STR("a field", text);
			for (k = 0; k < 12; k += 2)
				fields[k].name = "b";
			for (n = 0; n <= 12; n++) {
				/* The same name twice is the caller's business: use
				 * the object only when there is one of each. */
				capture_pipe();
				log_write(LOG_INFO, fields, n > 2 ? 2 : n, "%s", text);
				log_write(LOG_INFO, fields, n, "%s", text);
				drain();
				release();
				assert_int_equal(*strchr(line(got, &tree), '{'), '{');
				cut += cJSON_HasObjectItem(tree, "truncated");
				cJSON_Delete(tree);
				assert_true(strlen(strchr(got, '\n') + 1) <= LOG_LINE_MAX);
				assert_ptr_equal(strchr(strchr(got, '\n') + 1, '\n'),
				    got + strlen(got) - 1);
			}
		}
	}
	assert_true(cut > 0);
}

static void test_fields_survive_a_long_message(void **state)
{
	const struct log_field f = LOG_STR("request", "0123");
	char text[5000];
	cJSON *tree;

	memset(text, 'm', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_pipe();
	log_write(LOG_INFO, &f, 1, "%s", text);
	drain();
	release();
	line(got, &tree);
	assert_string_equal(string_of(tree, "request"), "0123");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(tree, "truncated")));
	cJSON_Delete(tree);
}

static void test_buffered_lines_wait_and_keep_their_order(void **state)
{
	size_t waiting, after, lines = 0, n;
	const char *p;
	cJSON *tree;
	int i;

	capture_pipe();
	log_write_buffered(LOG_INFO, NULL, 0, "first");
	waiting = drain();
	log_write(LOG_INFO, NULL, 0, "second");
	after = drain();
	release();
	assert_int_equal(waiting, 0);
	assert_true(after > 0);
	p = line(got, &tree);
	assert_string_equal(string_of(tree, "message"), "first");
	cJSON_Delete(tree);
	p = line(p, &tree);
	assert_string_equal(string_of(tree, "message"), "second");
	cJSON_Delete(tree);
	assert_int_equal(*p, '\0');

	/* More than the buffer holds goes out by itself, whole. */
	capture_pipe();
	for (i = 0; i < 400; i++)
		log_write_buffered(LOG_INFO, NULL, 0, "line %d", i);
	waiting = drain();
	log_flush();
	n = strlen(got);
	memmove(got + sizeof(got) / 2, got, n + 1);
	drain();
	memmove(got + sizeof(got) / 2 + n, got, strlen(got) + 1);
	release();
	assert_true(waiting > 16384);
	for (p = got + sizeof(got) / 2; *p; lines++) {
		char expected[20];

		p = line(p, &tree);
		snprintf(expected, sizeof(expected), "line %zu", lines);
		assert_string_equal(string_of(tree, "message"), expected);
		cJSON_Delete(tree);
	}
	assert_int_equal(lines, 400);
}

static void test_a_reader_that_stops_costs_lines_not_time(void **state)
{
	size_t lines = 0, after;
	const char *p;
	cJSON *tree;
	int i, fds[2];

	for (i = 0; i < 2; i++) {
		assert_int_equal(i ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
		capture(fds);
		for (lines = 0; lines < 20000; lines++)
			log_write(LOG_INFO, NULL, 0, "line %zu", lines);
		drain();
		after = strlen(got);
		log_write(LOG_INFO, NULL, 0, "it is read again");
		drain();
		release();
		assert_true(after > 0);
		for (p = got; *p;) {
			p = line(p, &tree);
			if (strstr(string_of(tree, "message"), "dropped"))
				break;
			cJSON_Delete(tree);
			tree = NULL;
		}
		assert_non_null(tree);
		assert_true(cJSON_GetObjectItem(tree, "lines")->valueint > 1000);
		cJSON_Delete(tree);
	}
}

static void test_a_closed_reader_is_survived(void **state)
{
	capture_pipe();
	close(reader);
	reader = -1;
	log_write(LOG_INFO, NULL, 0, "nobody hears this");
	log_write_buffered(LOG_INFO, NULL, 0, "nor this");
	log_flush();
	release();
}

static void test_terminal(void **state)
{
	const struct log_field fields[] = {
		LOG_STR("name", "a b\n\x1b[31m"),
		LOG_INT("n", 3),
	};
	int fds[2];

	if (openpty(&fds[0], &fds[1], NULL, NULL, NULL) < 0)
		skip();
	capture(fds);
	log_write(LOG_INFO, fields, 2, "two\nlines \"quoted\"");
	drain();
	release();
	assert_non_null(strstr(got, " info  test-role["));
	assert_non_null(strstr(got,
	    "] two\\u000alines \"quoted\" name=\"a b\\u000a\\u001b[31m\" n=3"));
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
	assert_null(strchr(got, '\x1b'));
}

static void *thread(void *arg)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (i % 2)
			log_write(LOG_INFO, NULL, 0, "thread line %d", i);
		else
			log_write_buffered(LOG_INFO, NULL, 0, "thread line %d", i);
	}
	return NULL;
}

static void test_threads_do_not_mix_lines(void **state)
{
	char name[] = "/tmp/test_log.XXXXXX";
	pthread_t threads[4];
	size_t lines = 0;
	const char *p;
	cJSON *tree;
	int fds[2], i;

	fds[1] = mkstemp(name);
	fds[0] = open(name, O_RDONLY);
	unlink(name);
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	capture(fds);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, thread, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	log_flush();
	drain();
	release();
	for (p = got; *p; lines++) {
		p = line(p, &tree);
		cJSON_Delete(tree);
	}
	assert_int_equal(lines, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_nothing_forges_a_line),
		cmocka_unit_test(test_long_lines_are_cut_to_valid_json),
		cmocka_unit_test(test_fields_survive_a_long_message),
		cmocka_unit_test(test_buffered_lines_wait_and_keep_their_order),
		cmocka_unit_test(test_a_reader_that_stops_costs_lines_not_time),
		cmocka_unit_test(test_a_closed_reader_is_survived),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_threads_do_not_mix_lines),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}

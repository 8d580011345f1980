/* Time: the calendar against libc's, limits, the replaceable clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static int64_t fake_us(void)
{
	return 1234567;
}

static int64_t fake_ms(void)
{
	return 42;
}

static void test_replaceable(void **state)
{
	const struct clock_ops ops = { fake_us, fake_ms };
	int64_t before;

	clock_set_ops(&ops);
	assert_int_equal(clock_monotonic_us(), 1234567);
	assert_int_equal(clock_monotonic_ms(), 1234);
	assert_int_equal(clock_wall_ms(), 42);
	clock_set_ops(NULL);
	before = clock_monotonic_us();
	assert_true(before > 0);
	assert_true(clock_monotonic_us() >= before);
	assert_true(clock_wall_ms() / 1000 - (int64_t)time(NULL) <= 1);
}

static void test_known_times(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1735842135000, "2025-01-02T18:22:15.000Z" },
		{ 951782399999, "2000-02-28T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -62167219200000, "0000-01-01T00:00:00.000Z" },
		{ -62167219200001, "0000-01-01T00:00:00.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};
	char text[CLOCK_ISO_SIZE];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clock_iso8601(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_every_day_as_libc(void **state)
{
	char text[CLOCK_ISO_SIZE], expected[64];
	int64_t day;
	struct tm tm;
	time_t t;

	for (day = -719528; day <= 2932896; day++) {
		t = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
		assert_non_null(gmtime_r(&t, &tm));
		snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.007Z",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
		clock_iso8601((int64_t)t * 1000 + 7, text);
		assert_string_equal(text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaceable),
		cmocka_unit_test(test_known_times),
		cmocka_unit_test(test_every_day_as_libc),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}

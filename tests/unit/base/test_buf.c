/* The bounded buffer: limits, growth, failure leaves the content alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static void test_appends(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_null(b.data);
	assert_int_equal(buf_puts(&b, "ab"), 0);
	assert_int_equal(buf_putc(&b, 'c'), 0);
	assert_int_equal(buf_append(&b, "\0d", 2), 0);
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	assert_int_equal(buf_printf(&b, "%d-%s", 42, "x"), 0);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "abc\0d42-x", 9);
	assert_false(b.failed);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 100);
	assert_int_equal(buf_puts(&b, "again"), 0);
	buf_free(&b);
	buf_free(NULL);
	buf_free_secret(NULL);
}

static void test_maximum_is_exact_and_failure_keeps_the_content(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_puts(&b, "abcd"), 0);
	assert_int_equal(buf_putc(&b, 'e'), ERR_FULL);
	assert_true(b.failed);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "abcd", 4);
	assert_string_equal(buf_cstr(&b), "abcd"); /* the NUL does not count */
	assert_int_equal(b.len, 4);
	buf_clear(&b);
	assert_false(b.failed);
	assert_int_equal(buf_printf(&b, "%s", "12345"), ERR_FULL);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_printf(&b, "%s", "1234"), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_FULL);
	assert_memory_equal(b.data, "1234", 4);
	buf_free_secret(&b);
}

static void test_impossible_sizes(void **state)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_NOMEM);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 2 + 1), ERR_NOMEM);
	assert_true(b.failed);
	assert_null(b.data);
	buf_free(&b);

	buf_init(&b, 0);
	assert_int_equal(buf_putc(&b, 'x'), ERR_FULL);
	assert_string_equal(buf_cstr(&b), "");
	buf_free(&b);
}

static void test_growth_keeps_content(void **state)
{
	struct buf b;
	size_t i;

	buf_init(&b, 100000);
	for (i = 0; i < 100000; i++)
		assert_int_equal(buf_putc(&b, (char)(i % 251)), 0);
	assert_int_equal(buf_putc(&b, 'x'), ERR_FULL);
	assert_true(b.cap <= b.max + 1);
	for (i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], i % 251);
	buf_free(&b);
}

static void test_consume(void **state)
{
	struct buf b;

	buf_init(&b, 10);
	buf_puts(&b, "0123456789");
	buf_consume(&b, 0);
	buf_consume(&b, 3);
	assert_string_equal(buf_cstr(&b), "3456789");
	assert_int_equal(buf_puts(&b, "abc"), 0);
	assert_string_equal(buf_cstr(&b), "3456789abc");
	buf_consume(&b, 10);
	assert_int_equal(b.len, 0);
	buf_consume(&b, 1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_maximum_is_exact_and_failure_keeps_the_content),
		cmocka_unit_test(test_impossible_sizes),
		cmocka_unit_test(test_growth_keeps_content),
		cmocka_unit_test(test_consume),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}

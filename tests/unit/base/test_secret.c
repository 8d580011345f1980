/* Secrets in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/secret.h"

static void test_set_and_replace(void **state)
{
	struct secret s = { 0 };

	assert_int_equal(secret_set(&s, "hunter2", 7), 0);
	assert_int_equal(s.len, 7);
	assert_string_equal((char *)s.data, "hunter2");
	assert_int_equal(secret_set(&s, s.data + 1, 3), 0); /* a part of itself */
	assert_string_equal((char *)s.data, "unt");
	assert_int_equal(secret_set(&s, NULL, 0), 0);
	assert_int_equal(s.len, 0);
	assert_non_null(s.data);
	assert_int_equal(s.data[0], 0);
	secret_free(&s);
	assert_null(s.data);
	secret_free(&s);
	secret_free(NULL);
}

static void test_impossible_size_keeps_what_was_set(void **state)
{
	struct secret s = { 0 };

	assert_int_equal(secret_set(&s, "x", 1), 0);
	assert_true(secret_set(&s, "y", SIZE_MAX) < 0);
	assert_true(secret_set(&s, "y", SIZE_MAX - 5000) < 0);
	assert_string_equal((char *)s.data, "x");
	secret_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_replace),
		cmocka_unit_test(test_impossible_size_keeps_what_was_set),
	};

	return cmocka_run_group_tests_name("base/secret", tests, NULL, NULL);
}

/* Errors as values: text, prefix, cutting, cleaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static void test_names(void **state)
{
	int code, other;

	for (code = 0; code >= ERR_CODE_LAST; code--) {
		assert_non_null(err_name(code));
		assert_string_not_equal(err_name(code), "unknown");
		for (other = 0; other > code; other--)
			assert_string_not_equal(err_name(code), err_name(other));
	}
	assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
	assert_string_equal(err_name(1), "unknown");
	assert_string_equal(err_name(ERR_CODE_LAST - 1), "unknown");
}

static void test_set(void **state)
{
	struct err e = { 0 };

	assert_int_equal(err_set(&e, ERR_IO, "no %s in %d", "disk", 3), ERR_IO);
	assert_int_equal(e.code, ERR_IO);
	assert_string_equal(e.text, "no disk in 3");
	assert_int_equal(err_set_errno(&e, ERR_DENIED, EACCES, "cannot open %s", "x"),
	    ERR_DENIED);
	assert_string_equal(e.text, "cannot open x: Permission denied");
	assert_int_equal(err_prefix(&e, "file %d", 7), ERR_DENIED);
	assert_string_equal(e.text, "file 7: cannot open x: Permission denied");
	/* Its own text as an argument. */
	err_set(&e, ERR_INVALID, "again: %s", e.text);
	assert_string_equal(e.text, "again: file 7: cannot open x: Permission denied");
}

static void test_null_is_fine(void **state)
{
	assert_int_equal(err_set(NULL, ERR_IO, "x"), ERR_IO);
	assert_int_equal(err_set_errno(NULL, ERR_IO, EIO, "x"), ERR_IO);
	assert_int_equal(err_prefix(NULL, "x"), ERR_INTERNAL);
}

static void test_long_texts_end_at_a_character(void **state)
{
	char text[2000];
	struct err e = { 0 };
	size_t pad, i;

	for (pad = 0; pad < 4; pad++) {
		memset(text, 'a', pad);
		for (i = pad; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[i] = '\0';
		err_set(&e, ERR_IO, "%s", text);
		assert_true(strlen(e.text) > ERR_TEXT_MAX - 5);
		assert_int_equal(utf8_prefix(e.text, strlen(e.text)), strlen(e.text));
		assert_null(strchr(e.text, '?'));
		err_prefix(&e, "%s", "context");
		assert_int_equal(utf8_prefix(e.text, strlen(e.text)), strlen(e.text));
		assert_null(strchr(e.text, '?'));
		err_prefix(&e, "%s", text);
		err_set_errno(&e, ERR_IO, EIO, "%s", text);
		assert_int_equal(utf8_prefix(e.text, strlen(e.text)), strlen(e.text));
	}
}

static void test_hostile_text_is_cleaned(void **state)
{
	struct err e = { 0 };

	err_set(&e, ERR_IO, "a\nb\x1b[2Jc\xff\xc3(\xc2\x85z\xc3");
	assert_string_equal(e.text, "a b [2Jc?" "?( z?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_null_is_fine),
		cmocka_unit_test(test_long_texts_end_at_a_character),
		cmocka_unit_test(test_hostile_text_is_cleaned),
	};

	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}

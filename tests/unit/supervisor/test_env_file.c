/* `.env`: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/env_file.h"

static char seen[1024];

static int note(void *arg, const char *name, const char *value, struct err *e)
{
	size_t n = strlen(seen);

	snprintf(seen + n, sizeof(seen) - n, "%s=<%s>;", name, value);
	return 0;
}

static void expect(const char *text, const char *result)
{
	struct err e;

	seen[0] = '\0';
	assert_int_equal(env_file_parse(".env", text, strlen(text), note, NULL, &e), 0);
	assert_string_equal(seen, result);
}

static void refuse(const char *text, const char *part)
{
	struct err e;

	assert_int_equal(env_file_parse(".env", text, strlen(text), note, NULL, &e), ERR_CONFIG);
	assert_non_null(strstr(e.text, part));
}

static void values(void **state)
{
	expect("", "");
	expect("A=1", "A=<1>;");
	expect("A=1\nB=2\n", "A=<1>;B=<2>;");
	expect("A=1\r\nB=2\r\n", "A=<1>;B=<2>;");
	expect("# comment\n\n  A = 1  # more\n", "A=<1>;");
	expect("export A=x y", "A=<x y>;");
	expect("A=a#b", "A=<a#b>;");
	expect("A=", "A=<>;");
	expect("A='x # \\n'", "A=<x # \\n>;");
	expect("A=\"x\\n\\\"\\t\\$\\q\" # c", "A=<x\n\"\t$\\q>;");
	expect("A=b=c", "A=<b=c>;");
}

static void errors_name_the_line_and_no_value(void **state)
{
	refuse("A=1\nnonsense secret\n", "line 2");
	refuse("1A=x", "line 1");
	refuse("=x", "line 1");
	refuse("A=\"open", "not closed");
	refuse("A='x' y", "follows the closing quote");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(errors_name_the_line_and_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Strict JSON: what is accepted, what is refused and where, limits, output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

static int parse(const char *text, size_t len, struct err *e)
{
	/* At the end of a block of its own, so that ASan and valgrind see reads
	 * beyond it. */
	char *copy = malloc(len ? len : 1);
	cJSON *tree = NULL;
	int rc;

	memcpy(copy, text, len);
	rc = json_parse(copy, len, NULL, &tree, e);
	if (rc == 0)
		assert_non_null(tree);
	else
		assert_null(tree);
	cJSON_Delete(tree);
	free(copy);
	return rc;
}

static void test_accepted(void **state)
{
	static const char *const texts[] = {
		"null", " true ", "false", "0", "-0", "1.5e-10", "-12E+3", "1e308",
		"2.2250738585072014e-308", "1e-400", "\"\"", "\"a\"", "[]", "{}", "[ ]", "{ }",
		"[1,2,[3,{\"a\":[]}]]", "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}",
		"[{\"a\":1},{\"a\":1}]", "\t\r\n[\t1\r,\n2 ]\n",
		"\"\\\\\\\"\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\\u00e9\"",
		"\"\xf0\x9f\x98\x80\xe2\x82\xac\x7f\"", "{\"\":0}", "{\"a\":0,\"A\":1}",
		"{\"\\u0061b\":0,\"a\\u0062c\":1}", "\"\\uFFFF\"", "\"\\ud7ff\\ue000\"",
		"123456789012345678901234567890123456789012345678901234567890123",
	};
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (parse(texts[i], strlen(texts[i]), &e) != 0)
			fail_msg("%s: %s", texts[i], e.text);
	}
}

static void test_refused_with_offset_and_reason(void **state)
{
	static const struct {
		const char *text, *offset, *reason;
	} cases[] = {
		{ "", "byte 0:", "empty" },
		{ "  ", "byte 2:", "ends too early" },
		{ "nul", "byte 0:", "value is expected" },
		{ "nullx", "byte 4:", "follows" },
		{ "True", "byte 0:", "value is expected" },
		{ "NaN", "byte 0:", "value" },
		{ "Infinity", "byte 0:", "value" },
		{ "-Infinity", "byte 1:", "digit" },
		{ "1 2", "byte 2:", "follows" },
		{ "01", "byte 1:", "follows" },
		{ "+1", "byte 0:", "value" },
		{ ".5", "byte 0:", "value" },
		{ "1.", "byte 2:", "digit" },
		{ "1.e5", "byte 2:", "digit" },
		{ "1e", "byte 2:", "digit" },
		{ "1e+", "byte 3:", "digit" },
		{ "-", "byte 1:", "digit" },
		{ "0x10", "byte 1:", "follows" },
		{ "1e309", "byte 0:", "range" },
		{ "[-1e999]", "byte 1:", "range" },
		{ "1234567890123456789012345678901234567890123456789012345678901234", "byte 0:",
		    "63 characters" },
		{ "[", "byte 1:", "early" },
		{ "[1", "byte 2:", "comma or ]" },
		{ "[1,", "byte 3:", "early" },
		{ "[1,]", "byte 3:", "value" },
		{ "[,1]", "byte 1:", "value" },
		{ "[1 2]", "byte 3:", "comma" },
		{ "[1}", "byte 2:", "comma or ]" },
		{ "]", "byte 0:", "value" },
		{ "{", "byte 1:", "name" },
		{ "{a:1}", "byte 1:", "name" },
		{ "{'a':1}", "byte 1:", "name" },
		{ "{\"a\"}", "byte 4:", "colon" },
		{ "{\"a\":}", "byte 5:", "value" },
		{ "{\"a\":1,}", "byte 7:", "name" },
		{ "{\"a\":1]", "byte 6:", "comma or }" },
		{ "{\"a\":1 \"b\":2}", "byte 7:", "comma" },
		{ "{\"a\":1,\"a\":2}", "byte 7:", "twice" },
		{ "{\"ab\":1,\"c\":{},\"\\u0061b\":2}", "byte 15:", "twice" },
		{ "{\"\":1,\"\":2}", "byte 6:", "twice" },
		{ "{\"a\":{\"b\":1},\"a\":2}", "byte 13:", "twice" },
		{ "\"a", "byte 2:", "ends inside" },
		{ "\"a\\", "byte 2:", "ends inside" },
		{ "\"a\nb\"", "byte 2:", "control" },
		{ "\"\\x41\"", "byte 1:", "escape" },
		{ "\"\\'\"", "byte 1:", "escape" },
		{ "\"\\u12\"", "byte 1:", "four" },
		{ "\"\\u12g4\"", "byte 1:", "four" },
		{ "\"\\u0000\"", "byte 1:", "U+0000" },
		{ "\"\\ud800\"", "byte 1:", "surrogate" },
		{ "\"\\udc00\"", "byte 1:", "surrogate" },
		{ "\"\\ud800\\ud800\"", "byte 1:", "surrogate" },
		{ "\"\\ud800\\n12345\"", "byte 1:", "surrogate" },
		{ "\"\\ud800xxxxxx\"", "byte 1:", "surrogate" },
		{ "\"\xed\xa0\x80\"", "byte 1:", "UTF-8" },
		{ "\"\xc0\x80\"", "byte 1:", "UTF-8" },
		{ "\"\xff\"", "byte 1:", "UTF-8" },
		{ "\"\xe2\x82\"", "byte 1:", "UTF-8" },
		{ "\xef\xbb\xbf{}", "byte 0:", "value" },
		{ "[1]//x", "byte 3:", "follows" },
		{ "/**/1", "byte 0:", "value" },
		{ "\v1", "byte 0:", "value" },
		{ "[\f1]", "byte 1:", "value" },
	};
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &e), ERR_INVALID);
		if (!strstr(e.text, cases[i].offset) || !strstr(e.text, cases[i].reason))
			fail_msg("%s: %s", cases[i].text, e.text);
	}
	assert_int_equal(parse("1\0", 2, &e), ERR_INVALID);
	assert_int_equal(parse("\"a\0b\"", 5, &e), ERR_INVALID);
	assert_int_equal(parse("{\"a\0b\":1}", 9, &e), ERR_INVALID);
	assert_int_equal(parse("", 0, NULL), ERR_INVALID);
}

static void test_values_come_through(void **state)
{
	static const char text[] =
	    "{\"s\":\"\\u20ac\\ud83d\\ude00\",\"n\":-12.5e1,\"l\":[1,true,null]}";
	cJSON *tree = NULL;
	struct err e;

	assert_int_equal(json_parse(text, sizeof(text) - 1, NULL, &tree, &e), 0);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(tree, "s")->valuestring,
	    "\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_true(cJSON_GetObjectItemCaseSensitive(tree, "n")->valuedouble == -125.0);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, "l")), 3);
	cJSON_Delete(tree);
}

static void test_limits_are_exact(void **state)
{
	const struct json_limits limits = { .max_depth = 3, .max_members = 5 };
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "[[[]]]", 0 },
		{ "[[[[]]]]", ERR_INVALID },
		{ "[{\"a\":[]}]", 0 },
		{ "[{\"a\":[{}]}]", ERR_INVALID },
		{ "[1,2,3,4,5]", 0 },
		{ "[1,2,3,4,5,6]", ERR_INVALID },
		{ "{\"a\":[1,2,3,4]}", 0 },
		{ "{\"a\":[1,2,3,4,5]}", ERR_INVALID },
	};
	const struct json_limits none = { .max_depth = 0, .max_members = 0 };
	cJSON *tree;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tree = NULL;
		assert_int_equal(json_parse(cases[i].text, strlen(cases[i].text), &limits, &tree,
		    NULL), cases[i].rc);
		cJSON_Delete(tree);
	}
	tree = NULL;
	assert_int_equal(json_parse("7", 1, &none, &tree, NULL), 0);
	cJSON_Delete(tree);
	tree = NULL;
	assert_int_equal(json_parse("[]", 2, &none, &tree, NULL), ERR_INVALID);
}

static char *repeat(const char *unit, size_t times, size_t *len)
{
	size_t n = strlen(unit), i;
	char *text = malloc(n * times + 1);

	for (i = 0; i < times; i++)
		memcpy(text + i * n, unit, n);
	text[n * times] = '\0';
	*len = n * times;
	return text;
}

/* Each is refused or accepted in one pass: none may exhaust memory or stack. */
static void test_bombs(void **state)
{
	const struct json_limits deep = { .max_depth = 1000000, .max_members = 1000000 };
	static const char *const units[] = { "[", "{\"a\":", "{\"a\":1,", "\"", "9", "\\",
		"\"\\u0041", " ", "[{", "-", "1e", "\xf0\x9f", "[1,", "\"a\":" };
	size_t i, len;
	cJSON *tree = NULL;
	struct err e;
	char *text;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		text = repeat(units[i], (1 << 20) / strlen(units[i]), &len);
		assert_int_equal(parse(text, len, &e), ERR_INVALID);
		assert_int_equal(json_parse(text, len, &deep, &tree, &e), ERR_INVALID);
		free(text);
	}
	text = repeat("1", 400, &len);
	assert_int_equal(parse(text, len, &e), ERR_INVALID);
	free(text);
}

static void members(struct buf *b, size_t n)
{
	size_t i;

	buf_putc(b, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		buf_printf(b, "\"key%u\":1", (unsigned)i);
	}
	buf_putc(b, '}');
	assert_false(b->failed);
}

static void test_many_members(void **state)
{
	struct buf b;
	struct err e;

	buf_init(&b, 4 << 20);
	members(&b, 10000);
	assert_int_equal(parse((char *)b.data, b.len, &e), 0);
	/* The last is a duplicate of the first. */
	b.len--;
	buf_puts(&b, ",\"key0\":1}");
	assert_int_equal(parse((char *)b.data, b.len, &e), ERR_INVALID);
	buf_clear(&b);
	members(&b, 10001);
	assert_int_equal(parse((char *)b.data, b.len, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "too many"));
	buf_free(&b);
}

static void test_decimal_point_of_the_locale(void **state)
{
	struct err e;

	/* Only where that locale is installed; otherwise nothing changes. */
	setlocale(LC_NUMERIC, "de_DE.UTF-8");
	assert_int_equal(parse("1.5", 3, &e), 0);
	assert_int_equal(parse("1,5", 3, &e), ERR_INVALID);
	assert_int_equal(parse("1.5e999", 7, &e), ERR_INVALID);
	setlocale(LC_NUMERIC, "C");
}

/* Whatever byte of a valid text is replaced or cut: an answer, and what is
 * accepted is still JSON for the printer. */
static void test_mutations(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e3,true,null,\"\\ud83d\\ude00\xc3\xa9\"],"
	    "\"b\":{\"c\":{}},\"d\":\"\\n\"}";
	char copy[sizeof(text)];
	cJSON *tree, *again;
	size_t i, len;
	unsigned v;

	for (i = 0; i < sizeof(text) - 1; i++) {
		for (v = 0; v < 256; v++) {
			char *printed;

			memcpy(copy, text, sizeof(text));
			copy[i] = (char)v;
			tree = NULL;
			if (json_parse(copy, sizeof(text) - 1, NULL, &tree, NULL) < 0)
				continue;
			printed = cJSON_PrintUnformatted(tree);
			again = NULL;
			assert_int_equal(json_parse(printed, strlen(printed), NULL, &again, NULL),
			    0);
			cJSON_Delete(again);
			cJSON_Delete(tree);
			cJSON_free(printed);
		}
	}
	for (len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse(text, len, NULL), ERR_INVALID);
	assert_int_equal(parse(text, sizeof(text) - 1, NULL), 0);
}

static void test_put_string(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "abc", 3, "\"abc\"" },
		{ "\"\\\n\0\x1f\x7f", 6, "\"\\\"\\\\\\u000a\\u0000\\u001f\\u007f\"" },
		{ "\xe2\x82\xac", 3, "\"\xe2\x82\xac\"" },
		{ "a\xff\xc3z", 4, "\"a\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ "\xc2\x9b\xe2\x80\xa8", 5, "\"\\u009b\\u2028\"" },
	};
	struct buf b;
	cJSON *tree;
	size_t i;

	buf_init(&b, 1000);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		assert_int_equal(json_put_string(&b, cases[i].in, cases[i].len), 0);
		assert_string_equal(buf_cstr(&b), cases[i].out);
		tree = NULL;
		if (!memchr(cases[i].in, 0, cases[i].len)) {
			assert_int_equal(json_parse((char *)b.data, b.len, NULL, &tree, NULL), 0);
			cJSON_Delete(tree);
		}
	}
	buf_free(&b);
	buf_init(&b, 5);
	buf_puts(&b, "x");
	assert_int_equal(json_put_string(&b, "abc", 3), ERR_FULL);
	assert_int_equal(b.len, 1);
	buf_free(&b);
	assert_int_equal(json_utf8_prefix("ab\xc3", 3), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused_with_offset_and_reason),
		cmocka_unit_test(test_values_come_through),
		cmocka_unit_test(test_limits_are_exact),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_decimal_point_of_the_locale),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_put_string),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}

/* UTF-8: every scalar value there and back, every invalid form refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"

static void test_every_scalar_value(void **state)
{
	uint32_t cp, back;
	char out[4];
	size_t n, i;

	for (cp = 0; cp <= 0x10ffff; cp++) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		n = utf8_encode(cp, out);
		if (utf8_decode(out, n, &back) != n || back != cp)
			fail_msg("U+%04X", (unsigned)cp);
		for (i = 0; i < n; i++) {
			if (utf8_decode(out, i, &back) != 0)
				fail_msg("U+%04X cut to %zu", (unsigned)cp, i);
		}
	}
}

/* Decodes by the table of RFC 3629, section 4, independent of the code. */
static size_t reference(const unsigned char *s)
{
#define TAIL(c) ((c) >= 0x80 && (c) <= 0xbf)
#define IN(c, a, b) ((c) >= (a) && (c) <= (b))
	if (s[0] <= 0x7f)
		return 1;
	if (IN(s[0], 0xc2, 0xdf) && TAIL(s[1]))
		return 2;
	if ((s[0] == 0xe0 && IN(s[1], 0xa0, 0xbf) && TAIL(s[2])) ||
	    (IN(s[0], 0xe1, 0xec) && TAIL(s[1]) && TAIL(s[2])) ||
	    (s[0] == 0xed && IN(s[1], 0x80, 0x9f) && TAIL(s[2])) ||
	    (IN(s[0], 0xee, 0xef) && TAIL(s[1]) && TAIL(s[2])))
		return 3;
	if ((s[0] == 0xf0 && IN(s[1], 0x90, 0xbf) && TAIL(s[2]) && TAIL(s[3])) ||
	    (IN(s[0], 0xf1, 0xf3) && TAIL(s[1]) && TAIL(s[2]) && TAIL(s[3])) ||
	    (s[0] == 0xf4 && IN(s[1], 0x80, 0x8f) && TAIL(s[2]) && TAIL(s[3])))
		return 4;
	return 0;
}

static void test_every_pair_of_first_bytes(void **state)
{
	static const unsigned char tails[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
	unsigned a, b, c, d;
	unsigned char s[4];
	uint32_t cp;

	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			for (c = 0; c < sizeof(tails); c++) {
				for (d = 0; d < sizeof(tails); d++) {
					s[0] = (unsigned char)a;
					s[1] = (unsigned char)b;
					s[2] = tails[c];
					s[3] = tails[d];
					if (utf8_decode((char *)s, 4, &cp) != reference(s))
						fail_msg("%02x %02x %02x %02x", s[0], s[1],
						    s[2], s[3]);
				}
			}
		}
	}
}

static void test_prefix(void **state)
{
	assert_int_equal(utf8_prefix("", 0), 0);
	assert_int_equal(utf8_prefix("abc", 3), 3);
	assert_int_equal(utf8_prefix("ab\xc3", 3), 2);
	assert_int_equal(utf8_prefix("\xff", 1), 0);
	assert_int_equal(utf8_prefix("\xe2\x82\xac\xe2\x82", 5), 3);
}

static void test_controls(void **state)
{
	static const uint32_t yes[] = { 0, 0x1f, 0x7f, 0x80, 0x9f, 0x2028, 0x2029, 0x202e,
		0x2066 };
	static const uint32_t no[] = { ' ', '~', 0xa0, 0x2027, 0x2030, 0x1f600 };
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(utf8_is_control(yes[i]));
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(utf8_is_control(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_scalar_value),
		cmocka_unit_test(test_every_pair_of_first_bytes),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_controls),
	};

	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}

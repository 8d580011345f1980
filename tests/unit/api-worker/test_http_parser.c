/* Requests that are valid, requests that are refused, and that it does not
 * matter how their bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-worker/http_parser.h"

#define BODY_MAX 1000
#define H "Host: localhost\r\n"

/* What feeding a text in pieces of `step` bytes came to: one line a request. */
struct outcome {
	char text[4096];
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static void note(struct outcome *o, const char *fmt, ...)
{
	size_t len = strlen(o->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->text + len, sizeof(o->text) - len, fmt, ap);
	va_end(ap);
}

static void note_request(struct outcome *o, const struct http_request *r)
{
	struct http_text m = http_request_text(r, r->method_text);

	note(o, "%.*s %.*s?%.*s %s fields=%u body=%.*s%s%s;", (int)m.len, m.at,
	    (int)r->target.path.len, r->target.path.at, (int)r->target.query.len,
	    r->target.query.at, r->minor_0 ? "1.0" : "1.1", r->nfields, (int)r->body.len,
	    r->body.data ? (const char *)r->body.data : "", r->keep_alive ? " keep" : "",
	    r->expect_continue ? " expect" : "");
}

static void feed(const char *text, size_t len, size_t step, struct outcome *o)
{
	struct http_parser p;
	size_t at = 0, used;

	memset(o, 0, sizeof(*o));
	http_parser_init(&p);
	http_parser_reset(&p);
	for (;;) {
		/* A copy of exactly this size, so that a sanitizer sees any read
		 * behind it. */
		size_t n = len - at < step ? len - at : step;
		char *piece = malloc(n + 1);
		enum http_result result;

		memcpy(piece, text + at, n);
		result = http_parser_feed(&p, piece, n, &used);
		free(piece);
		assert_true(used <= n);
		at += used;
		if (result == HTTP_HEADERS) {
			http_parser_body(&p, BODY_MAX, true);
		} else if (result == HTTP_COMPLETE) {
			note_request(o, &p.request);
			http_parser_reset(&p);
		} else if (result == HTTP_REFUSED) {
			note(o, "refused %d", p.error->status);
			break;
		} else if (at == len) {
			note(o, http_parser_idle(&p) ? "idle" : "more");
			break;
		}
	}
	o->used = at;
	http_parser_free(&p);
}

static void expect_with_len(const char *text, size_t len, const char *expected)
{
	static const size_t steps[] = { SIZE_MAX, 1, 2, 3, 7, 64, 1023, 1024, 1025 };
	struct outcome o;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		feed(text, len, steps[i], &o);
		if (strcmp(o.text, expected) != 0)
			print_message("in steps of %zu: %.200s\n", steps[i], text);
		assert_string_equal(o.text, expected);
	}
}

static void expect(const char *text, const char *expected)
{
	expect_with_len(text, strlen(text), expected);
}

struct example {
	const char *text;
	const char *expected;
};

static void expect_all(const struct example *e, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		expect(e[i].text, e[i].expected);
}

#define EXPECT_ALL(e) expect_all((e), sizeof(e) / sizeof((e)[0]))

static void test_valid_requests(void **state)
{
	static const struct example examples[] = {
		{ "", "idle" },
		{ "GET / HTTP/1.1\r\n" H "\r\n", "GET /? 1.1 fields=1 body= keep;idle" },
		{ "\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET /? 1.1 fields=1 body= keep;idle" },
		{ "GET /a/b?c=d&e=%20 HTTP/1.1\r\n" H "\r\n",
		    "GET /a/b?c=d&e=%20 1.1 fields=1 body= keep;idle" },
		{ "GET / HTTP/1.0\r\n\r\n", "GET /? 1.0 fields=0 body=;idle" },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
		    "GET /? 1.0 fields=1 body= keep;idle" },
		{ "GET / HTTP/1.1\r\n" H "Connection: foo, close\r\n\r\n",
		    "GET /? 1.1 fields=2 body=;idle" },
		{ "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n",
		    "GET /? 1.1 fields=3 body=;idle" },
		{ "GET / HTTP/1.7\r\n" H "\r\n", "GET /? 1.1 fields=1 body= keep;idle" },
		{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS *? 1.1 fields=1 body= keep;idle" },
		{ "BREW /pot HTTP/1.1\r\n" H "\r\n", "BREW /pot? 1.1 fields=1 body= keep;idle" },
		{ "GET / HTTP/1.1\r\nhOST:localhost:3000 \t\r\nX-Empty:\r\n\r\n",
		    "GET /? 1.1 fields=2 body= keep;idle" },
		{ "GET / HTTP/1.1\r\n" H "X: caf\xc3\xa9\ttab\r\n\r\n",
		    "GET /? 1.1 fields=2 body= keep;idle" },
		{ "GET http://localhost/x?y HTTP/1.1\r\n" H "\r\n",
		    "GET http://localhost/x?y 1.1 fields=1 body= keep;idle" },
		{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		    "GET /? 1.1 fields=1 body= keep;idle" },
	};

	EXPECT_ALL(examples);
}

static void test_bodies(void **state)
{
	static const struct example examples[] = {
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
		    "POST /? 1.1 fields=2 body=hello keep;idle" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
		    "POST /? 1.1 fields=2 body= keep;idle" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhello",
		    "POST /? 1.1 fields=2 body=hello keep;idle" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 6\r\n\r\nhello", "more" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
		    "5\r\nhello\r\n00a\r\n0123456789\r\n0\r\n\r\n",
		    "POST /? 1.1 fields=2 body=hello0123456789 keep;idle" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		    "1\r\nx\r\n0\r\nTrailer: v\r\nOther:\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		    "POST /? 1.1 fields=2 body=x keep;GET /? 1.0 fields=0 body=;idle" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhell", "more" },
		{ "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nok",
		    "POST /? 1.1 fields=3 body=ok keep expect;idle" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", "refused 413" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 999999999999999999\r\n\r\n",
		    "refused 413" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", "more" },
	};

	EXPECT_ALL(examples);
}

static void test_pipelined_requests(void **state)
{
	expect("GET /1 HTTP/1.1\r\n" H "\r\n"
	    "POST /2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
	    "POST /3 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
	    "GET /4 HTTP/1.1\r\n" H "\r\n"
	    "BAD",
	    "GET /1? 1.1 fields=1 body= keep;POST /2? 1.1 fields=2 body=abc keep;"
	    "POST /3? 1.1 fields=2 body=de keep;GET /4? 1.1 fields=1 body= keep;more");
}

/* ATTACKS: framing that two parties could read in two ways. */
static void test_smuggling_is_refused(void **state)
{
#define P "POST / HTTP/1.1\r\n" H
	static const struct example examples[] = {
		{ P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "refused 400" },
		{ P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "refused 400" },
		{ P "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "refused 400" },
		{ P "Content-Length: 5, 5\r\n\r\n", "refused 400" },
		{ P "Content-Length: +5\r\n\r\n", "refused 400" },
		{ P "Content-Length: -5\r\n\r\n", "refused 400" },
		{ P "Content-Length: 0x5\r\n\r\n", "refused 400" },
		{ P "Content-Length: 5 5\r\n\r\n", "refused 400" },
		{ P "Content-Length: 5.0\r\n\r\n", "refused 400" },
		{ P "Content-Length:\r\n\r\n", "refused 400" },
		{ P "Content-Length: 18446744073709551616\r\n\r\n", "refused 400" },
		{ P "Content-Length : 5\r\n\r\n", "refused 400" },
		{ P "Content-Length\t: 5\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding : chunked\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		    "refused 400" },
		{ P "Transfer-Encoding: chunked, chunked\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: chunked, identity\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: xchunked\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: identity\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: \"chunked\"\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding:\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: ,chunked\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: chunked;q=1\r\n\r\n", "refused 400" },
		{ P "Transfer-Encoding: gzip, chunked\r\n\r\n", "refused 501" },
		{ P "Transfer-Encoding:\x0b" "chunked\r\n\r\n", "refused 400" },
		{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "refused 400" },
		{ P "X: a\r\n folded\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", "refused 400" },
		{ P "X: a\nContent-Length: 5\r\n\r\n", "refused 400" },
		{ P "X: a\rContent-Length: 5\r\n\r\n", "refused 400" },
		{ P "X: a\r\r\n\r\n", "refused 400" },
		{ P "X: a\r\n\n", "refused 400" },
		{ P "\n", "refused 400" },
		{ "GET / HTTP/1.1\nHost: localhost\r\n\r\n", "refused 400" },
		{ "\nGET / HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ P "X\x01y: a\r\n\r\n", "refused 400" },
		{ P "X y: a\r\n\r\n", "refused 400" },
		{ P ": a\r\n\r\n", "refused 400" },
		{ P "no colon\r\n\r\n", "refused 400" },
		{ P "X: a\x01\r\n\r\n", "refused 400" },
		{ P "X: a\x7f\r\n\r\n", "refused 400" },
		{ P "Expect: 200-ok\r\n\r\n", "refused 417" },
		{ P "Origin: http://a\r\nOrigin: http://b\r\n\r\n", "refused 400" },
		{ P "Content-Type: a/b\r\nContent-Type: a/c\r\n\r\n", "refused 400" },
	};
#undef P

	EXPECT_ALL(examples);
}

static void test_chunk_abuse_is_refused(void **state)
{
	static const char *const bodies[] = {
		"5;ext=1\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n", " 5\r\nhello\r\n",
		"5\nhello\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "\r\nhello",
		"0x5\r\nhello", "-5\r\nhello", "+5\r\nhello", "g\r\n", "123456789\r\n",
		"ffffffffffffffff\r\n", "000000005\r\nhello\r\n", "0\r\nX : y\r\n\r\n",
		"0\r\n folded\r\n\r\n", "0\r\nX: a\x01\r\n\r\n", "0\r\n\n", "0\r\nX: y\n\r\n",
	};
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n" H
		    "Transfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
		expect(text, "refused 400");
	}
	expect("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", "more");
}

static void test_a_chunked_body_over_the_limit_is_refused(void **state)
{
	char text[2048], *at = text;
	int i;

	at += sprintf(at, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 100; i++)
		at += sprintf(at, "b\r\n01234567890\r\n");
	expect(text, "refused 413");
}

static void test_request_lines_that_are_refused(void **state)
{
	static const struct example examples[] = {
		{ "GET /\r\n\r\n", "refused 400" },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET / HTTP/1.1 \r\n" H "\r\n", "refused 400" },
		{ " GET / HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /a b HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /\tHTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "G\"T / HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET / http/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET / HTTP/11\r\n" H "\r\n", "refused 400" },
		{ "GET / HTTP/1.10\r\n" H "\r\n", "refused 400" },
		{ "GET / HTTP/2.0\r\n" H "\r\n", "refused 505" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 505" },
		{ "GET / HTTP/0.9\r\n" H "\r\n", "refused 505" },
		{ "GET x HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET * HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /\\x HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /%zz HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /% HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /#x HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET /\x01 HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET ftp://localhost/ HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET http:///x HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET http://u@localhost/ HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "GET http://other/ HTTP/1.1\r\n" H "\r\n", "refused 400" },
		{ "CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n", "refused 501" },
		{ "\x16\x03\x01\x02", "refused 400" },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGH / HTTP/1.1\r\n" H "\r\n", "refused 400" },
	};

	EXPECT_ALL(examples);
}

static void test_host_rules(void **state)
{
	static const struct example examples[] = {
		{ "GET / HTTP/1.1\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\n" H H "\r\n", "refused 400" },
		{ "GET / HTTP/1.0\r\n" H H "\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "GET /? 1.1 fields=1 body= keep;idle" },
		{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "refused 400" },
		{ "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "refused 400" },
	};

	EXPECT_ALL(examples);
}

static void test_nul_is_refused_everywhere(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n";
	char copy[sizeof(text)];
	size_t i;

	for (i = 0; i < sizeof(text) - 3; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		/* In the place of the last CR it is a field line that begins so. */
		expect_with_len(copy, sizeof(text) - 1, "refused 400");
	}
}

static void fill(char *at, char c, size_t n)
{
	memset(at, c, n);
	at[n] = '\0';
}

static void expect_start(const char *text, const char *start)
{
	struct outcome o;

	feed(text, strlen(text), SIZE_MAX, &o);
	assert_memory_equal(o.text, start, strlen(start));
}

static void test_limits(void **state)
{
	static char text[40000], filler[20000];
	char *at;
	int i;

	/* Target: 8192 bytes pass, one more does not. */
	fill(filler, 'a', HTTP_TARGET_MAX - 1);
	snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\n" H "\r\n", filler);
	expect_start(text, "GET /aaaa");
	fill(filler, 'a', HTTP_TARGET_MAX);
	snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\n" H "\r\n", filler);
	expect(text, "refused 414");
	fill(text, 'a', 30000);
	memcpy(text, "GET /", 5);
	expect(text, "refused 414");

	/* Head: 16 KiB with the empty line. */
	fill(filler, 'v', HTTP_HEAD_MAX - strlen("GET / HTTP/1.1\r\n" H "X: \r\n\r\n"));
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "X: %s\r\n\r\n", filler);
	expect(text, "GET /? 1.1 fields=2 body= keep;idle");
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "X: v%s\r\n\r\n", filler);
	expect(text, "refused 431");

	/* Fields: 100. */
	at = text + sprintf(text, "GET / HTTP/1.1\r\n" H);
	for (i = 0; i < HTTP_FIELDS_MAX - 1; i++)
		at += sprintf(at, "X%d: y\r\n", i);
	sprintf(at, "\r\n");
	expect(text, "GET /? 1.1 fields=100 body= keep;idle");
	sprintf(at, "Z: y\r\n\r\n");
	expect(text, "refused 431");

	/* A trailer has its budget too. */
	at = text + sprintf(text, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	for (i = 0; i < 1000; i++)
		at += sprintf(at, "X: y\r\n");
	expect(text, "refused 400");
}

static void test_fields_are_found(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nhost: a\r\nACCEPT: x\r\n"
	    "Accept: y\r\nOrigin:  \t http://o \r\n\r\n";
	struct http_parser p;
	struct http_text value = { NULL, 0 };
	size_t used;

	http_parser_init(&p);
	http_parser_reset(&p);
	assert_int_equal(http_parser_feed(&p, text, sizeof(text) - 1, &used), HTTP_HEADERS);
	assert_int_equal(used, sizeof(text) - 1);
	assert_true(http_request_field(&p.request, HTTP_FIELD_ACCEPT, &value));
	assert_true(http_equal(value, HTTP_TEXT("x")));
	assert_true(http_request_field(&p.request, HTTP_FIELD_ORIGIN, &value));
	assert_true(http_equal(value, HTTP_TEXT("http://o")));
	assert_false(http_request_field(&p.request, HTTP_FIELD_EXPECT, NULL));
	http_parser_free(&p);
}

/* Mutations of valid requests: whatever comes out, every cut gives the same. */
static void test_cuts_never_matter(void **state)
{
	static const char seed[] = "POST /a?b HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	    "Connection: close\r\nX-Request-Id: 1\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
	    "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n";
	static const char bytes[] = "\r\n :;,\t0a\x00\x7f%/?-";
	char text[sizeof(seed)];
	struct outcome whole, cut;
	unsigned random = 12345;
	int i, k;

	for (i = 0; i < 20000; i++) {
		size_t len = sizeof(seed) - 1;

		memcpy(text, seed, sizeof(seed));
		for (k = 0; k < 1 + i % 3; k++) {
			random = random * 1103515245 + 12345;
			text[(random >> 8) % len] = bytes[(random >> 20) % (sizeof(bytes) - 1)];
		}
		feed(text, len, SIZE_MAX, &whole);
		feed(text, len, 1, &cut);
		assert_string_equal(whole.text, cut.text);
		feed(text, len, 1 + (size_t)i % 40, &cut);
		assert_string_equal(whole.text, cut.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_requests),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_pipelined_requests),
		cmocka_unit_test(test_smuggling_is_refused),
		cmocka_unit_test(test_chunk_abuse_is_refused),
		cmocka_unit_test(test_a_chunked_body_over_the_limit_is_refused),
		cmocka_unit_test(test_request_lines_that_are_refused),
		cmocka_unit_test(test_host_rules),
		cmocka_unit_test(test_nul_is_refused_everywhere),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_fields_are_found),
		cmocka_unit_test(test_cuts_never_matter),
	};

	return cmocka_run_group_tests_name("api-worker/http_parser", tests, NULL, NULL);
}

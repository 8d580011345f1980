/*
 * Answers: see exchange.h.
 *
 * Invariant: an answer is appended to x->out as a whole or not at all; when it
 * cannot be (memory), the connection is closed without one.
 */
#include "api-worker/exchange.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api-worker/connection.h"
#include "api-worker/http_date.h"
#include "base/json.h"

#define OUT_MAX (16u << 20)
#define FIELDS_MAX 8192
#define PENDING_MAX (64u << 10)
#define KEEP_OUT 4096 /* memory that a reset keeps */
#define RETRY_AFTER_S "2"

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 204, "No Content" },
		{ 207, "Multi-Status" }, { 302, "Found" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 421, "Misdirected Request" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* ---- the answer ---- */

static void put_number(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_append(b, digits + at, sizeof(digits) - at);
}

#define PUT(b, literal) buf_append((b), (literal), sizeof(literal) - 1)

static void put_status_line(struct buf *b, int status)
{
	if (status == 200) {
		PUT(b, "HTTP/1.1 200 OK\r\nDate: ");
	} else {
		PUT(b, "HTTP/1.1 ");
		put_number(b, (uint64_t)status);
		PUT(b, " ");
		buf_puts(b, http_reason(status));
		PUT(b, "\r\nDate: ");
	}
	buf_append(b, http_date_now(), HTTP_DATE_SIZE - 1);
}

static void put_head(struct exchange *x, int status, const char *type, size_t len)
{
	struct buf *b = &x->out;

	put_status_line(b, status);
	if (type) {
		PUT(b, "\r\nContent-Type: ");
		buf_puts(b, type);
	}
	if (status != 204) {
		PUT(b, "\r\nContent-Length: ");
		put_number(b, len);
	}
	PUT(b, "\r\nCache-Control: ");
	buf_puts(b, x->cache_control ? x->cache_control : "no-store");
	PUT(b, "\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ");
	buf_puts(b, x->id);
	if (x->close)
		PUT(b, "\r\nConnection: close");
	else if (x->parser.request.minor_0)
		PUT(b, "\r\nConnection: keep-alive");
	PUT(b, "\r\n");
	buf_append(b, x->fields.data, x->fields.len);
	PUT(b, "\r\n");
}

void answer(struct exchange *x, int status, const char *type, const void *body, size_t len)
{
	size_t before = x->out.len;

	x->status = status;
	x->content_length = len;
	x->out.failed = false;
	put_head(x, status, type, len);
	if (x->parser.request.method != HTTP_HEAD)
		buf_append(&x->out, body, len);
	if (x->out.failed || x->fields.failed) {
		x->out.len = before;
		x->close = true;
		x->status = 0;
	}
	x->answered = true;
	connection_answered(x->connection);
}

#define JSON_TYPE "application/json; charset=utf-8"

void answer_json(struct exchange *x, int status, const char *json)
{
	answer(x, status, JSON_TYPE, json, strlen(json));
}

void answer_field(struct exchange *x, const char *name, const char *value)
{
	buf_puts(&x->fields, name);
	PUT(&x->fields, ": ");
	buf_puts(&x->fields, value);
	PUT(&x->fields, "\r\n");
}

void answer_json_buf(struct exchange *x, int status, struct buf *json)
{
	if (json->failed)
		answer_error(x, 503, "The answer is too large, or memory is short; try again.");
	else
		answer(x, status, JSON_TYPE, json->data, json->len);
	buf_free_secret(json);
}

/* members: more of them, each with a comma in front. */
static void answer_sentence(struct exchange *x, int status, const char *text,
    const char *members)
{
	const char *reason = http_reason(status);
	struct buf b;

	if (status == 503)
		answer_field(x, "Retry-After", RETRY_AFTER_S);
	buf_init(&b, 16384);
	buf_puts(&b, "{\"error\":");
	json_put_string(&b, reason, strlen(reason));
	buf_puts(&b, ",\"message\":");
	json_put_string(&b, text, strlen(text));
	buf_printf(&b, ",\"statusCode\":%d%s}", status, members);
	answer(x, status, JSON_TYPE, b.data, b.len);
	buf_free(&b);
}

void answer_error(struct exchange *x, int status, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_sentence(x, status, text, "");
}

void answer_invalid(struct exchange *x, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_sentence(x, 400, text, ",\"success\":false");
}

void answer_refused(struct exchange *x, int status, const char *text)
{
	struct buf b;

	buf_init(&b, 16384);
	buf_puts(&b, "{\"error\":");
	json_put_string(&b, text, strlen(text));
	buf_puts(&b, ",\"success\":false}");
	answer(x, status, JSON_TYPE, b.data, b.len);
	buf_free(&b);
}

/* ---- life ---- */

struct exchange *exchange_new(void)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	http_parser_init(&x->parser);
	http_parser_reset(&x->parser);
	buf_init(&x->out, OUT_MAX);
	buf_init(&x->fields, FIELDS_MAX);
	buf_init(&x->pending, PENDING_MAX);
	return x;
}

static void drop_state(struct exchange *x)
{
	if (x->free_state)
		x->free_state(x->state);
	x->free_state = NULL;
	x->state = NULL;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	drop_state(x);
	http_parser_free(&x->parser);
	buf_free(&x->out);
	buf_free(&x->fields);
	buf_free(&x->pending);
	free(x);
}

void exchange_reset(struct exchange *x)
{
	http_parser_reset(&x->parser);
	if (x->out.len == 0 && x->out.cap > KEEP_OUT)
		buf_free(&x->out);
	if (x->pending.len == 0 && x->pending.cap > 0)
		buf_free(&x->pending);
	buf_clear(&x->fields);
	x->handler = NULL;
	x->body_max = 0;
	x->store_body = false;
	x->route = NULL;
	x->param = (struct http_text){ NULL, 0 };
	x->on_reply = NULL;
	drop_state(x);
	x->cache_control = NULL;
	x->close = false;
	x->answered = false;
	x->running = false;
	x->status = 0;
	x->id[0] = '\0';
}

static bool harmless_id(struct http_text t)
{
	size_t i;

	for (i = 0; i < t.len; i++) {
		char c = t.at[i];

		/* Of the token characters those that no log or shell trips over. */
		if (!http_is(c, HTTP_REGNAME) || !http_is(c, HTTP_TCHAR) ||
		    memchr("!$&'*+%~", c, 8))
			return false;
	}
	return t.len > 0 && t.len <= EXCHANGE_ID_MAX;
}

void exchange_name(struct exchange *x)
{
	static const char hex[] = "0123456789abcdef";
	static uint64_t state;
	struct http_text given;
	uint64_t z;
	int i;

	if (http_request_field(&x->parser.request, HTTP_FIELD_REQUEST_ID, &given) &&
	    harmless_id(given)) {
		memcpy(x->id, given.at, given.len);
		x->id[given.len] = '\0';
		return;
	}
	/* Unique, not secret: splitmix64 (Steele, Lea, Flood 2014) needs no
	 * system call for each request. */
	if (state == 0)
		randombytes_buf(&state, sizeof(state));
	z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	for (i = 0; i < 16; i++)
		x->id[i] = hex[z >> (4 * i) & 15];
	x->id[16] = '\0';
}

/*
 * The request parser: see http_parser.h.  Here are the pieces and the limits;
 * what a line must look like is in http_head.c.
 *
 * Invariants: head.len <= HTTP_HEAD_MAX; scanned <= head.len; every line in
 * front of `line` has been checked; when the head is complete it holds no byte
 * of what follows; request.body.len <= body_max.
 */
#include "api-worker/http_parser.h"

#include "api-worker/http_head.h"

#define APPEND_STEP 1024 /* so that pipelined requests are not copied again and again */
#define KEEP_HEAD 4096   /* memory that a reset keeps */

static const struct http_error head_too_large = { 431,
	"The request's header fields are too large: at most 16 KiB are accepted." };
static const struct http_error target_too_long = { 414,
	"The request target is too long: at most 8 KiB are accepted." };
static const struct http_error not_http = { 400,
	"This is not an HTTP request. Is the client using https on an http port?" };
static const struct http_error bare_lf = { 400,
	"A line of the request's head ends in LF without CR." };
static const struct http_error bad_chunk = { 400,
	"The chunked body is malformed, has chunk extensions, or a chunk that is too large." };
static const struct http_error body_too_large = { 413,
	"The request body is larger than this path accepts." };
static const struct http_error no_memory = { 503, "Not enough memory; try again." };

void http_parser_init(struct http_parser *p)
{
	memset(p, 0, sizeof(*p));
	buf_init(&p->request.head, HTTP_HEAD_MAX);
}

void http_parser_free(struct http_parser *p)
{
	buf_free(&p->request.head);
	buf_free_secret(&p->request.body);
}

void http_parser_reset(struct http_parser *p)
{
	struct http_request *r = &p->request;

	if (r->head.cap > KEEP_HEAD)
		buf_free(&r->head);
	else
		buf_clear(&r->head);
	if (r->body.cap > 0)
		buf_free_secret(&r->body);
	memset(r->first, 0, sizeof(r->first));
	r->method = HTTP_OTHER;
	r->method_text = r->target_text = (struct http_span){ 0, 0 };
	r->nfields = 0;
	r->minor_0 = r->keep_alive = r->expect_continue = r->chunked = r->has_length = false;
	r->content_length = 0;
	p->error = NULL;
	p->state = HTTP_STATE_START;
	p->empty_line = false;
	p->line = p->scanned = 0;
	p->store = false;
	p->body_max = p->body_seen = 0;
}

bool http_parser_idle(const struct http_parser *p)
{
	return p->state == HTTP_STATE_START && p->request.head.len == 0 && !p->empty_line;
}

bool http_parser_has_body(const struct http_parser *p)
{
	return p->request.chunked || p->request.content_length > 0;
}

void http_parser_body(struct http_parser *p, uint64_t max, bool store)
{
	p->body_max = max;
	p->store = store;
	if (store)
		buf_init(&p->request.body, (size_t)max);
}

static enum http_result refuse(struct http_parser *p, const struct http_error *error)
{
	p->error = error;
	p->state = HTTP_STATE_REFUSED;
	return HTTP_REFUSED;
}

/* ---- head ---- */

/* What refuses a request line, len bytes of it, before it is complete.  It is
 * asked again when the line is, so that the answer does not depend on how the
 * bytes came. */
static const struct http_error *check_start(const struct http_parser *p, size_t len)
{
	char first = (char)p->request.head.data[p->line];

	if (!http_is(first, HTTP_TCHAR) && (first != '\r' || p->empty_line))
		return &not_http;
	if (len > HTTP_METHOD_MAX + HTTP_TARGET_MAX + sizeof("  HTTP/1.1\r\n"))
		return &target_too_long;
	return NULL;
}

/* One line, complete; [p->line, end) with its CRLF. */
static enum http_result take_line(struct http_parser *p, size_t end)
{
	struct http_request *r = &p->request;
	size_t at = p->line, len = end - at - 2;
	const struct http_error *error = NULL;

	if (p->state == HTTP_STATE_START)
		error = check_start(p, end - at);
	if (error)
		return refuse(p, error);
	if (end - at < 2 || r->head.data[end - 2] != '\r')
		return refuse(p, &bare_lf);
	p->line = end;
	switch (p->state) {
	case HTTP_STATE_START:
		/* RFC 9112 section 2.2: one empty line before it is tolerated. */
		if (len == 0 && !p->empty_line) {
			p->empty_line = true;
			return HTTP_MORE;
		}
		error = http_head_request_line(r, at, len);
		p->state = HTTP_STATE_FIELDS;
		break;
	default:
		if (len > 0) {
			error = http_head_field_line(r, at, len);
			break;
		}
		error = http_head_complete(r);
		p->state = HTTP_STATE_HEADERS;
		break;
	}
	if (error)
		return refuse(p, error);
	return p->state == HTTP_STATE_HEADERS ? HTTP_HEADERS : HTTP_MORE;
}

/* Takes all lines that are complete in the head. */
static enum http_result scan_lines(struct http_parser *p)
{
	struct buf *head = &p->request.head;
	const struct http_error *error;
	enum http_result result;
	const uint8_t *lf;

	while (p->scanned < head->len) {
		lf = memchr(head->data + p->scanned, '\n', head->len - p->scanned);
		if (!lf) {
			p->scanned = head->len;
			break;
		}
		p->scanned = (size_t)(lf - head->data) + 1;
		result = take_line(p, p->scanned);
		if (result != HTTP_MORE)
			return result;
	}
	if (p->line == head->len)
		return head->len == HTTP_HEAD_MAX ? refuse(p, &head_too_large) : HTTP_MORE;
	if (p->state == HTTP_STATE_START) {
		error = check_start(p, head->len - p->line);
		if (error)
			return refuse(p, error);
	}
	return head->len == HTTP_HEAD_MAX ? refuse(p, &head_too_large) : HTTP_MORE;
}

static enum http_result feed_head(struct http_parser *p, const char *data, size_t len,
    size_t *used)
{
	struct buf *head = &p->request.head;
	enum http_result result = HTTP_MORE;

	*used = 0;
	while (*used < len) {
		size_t step = len - *used, before = head->len;

		if (step > APPEND_STEP)
			step = APPEND_STEP;
		if (step > HTTP_HEAD_MAX - before)
			step = HTTP_HEAD_MAX - before;
		if (buf_append(head, data + *used, step) < 0)
			return refuse(p, &no_memory);
		result = scan_lines(p);
		if (result != HTTP_MORE) {
			/* What lies behind the head is the body's or the next request's. */
			if (result == HTTP_HEADERS)
				head->len = p->line;
			*used += head->len - before;
			return result;
		}
		*used += step;
	}
	return HTTP_MORE;
}

/* ---- body ---- */

static enum http_result take_content(struct http_parser *p, const char *data, size_t len)
{
	if (len > p->body_max - p->body_seen)
		return refuse(p, &body_too_large);
	p->body_seen += len;
	if (p->store && buf_append(&p->request.body, data, len) < 0)
		return refuse(p, &no_memory);
	return HTTP_MORE;
}

static enum http_result feed_length(struct http_parser *p, const char *data, size_t len,
    size_t *used)
{
	uint64_t left = p->request.content_length - p->body_seen;

	*used = len < left ? len : (size_t)left;
	if (take_content(p, data, *used) == HTTP_REFUSED)
		return HTTP_REFUSED;
	if (p->body_seen < p->request.content_length)
		return HTTP_MORE;
	p->state = HTTP_STATE_COMPLETE;
	return HTTP_COMPLETE;
}

static enum http_result feed_chunked(struct http_parser *p, const char *data, size_t len,
    size_t *used)
{
	struct http_text content;
	size_t n;

	*used = 0;
	for (;;) {
		switch (http_chunked_next(&p->chunks, data + *used, len - *used, &n, &content)) {
		case HTTP_CHUNKED_MORE:
			*used += n;
			return HTTP_MORE;
		case HTTP_CHUNKED_DATA:
			*used += n;
			if (take_content(p, content.at, content.len) == HTTP_REFUSED)
				return HTTP_REFUSED;
			break;
		case HTTP_CHUNKED_END:
			*used += n;
			p->state = HTTP_STATE_COMPLETE;
			return HTTP_COMPLETE;
		case HTTP_CHUNKED_INVALID:
			*used += n;
			return refuse(p, &bad_chunk);
		}
	}
}

static enum http_result start_body(struct http_parser *p)
{
	if (p->request.chunked) {
		http_chunked_init(&p->chunks);
		p->state = HTTP_STATE_CHUNKED;
		return HTTP_MORE;
	}
	if (p->request.content_length > p->body_max)
		return refuse(p, &body_too_large);
	p->state = p->request.content_length > 0 ? HTTP_STATE_LENGTH : HTTP_STATE_COMPLETE;
	return HTTP_MORE;
}

enum http_result http_parser_feed(struct http_parser *p, const char *data, size_t len,
    size_t *used)
{
	*used = 0;
	if (p->state == HTTP_STATE_HEADERS && start_body(p) == HTTP_REFUSED)
		return HTTP_REFUSED;
	switch (p->state) {
	case HTTP_STATE_REFUSED:
		return HTTP_REFUSED;
	case HTTP_STATE_COMPLETE:
		return HTTP_COMPLETE;
	case HTTP_STATE_LENGTH:
		return feed_length(p, data, len, used);
	case HTTP_STATE_CHUNKED:
		return feed_chunked(p, data, len, used);
	default:
		return feed_head(p, data, len, used);
	}
}

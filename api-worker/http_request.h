/*
 * One HTTP/1.x request as the parser leaves it: a head of at most
 * HTTP_HEAD_MAX bytes, kept as it came, and offsets into it.
 */
#ifndef API_WORKER_HTTP_REQUEST_H
#define API_WORKER_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "api-worker/http_target.h"
#include "api-worker/http_text.h"
#include "base/buf.h"

#define HTTP_HEAD_MAX 16384
#define HTTP_FIELDS_MAX 100
#define HTTP_TARGET_MAX 8192
#define HTTP_METHOD_MAX 32

/* One bit each, so that a set of methods is a mask. */
enum http_method {
	HTTP_OTHER = 0, /* a valid token that is none of these */
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_PUT = 8,
	HTTP_PATCH = 16,
	HTTP_DELETE = 32,
	HTTP_OPTIONS = 64,
};

/* The fields that something here reads. */
enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_ACCEPT,
	HTTP_FIELD_AUTHORIZATION,
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_COOKIE,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_HOST,
	HTTP_FIELD_ORIGIN,
	HTTP_FIELD_REQUEST_ID,
	HTTP_FIELD_REQUEST_METHOD, /* Access-Control-Request-Method */
	HTTP_FIELD_FETCH_SITE,     /* Sec-Fetch-Site */
	HTTP_FIELD_SETUP_TOKEN,    /* X-Setup-Token */
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_COUNT
};

struct http_span {
	uint16_t at, len; /* in the head */
};

struct http_request {
	struct buf head;
	enum http_method method;
	struct http_span method_text;
	struct http_span target_text;
	struct http_target target; /* its texts point into head; valid once it is complete */
	bool minor_0;              /* HTTP/1.0 */
	unsigned nfields;
	struct {
		uint8_t id; /* enum http_field */
		struct http_span name, value;
	} field[HTTP_FIELDS_MAX];
	uint8_t first[HTTP_FIELD_COUNT]; /* 1 + index of the first field of that id */

	bool keep_alive;       /* what the client wishes */
	bool expect_continue;
	bool chunked;
	bool has_length;
	uint64_t content_length;
	struct buf body;
};

static inline struct http_text http_request_text(const struct http_request *r,
    struct http_span s)
{
	return (struct http_text){ (const char *)r->head.data + s.at, s.len };
}

/* The first field of that id; false when there is none.  *value may be NULL. */
static inline bool http_request_field(const struct http_request *r, enum http_field id,
    struct http_text *value)
{
	unsigned i = r->first[id];

	if (i == 0)
		return false;
	if (value)
		*value = http_request_text(r, r->field[i - 1].value);
	return true;
}

#endif

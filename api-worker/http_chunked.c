/*
 * The chunked transfer coding: see http_chunked.h.
 */
#include "api-worker/http_chunked.h"

#define SIZE_DIGITS_MAX 8
#define TRAILER_MAX 4096

void http_chunked_init(struct http_chunked *c)
{
	*c = (struct http_chunked){ .state = HTTP_CHUNK_SIZE };
}

static bool size_byte(struct http_chunked *c, char b)
{
	if (http_is(b, HTTP_XDIGIT) && c->digits < SIZE_DIGITS_MAX) {
		c->left = c->left << 4 | http_hex_value(b);
		c->digits++;
		return true;
	}
	c->state = HTTP_CHUNK_SIZE_LF;
	return b == '\r' && c->digits > 0;
}

static bool trailer_byte(struct http_chunked *c, char b)
{
	if (++c->trailer > TRAILER_MAX)
		return false;
	switch (c->state) {
	case HTTP_CHUNK_TRAILER:
		c->state = b == '\r' ? HTTP_CHUNK_END_LF : HTTP_CHUNK_TRAILER_NAME;
		return b == '\r' || http_is(b, HTTP_TCHAR);
	case HTTP_CHUNK_TRAILER_NAME:
		if (b == ':')
			c->state = HTTP_CHUNK_TRAILER_VALUE;
		return b == ':' || http_is(b, HTTP_TCHAR);
	case HTTP_CHUNK_TRAILER_VALUE:
		if (b == '\r')
			c->state = HTTP_CHUNK_TRAILER_LF;
		return b == '\r' || http_is(b, HTTP_VALUE);
	case HTTP_CHUNK_TRAILER_LF:
		c->state = HTTP_CHUNK_TRAILER;
		return b == '\n';
	default: /* HTTP_CHUNK_END_LF */
		c->state = HTTP_CHUNK_DONE;
		return b == '\n';
	}
}

static bool byte(struct http_chunked *c, char b)
{
	switch (c->state) {
	case HTTP_CHUNK_SIZE:
		return size_byte(c, b);
	case HTTP_CHUNK_SIZE_LF:
		c->state = c->left > 0 ? HTTP_CHUNK_BYTES : HTTP_CHUNK_TRAILER;
		return b == '\n';
	case HTTP_CHUNK_CR:
		c->state = HTTP_CHUNK_LF;
		return b == '\r';
	case HTTP_CHUNK_LF:
		c->state = HTTP_CHUNK_SIZE;
		c->digits = 0;
		return b == '\n';
	default:
		return trailer_byte(c, b);
	}
}

enum http_chunked_result http_chunked_next(struct http_chunked *c, const char *data,
    size_t len, size_t *used, struct http_text *content)
{
	size_t i = 0;

	while (i < len && c->state != HTTP_CHUNK_DONE) {
		if (c->state == HTTP_CHUNK_BYTES) {
			size_t n = len - i < c->left ? len - i : c->left;

			*content = (struct http_text){ data + i, n };
			c->left -= (uint32_t)n;
			if (c->left == 0)
				c->state = HTTP_CHUNK_CR;
			*used = i + n;
			return HTTP_CHUNKED_DATA;
		}
		if (!byte(c, data[i++])) {
			*used = i;
			return HTTP_CHUNKED_INVALID;
		}
	}
	*used = i;
	return c->state == HTTP_CHUNK_DONE ? HTTP_CHUNKED_END : HTTP_CHUNKED_MORE;
}

/*
 * The chunked transfer coding (RFC 9112 section 7.1), strict: no extensions, at
 * most eight digits of size, CRLF only.  Trailer fields are checked like
 * fields, within a budget, and dropped.
 */
#ifndef API_WORKER_HTTP_CHUNKED_H
#define API_WORKER_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#include "api-worker/http_text.h"

enum http_chunk_state {
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_SIZE_LF,
	HTTP_CHUNK_BYTES,
	HTTP_CHUNK_CR,
	HTTP_CHUNK_LF,
	HTTP_CHUNK_TRAILER,
	HTTP_CHUNK_TRAILER_NAME,
	HTTP_CHUNK_TRAILER_VALUE,
	HTTP_CHUNK_TRAILER_LF,
	HTTP_CHUNK_END_LF,
	HTTP_CHUNK_DONE,
};

struct http_chunked {
	enum http_chunk_state state;
	unsigned digits;
	uint32_t left;    /* bytes of the current chunk */
	unsigned trailer; /* bytes of trailer so far */
};

enum http_chunked_result {
	HTTP_CHUNKED_MORE,    /* all bytes taken */
	HTTP_CHUNKED_DATA,    /* *content is the next piece of the body */
	HTTP_CHUNKED_END,     /* the body and its trailer are complete */
	HTTP_CHUNKED_INVALID,
};

void http_chunked_init(struct http_chunked *c);

/* Takes bytes, *used says how many; content points into data. */
enum http_chunked_result http_chunked_next(struct http_chunked *c, const char *data,
    size_t len, size_t *used, struct http_text *content);

#endif

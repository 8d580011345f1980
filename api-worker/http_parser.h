/*
 * Strict incremental parser of HTTP/1.1 requests (RFC 9112, RFC 9110).  It does
 * no I/O, keeps no more than its limits, and gives the same result however the
 * bytes are cut into pieces.
 *
 * Whatever leaves the framing open to a second reading is refused: both
 * Transfer-Encoding and Content-Length, a second, signed or listed
 * Content-Length, a transfer coding other than chunked, chunk extensions,
 * folded lines, CR or LF alone, white space before a colon, control
 * characters.  After a refusal the connection must be closed.
 */
#ifndef API_WORKER_HTTP_PARSER_H
#define API_WORKER_HTTP_PARSER_H

#include "api-worker/http_chunked.h"
#include "api-worker/http_request.h"

struct http_error {
	int status;       /* of the answer */
	const char *text; /* one sentence for the client */
};

enum http_result {
	HTTP_MORE,     /* all bytes taken, more are needed */
	HTTP_HEADERS,  /* the head is complete: call http_parser_body, go on feeding */
	HTTP_COMPLETE, /* the request is complete; call http_parser_reset for the next */
	HTTP_REFUSED,  /* see http_parser.error; feed no more */
};

enum http_state {
	HTTP_STATE_START, /* nothing yet, but perhaps one empty line */
	HTTP_STATE_FIELDS,
	HTTP_STATE_HEADERS, /* waits for http_parser_body */
	HTTP_STATE_LENGTH,
	HTTP_STATE_CHUNKED,
	HTTP_STATE_COMPLETE,
	HTTP_STATE_REFUSED,
};

struct http_parser {
	struct http_request request;
	const struct http_error *error;
	enum http_state state;
	bool empty_line;    /* one was skipped before the request line */
	size_t line;        /* where the current line begins in the head */
	size_t scanned;     /* of the head */
	bool store;         /* the body is kept */
	uint64_t body_max;
	uint64_t body_seen;
	struct http_chunked chunks;
};

void http_parser_init(struct http_parser *p);
void http_parser_free(struct http_parser *p);

/* Ready for the next request; keeps memory that is small. */
void http_parser_reset(struct http_parser *p);

/* Takes bytes; *used says how many.  After HTTP_HEADERS and HTTP_COMPLETE the
 * rest of data has not been looked at. */
enum http_result http_parser_feed(struct http_parser *p, const char *data, size_t len,
    size_t *used);

/* True when a body follows the head. */
bool http_parser_has_body(const struct http_parser *p);

/* After HTTP_HEADERS: a body of at most max bytes is taken, and kept in
 * request.body if store.  A larger one is refused with 413, at the next feed if
 * its length is known.  Without this call max is 0. */
void http_parser_body(struct http_parser *p, uint64_t max, bool store);

/* True when no byte of a request has come. */
bool http_parser_idle(const struct http_parser *p);

#endif

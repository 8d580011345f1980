/*
 * Grammar of the request target (RFC 9112 section 3.2) and of an authority
 * (RFC 3986 section 3.2).  Nothing is decoded and nothing is normalised: what
 * is routed is what the client sent.
 */
#ifndef API_WORKER_HTTP_TARGET_H
#define API_WORKER_HTTP_TARGET_H

#include "api-worker/http_text.h"

enum http_target_form {
	HTTP_TARGET_ORIGIN,   /* /path?query */
	HTTP_TARGET_ABSOLUTE, /* http://host/path?query */
	HTTP_TARGET_ASTERISK, /* * */
};

struct http_target {
	enum http_target_form form;
	struct http_text authority; /* of the absolute form */
	struct http_text path;      /* as sent; of the absolute form the whole target,
	                             * so that no route ever matches it */
	struct http_text query;     /* without "?"; empty when there is none */
};

/* False when text is not one of the three forms.  (The fourth, of CONNECT, is
 * none of this server's.)  The parts of *out point into text. */
bool http_target_parse(struct http_text text, struct http_target *out);

struct http_authority {
	struct http_text host; /* without the brackets of an IP literal */
	bool ip_literal;       /* it was in brackets */
	unsigned port;         /* 0: none given */
};

/* uri-host [ ":" port ], as in Host; no user information.  False when it is
 * malformed or empty, or the port is outside 1 to 65535. */
bool http_authority_parse(struct http_text text, struct http_authority *out);

#endif

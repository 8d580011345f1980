/*
 * JSON (RFC 8259) on top of cJSON, with the strictness that input from
 * outside needs and cJSON does not have.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct json_limits {
	size_t max_depth;   /* nested arrays and objects */
	size_t max_members; /* array elements and object members in all */
};

extern const struct json_limits json_limits_default; /* 32 deep, 10 000 members */

/*
 * Parses exactly one JSON text of len bytes.  Refuses (ERR_INVALID, with the
 * byte offset and the reason): anything outside the grammar, invalid UTF-8,
 * lone surrogates, U+0000 (a C string cannot carry it), a member name twice
 * in one object, numbers longer than 63 characters or outside a double's
 * range, texts beyond the limits.  Time and memory are linear in len.
 * ERR_NOMEM.  limits may be NULL for the default; no more than 512 levels are
 * ever accepted.  *out is set on success only; the caller frees it with
 * cJSON_Delete.  Not for several threads at once (cJSON keeps a global).
 */
int json_parse(const char *text, size_t len, const struct json_limits *limits,
    cJSON **out, struct err *e);

/* Length of the longest valid UTF-8 prefix (RFC 3629). */
size_t json_utf8_prefix(const char *text, size_t len);

/* Appends text as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
 * Control characters are escaped, also those that JSON would allow.  ERR_FULL,
 * ERR_NOMEM; b is then as before. */
int json_put_string(struct buf *b, const char *text, size_t len);

#endif

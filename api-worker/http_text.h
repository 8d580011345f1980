/*
 * Pieces of text in the HTTP head, and the character classes of RFC 9110
 * section 5.6 and RFC 3986.
 */
#ifndef API_WORKER_HTTP_TEXT_H
#define API_WORKER_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not terminated; belongs to whoever made it. */
struct http_text {
	const char *at;
	size_t len;
};

#define HTTP_TEXT(literal) ((struct http_text){ (literal), sizeof(literal) - 1 })

enum http_class {
	HTTP_TCHAR = 1,   /* token characters */
	HTTP_VALUE = 2,   /* field value: visible, space, tab, obs-text */
	HTTP_PATH = 4,    /* path and query: pchar, "/", "?"; "%" needs a check */
	HTTP_REGNAME = 8, /* host name: unreserved, sub-delims, "%" needs a check */
	HTTP_XDIGIT = 16,
	HTTP_DIGIT = 32,
};

extern const uint8_t http_classes[256];

static inline bool http_is(char c, enum http_class class)
{
	return (http_classes[(unsigned char)c] & class) != 0;
}

/* True when every byte is of that class; an empty text is. */
bool http_all(struct http_text t, enum http_class class);

/* Value of a hexadecimal digit; the caller has checked that it is one. */
unsigned http_hex_value(char c);

static inline bool http_equal(struct http_text t, struct http_text other)
{
	return t.len == other.len && (t.len == 0 || memcmp(t.at, other.at, t.len) == 0);
}

/* Without regard to the case of ASCII letters; reads no locale. */
bool http_equal_nocase(struct http_text t, struct http_text other);

/* Without spaces and tabs at both ends. */
struct http_text http_trim(struct http_text t);

/* Takes the next element of a comma-separated list (RFC 9110 section 5.6.1)
 * from *rest: trimmed, possibly empty.  False when nothing is left. */
bool http_list_next(struct http_text *rest, struct http_text *element);

/* Decimal number without sign, at most 18 digits.  False for anything else. */
bool http_number(struct http_text t, uint64_t *out);

#endif

/*
 * Character classes and small text functions: see http_text.h.
 */
#include "api-worker/http_text.h"

#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define ALPHA(c) (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z'))
#define XDIGIT(c) \
	(DIGIT(c) || ((c) >= 'a' && (c) <= 'f') || ((c) >= 'A' && (c) <= 'F'))
#define SUB_DELIM(c) \
	((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || \
	 (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')
#define UNRESERVED(c) \
	(ALPHA(c) || DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define TCHAR(c) \
	(ALPHA(c) || DIGIT(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || \
	 (c) == '&' || (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || \
	 (c) == '^' || (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define VALUE(c) ((c) == '\t' || ((c) >= ' ' && (c) != 0x7f))
#define REGNAME(c) (UNRESERVED(c) || SUB_DELIM(c) || (c) == '%')
#define PATH(c) (REGNAME(c) || (c) == ':' || (c) == '@' || (c) == '/' || (c) == '?')

#define C1(c) \
	(uint8_t)((TCHAR(c) ? HTTP_TCHAR : 0) | (VALUE(c) ? HTTP_VALUE : 0) | \
	 (PATH(c) ? HTTP_PATH : 0) | (REGNAME(c) ? HTTP_REGNAME : 0) | \
	 (XDIGIT(c) ? HTTP_XDIGIT : 0) | (DIGIT(c) ? HTTP_DIGIT : 0))
#define C4(c) C1(c), C1((c) + 1), C1((c) + 2), C1((c) + 3)
#define C16(c) C4(c), C4((c) + 4), C4((c) + 8), C4((c) + 12)
#define C64(c) C16(c), C16((c) + 16), C16((c) + 32), C16((c) + 48)

const uint8_t http_classes[256] = { C64(0), C64(64), C64(128), C64(192) };

bool http_all(struct http_text t, enum http_class class)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (!http_is(t.at[i], class))
			return false;
	return true;
}

unsigned http_hex_value(char c)
{
	if (c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool http_equal_nocase(struct http_text t, struct http_text other)
{
	size_t i;

	if (t.len != other.len)
		return false;
	for (i = 0; i < t.len; i++)
		if (lower(t.at[i]) != lower(other.at[i]))
			return false;
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

struct http_text http_trim(struct http_text t)
{
	while (t.len > 0 && blank(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len > 0 && blank(t.at[t.len - 1]))
		t.len--;
	return t;
}

bool http_list_next(struct http_text *rest, struct http_text *element)
{
	const char *comma;

	if (rest->at == NULL)
		return false;
	comma = rest->len > 0 ? memchr(rest->at, ',', rest->len) : NULL;
	element->at = rest->at;
	element->len = comma ? (size_t)(comma - rest->at) : rest->len;
	*element = http_trim(*element);
	if (comma) {
		rest->len -= (size_t)(comma + 1 - rest->at);
		rest->at = comma + 1;
	} else {
		*rest = (struct http_text){ NULL, 0 };
	}
	return true;
}

bool http_number(struct http_text t, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (t.len == 0 || t.len > 18 || !http_all(t, HTTP_DIGIT))
		return false;
	for (i = 0; i < t.len; i++)
		value = value * 10 + (uint64_t)(t.at[i] - '0');
	*out = value;
	return true;
}

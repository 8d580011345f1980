/*
 * Request target and authority: see http_target.h.
 */
#include "api-worker/http_target.h"

/* All characters are of that class and each "%" has two digits behind it. */
static bool encoded(struct http_text t, enum http_class class)
{
	size_t i;

	for (i = 0; i < t.len; i++) {
		if (!http_is(t.at[i], class))
			return false;
		if (t.at[i] != '%')
			continue;
		if (t.len - i < 3 || !http_is(t.at[i + 1], HTTP_XDIGIT) ||
		    !http_is(t.at[i + 2], HTTP_XDIGIT))
			return false;
		i += 2;
	}
	return true;
}

static void split_query(struct http_text t, struct http_target *out)
{
	const char *mark = memchr(t.at, '?', t.len);

	out->path = t;
	out->query = (struct http_text){ t.at + t.len, 0 };
	if (mark) {
		out->path.len = (size_t)(mark - t.at);
		out->query.at = mark + 1;
		out->query.len = t.len - out->path.len - 1;
	}
}

static bool starts_with_nocase(struct http_text t, struct http_text prefix)
{
	return t.len >= prefix.len &&
	    http_equal_nocase((struct http_text){ t.at, prefix.len }, prefix);
}

static bool absolute(struct http_text t, struct http_target *out)
{
	struct http_authority authority;
	size_t scheme, end;

	if (starts_with_nocase(t, HTTP_TEXT("http://")))
		scheme = 7;
	else if (starts_with_nocase(t, HTTP_TEXT("https://")))
		scheme = 8;
	else
		return false;
	for (end = scheme; end < t.len && t.at[end] != '/' && t.at[end] != '?'; end++)
		;
	out->authority = (struct http_text){ t.at + scheme, end - scheme };
	if (!http_authority_parse(out->authority, &authority))
		return false;
	if (!encoded((struct http_text){ t.at + end, t.len - end }, HTTP_PATH))
		return false;
	out->form = HTTP_TARGET_ABSOLUTE;
	split_query(t, out);
	return true;
}

bool http_target_parse(struct http_text t, struct http_target *out)
{
	out->authority = (struct http_text){ t.at, 0 };
	if (t.len == 0)
		return false;
	if (t.at[0] == '/') {
		if (!encoded(t, HTTP_PATH))
			return false;
		out->form = HTTP_TARGET_ORIGIN;
		split_query(t, out);
		return true;
	}
	if (t.len == 1 && t.at[0] == '*') {
		out->form = HTTP_TARGET_ASTERISK;
		split_query(t, out);
		return true;
	}
	return absolute(t, out);
}

static bool literal_characters(struct http_text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (!http_is(t.at[i], HTTP_XDIGIT) && t.at[i] != ':' && t.at[i] != '.')
			return false;
	return t.len > 0;
}

bool http_authority_parse(struct http_text t, struct http_authority *out)
{
	struct http_text rest;
	uint64_t port = 0;
	const char *end;

	if (t.len > 0 && t.at[0] == '[') {
		end = memchr(t.at, ']', t.len);
		if (!end)
			return false;
		out->ip_literal = true;
		out->host = (struct http_text){ t.at + 1, (size_t)(end - t.at) - 1 };
		if (!literal_characters(out->host))
			return false;
		rest = (struct http_text){ end + 1, t.len - (size_t)(end + 1 - t.at) };
	} else {
		end = t.len > 0 ? memchr(t.at, ':', t.len) : NULL;
		out->ip_literal = false;
		out->host = (struct http_text){ t.at, end ? (size_t)(end - t.at) : t.len };
		if (out->host.len == 0 || out->host.len > 255 ||
		    !encoded(out->host, HTTP_REGNAME))
			return false;
		rest = (struct http_text){ t.at + out->host.len, t.len - out->host.len };
	}
	out->port = 0;
	if (rest.len == 0)
		return true;
	if (rest.at[0] != ':')
		return false;
	rest.at++;
	rest.len--;
	if (rest.len > 5 || !http_number(rest, &port) || port == 0 || port > 65535)
		return false;
	out->port = (unsigned)port;
	return true;
}

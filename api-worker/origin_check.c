/*
 * Origin rules: see origin_check.h.
 */
#include "api-worker/origin_check.h"

struct origin {
	unsigned default_port;
	struct http_text scheme;
	struct http_authority authority;
};

static bool parse(struct http_text t, struct origin *o)
{
	static const struct {
		struct http_text prefix;
		unsigned port;
	} schemes[] = {
		{ { "http://", 7 }, 80 },
		{ { "https://", 8 }, 443 },
	};
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct http_text prefix = schemes[i].prefix;

		if (t.len <= prefix.len ||
		    !http_equal_nocase((struct http_text){ t.at, prefix.len }, prefix))
			continue;
		o->scheme = prefix;
		o->default_port = schemes[i].port;
		return http_authority_parse((struct http_text){ t.at + prefix.len,
		    t.len - prefix.len }, &o->authority);
	}
	return false;
}

static bool same_authority(const struct http_authority *a, const struct http_authority *b,
    unsigned default_port)
{
	return a->ip_literal == b->ip_literal && http_equal_nocase(a->host, b->host) &&
	    (a->port ? a->port : default_port) == (b->port ? b->port : default_port);
}

static bool same_origin(struct http_text a, struct http_text b)
{
	struct origin x, y;

	return parse(a, &x) && parse(b, &y) && x.default_port == y.default_port &&
	    same_authority(&x.authority, &y.authority, x.default_port);
}

/* The page came from here.  A proxy in front may speak https, so the scheme
 * is the page's own. */
static bool is_own(const struct http_request *r, struct http_text origin)
{
	struct http_authority own;
	struct http_text host;
	struct origin o;

	return http_request_field(r, HTTP_FIELD_HOST, &host) &&
	    http_authority_parse(host, &own) && parse(origin, &o) &&
	    same_authority(&o.authority, &own, o.default_port);
}

bool origin_is_frontend(const struct http_request *r, struct http_text frontend)
{
	struct http_text origin;

	return frontend.at != NULL && http_request_field(r, HTTP_FIELD_ORIGIN, &origin) &&
	    same_origin(origin, frontend);
}

bool origin_may_change(const struct http_request *r, struct http_text frontend)
{
	struct http_text origin, site;

	if (http_request_field(r, HTTP_FIELD_ORIGIN, &origin)) {
		if (origin_is_frontend(r, frontend))
			return true;
		if (!is_own(r, origin))
			return false;
	}
	if (!http_request_field(r, HTTP_FIELD_FETCH_SITE, &site))
		return true;
	return http_equal_nocase(site, HTTP_TEXT("same-origin")) ||
	    http_equal_nocase(site, HTTP_TEXT("none"));
}

struct http_text origin_of_url(struct http_text url)
{
	const struct http_text none = { NULL, 0 };
	struct origin o;
	size_t scheme, end;

	for (scheme = 0; scheme + 3 <= url.len && memcmp(url.at + scheme, "://", 3) != 0; scheme++)
		;
	if (scheme + 3 > url.len)
		return none;
	for (end = scheme + 3; end < url.len && !memchr("/?#", url.at[end], 3); end++)
		;
	url.len = end;
	return parse(url, &o) ? url : none;
}

/*
 * The allow-list of hosts: see host_check.h.
 */
#include "api-worker/host_check.h"

#include <arpa/inet.h>

/* In the one usual form only: no octal, no single number. */
static bool is_address(const struct http_authority *a)
{
	unsigned char binary[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (a->host.len >= sizeof(text))
		return false;
	memcpy(text, a->host.at, a->host.len);
	text[a->host.len] = '\0';
	return inet_pton(a->ip_literal ? AF_INET6 : AF_INET, text, binary) == 1;
}

/* RFC 6761 section 6.3: browsers resolve these without asking anybody. */
static bool is_localhost(struct http_text host)
{
	const struct http_text suffix = HTTP_TEXT(".localhost");

	if (http_equal_nocase(host, HTTP_TEXT("localhost")))
		return true;
	return host.len > suffix.len && http_equal_nocase(suffix,
	    (struct http_text){ host.at + host.len - suffix.len, suffix.len });
}

bool host_is_allowed(struct http_text host, const struct http_text *names, size_t nnames)
{
	struct http_authority a;
	size_t i;

	if (!http_authority_parse(host, &a))
		return false;
	if (is_address(&a))
		return true;
	if (a.ip_literal)
		return false;
	if (is_localhost(a.host))
		return true;
	for (i = 0; i < nnames; i++)
		if (http_equal_nocase(a.host, names[i]))
			return true;
	return false;
}

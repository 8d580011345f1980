/*
 * The request target and the authority on any bytes: what is accepted lies
 * inside the input and holds nothing that could be read in two ways.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api-worker/http_target.h"

static void inside(struct http_text part, struct http_text whole)
{
	if (part.at < whole.at || part.len > whole.len ||
	    part.at + part.len > whole.at + whole.len)
		abort();
}

static void check_authority(struct http_text t)
{
	struct http_authority a;

	if (!http_authority_parse(t, &a))
		return;
	inside(a.host, t);
	if (a.host.len == 0 || a.port > 65535 || memchr(a.host.at, '@', a.host.len) ||
	    memchr(a.host.at, '/', a.host.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);
	struct http_text t = { copy, size };
	struct http_target target;

	if (size > 0)
		memcpy(copy, data, size);
	check_authority(t);
	if (http_target_parse(t, &target)) {
		inside(target.path, t);
		inside(target.query, t);
		inside(target.authority, t);
		if (!http_all(t, HTTP_PATH) && target.form != HTTP_TARGET_ABSOLUTE)
			abort();
		if (target.form == HTTP_TARGET_ORIGIN && target.path.at[0] != '/')
			abort();
		if (memchr(target.path.at, '?', target.path.len))
			abort();
	}
	free(copy);
	return 0;
}

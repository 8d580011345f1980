/*
 * The access log: see access_log.h.
 */
#include "api-worker/access_log.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#define PATH_SHOWN 256

static void copy(char *out, size_t size, struct http_text t)
{
	size_t n = t.len < size - 1 ? t.len : size - 1;

	if (n > 0)
		memcpy(out, t.at, n);
	out[n] = '\0';
}

void access_log(const struct exchange *x)
{
	const struct http_request *r = exchange_request(x);
	char method[HTTP_METHOD_MAX + 1], path[PATH_SHOWN + 1];
	struct http_text target;
	const char *query;

	if (log_get_level() < LOG_INFO)
		return;
	copy(method, sizeof(method), http_request_text(r, r->method_text));
	target = http_request_text(r, r->target_text);
	query = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;
	if (query)
		target.len = (size_t)(query - target.at);
	copy(path, sizeof(path), target);
	const struct log_field fields[] = {
		LOG_STR("request_id", x->id),
		LOG_STR("peer", x->peer),
		LOG_STR("method", method),
		LOG_STR("path", path),
		LOG_INT("status", x->status),
		LOG_INT("bytes", x->content_length),
		LOG_INT("duration_us", clock_monotonic_us() - x->started_us),
	};

	log_write_buffered(LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]), "request");
}

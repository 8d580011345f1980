/*
 * GET /setup, and what that page is made of.
 */
#include "api-worker/assets.h"
#include "api-worker/handlers.h"
#include "api-worker/worker.h"

#define ASSET_PREFIX "/assets/"

static void send_asset(struct exchange *x, const char *name)
{
	const struct asset *a = asset_find(name);

	if (!a) {
		answer_error(x, 404, "There is no such file.");
		return;
	}
	/* No script, no frame, nothing from elsewhere. */
	answer_field(x, "Content-Security-Policy", "default-src 'none'; style-src 'self'; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	answer_field(x, "Referrer-Policy", "no-referrer");
	x->cache_control = "no-cache";
	answer(x, 200, a->type, a->data, a->len);
}

void handle_setup_page(struct exchange *x)
{
	send_asset(x, "setup.html");
}

void handle_asset(struct exchange *x)
{
	struct http_text path = exchange_request(x)->target.path;
	char name[64];
	size_t prefix = sizeof(ASSET_PREFIX) - 1;

	/* The route matched, so the path is one of the table's. */
	if (path.len <= prefix || path.len - prefix >= sizeof(name)) {
		answer_error(x, 404, "There is no such file.");
		return;
	}
	memcpy(name, path.at + prefix, path.len - prefix);
	name[path.len - prefix] = '\0';
	send_asset(x, name);
}

/*
 * GET /: what answers here.
 */
#include <stdio.h>

#include "api-worker/handlers.h"
#include "api-worker/worker.h"
#include "base/clock.h"

/* Some Accept field names text/html: a person with a browser. */
static bool wants_page(const struct http_request *r)
{
	const struct http_text html = HTTP_TEXT("text/html");
	struct http_text value, range;
	unsigned i;

	for (i = 0; i < r->nfields; i++) {
		if (r->field[i].id != HTTP_FIELD_ACCEPT)
			continue;
		value = http_request_text(r, r->field[i].value);
		while (http_list_next(&value, &range))
			if (range.len >= html.len && http_equal_nocase(html,
			    (struct http_text){ range.at, html.len }))
				return true;
	}
	return false;
}

void handle_root(struct exchange *x)
{
	char now[CLOCK_ISO_SIZE], json[256];

	answer_field(x, "Vary", "Accept");
	if (!worker_of(x)->view.configured && wants_page(exchange_request(x))) {
		answer_field(x, "Location", "/setup");
		answer(x, 302, NULL, NULL, 0);
		return;
	}
	clock_iso8601(clock_wall_ms(), now);
	snprintf(json, sizeof(json), "{\"message\":\"The deploystackd API is running.\","
	    "\"status\":\"ok\",\"timestamp\":\"%s\",\"version\":\"" DEPLOYSTACKD_VERSION "\"}",
	    now);
	answer_json(x, 200, json);
}

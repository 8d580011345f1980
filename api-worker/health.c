/*
 * GET /healthz: this process answers.  GET /readyz: the database is ready.
 */
#include <stdio.h>

#include "api-worker/handlers.h"
#include "api-worker/worker.h"

void handle_healthz(struct exchange *x)
{
	answer_json(x, 200, "{\"status\":\"ok\"}");
}

/* The kind of reason only: the sentence may name paths of the host. */
static const char *reason(const struct db_view *v)
{
	if (v->problem[0] != '\0')
		return "database_problem";
	return v->configured ? "database_starting" : "not_configured";
}

void handle_readyz(struct exchange *x)
{
	const struct db_view *v = &worker_of(x)->view;
	char json[128];

	if (v->initialized) {
		answer_json(x, 200, "{\"status\":\"ready\"}");
		return;
	}
	snprintf(json, sizeof(json), "{\"status\":\"unavailable\",\"reason\":\"%s\"}", reason(v));
	answer_field(x, "Retry-After", "2");
	answer_json(x, 503, json);
}

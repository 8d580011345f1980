/*
 * The database as this worker knows it: see db_view.h.
 */
#include "api-worker/db_view.h"

#include <stdio.h>

const char *db_engine_name(enum ipc_engine engine)
{
	switch (engine) {
	case IPC_ENGINE_SQLITE:
		return "sqlite";
	case IPC_ENGINE_TURSO:
		return "turso";
	default:
		return NULL;
	}
}

static void update(struct db_view *v)
{
	const char *engine = db_engine_name(v->engine);

	v->initialized = v->configured && v->said_initialized && v->connected;
	v->status_len = (size_t)snprintf(v->status, sizeof(v->status),
	    "{\"configured\":%s,\"initialized\":%s,\"dialect\":%s%s%s}",
	    v->configured ? "true" : "false", v->initialized ? "true" : "false",
	    engine ? "\"" : "", engine ? engine : "null", engine ? "\"" : "");
}

void db_view_init(struct db_view *v)
{
	*v = (struct db_view){ .engine = IPC_ENGINE_NONE };
	update(v);
}

void db_view_set_state(struct db_view *v, const struct msg_db_state *state)
{
	v->configured = state->configured;
	v->engine = state->configured ? (enum ipc_engine)state->engine : IPC_ENGINE_NONE;
	v->said_initialized = state->initialized;
	snprintf(v->problem, sizeof(v->problem), "%s", state->problem ? state->problem : "");
	update(v);
}

void db_view_set_connected(struct db_view *v, bool connected)
{
	v->connected = connected;
	update(v);
}

/*
 * The database as this worker knows it: what the supervisor said last, and
 * whether there is a channel.  The answer of GET /api/db/status is kept ready.
 */
#ifndef API_WORKER_DB_VIEW_H
#define API_WORKER_DB_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/messages.h"

struct db_view {
	bool configured;
	enum ipc_engine engine;
	bool initialized;  /* and reachable from here */
	char problem[1025]; /* empty: none */
	char status[128];  /* JSON */
	size_t status_len;
	bool said_initialized; /* by the supervisor */
	bool connected;
};

void db_view_init(struct db_view *v);
void db_view_set_state(struct db_view *v, const struct msg_db_state *state);
void db_view_set_connected(struct db_view *v, bool connected);

/* "sqlite", "turso" or NULL. */
const char *db_engine_name(enum ipc_engine engine);

#endif

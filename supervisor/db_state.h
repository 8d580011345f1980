/*
 * The database as the supervisor knows it: what the selection file says, and
 * what became of the db-worker.
 */
#ifndef SUPERVISOR_DB_STATE_H
#define SUPERVISOR_DB_STATE_H

#include <stdbool.h>

#include "ipc/messages.h"

struct db_state {
	enum ipc_db_mode mode;
	enum ipc_engine engine; /* as selected; IPC_ENGINE_NONE when unknown */
	bool readable;          /* the selection is known: a db-worker may be started */
	bool ready;             /* the db-worker is */
	char problem[1024];     /* why it cannot be used; empty: none */
};

/*
 * Reads the selection and the marker of the data directory and decides the
 * mode.  Whatever cannot be read is a problem, never "not configured".  A
 * missing marker beside a good selection is made.  Logs a problem when it is
 * new.
 */
void db_state_look(struct db_state *db, int data_dirfd);

/* Notes why the db-worker cannot do its job; logs it when it is new. */
void db_state_set_problem(struct db_state *db, const char *problem);

/* Fills the message for the api-workers; its text belongs to db. */
void db_state_fill(const struct db_state *db, struct msg *m);

#endif

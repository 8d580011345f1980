/*
 * The database as the supervisor knows it: see db_state.h.
 */
#include "supervisor/db_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/selection.h"

void db_state_set_problem(struct db_state *db, const char *problem)
{
	if (problem != NULL && strcmp(problem, db->problem) != 0)
		log_error("the database cannot be used: %s", problem);
	snprintf(db->problem, sizeof(db->problem), "%s", problem != NULL ? problem : "");
}

static void look_without_selection(struct db_state *db, int data_dirfd)
{
	struct err e;
	int marker = selection_marker_exists(data_dirfd, &e);

	if (marker == 0) {
		db->mode = IPC_DB_SETUP;
		db->engine = IPC_ENGINE_NONE;
		db->readable = true;
		db->problem[0] = '\0';
		return;
	}
	db->mode = IPC_DB_SERVE;
	db->readable = false;
	db_state_set_problem(db, marker < 0 ? e.text :
	    SELECTION_FILE " is missing although setup was completed; restore it from a backup "
	    "or write it again, then reload");
}

void db_state_look(struct db_state *db, int data_dirfd)
{
	struct selection selection;
	struct err e;
	int rc = selection_read(data_dirfd, &selection, &e);

	if (rc == 0) {
		look_without_selection(db, data_dirfd);
		return;
	}
	db->mode = IPC_DB_SERVE;
	db->readable = rc > 0;
	if (rc < 0) {
		db_state_set_problem(db, e.text);
		return;
	}
	db->engine = strcmp(selection.engine, "turso") == 0 ? IPC_ENGINE_TURSO :
	    IPC_ENGINE_SQLITE;
	/* Setup was cut off between the two: the selection counts. */
	if (selection_marker_exists(data_dirfd, &e) == 0 &&
	    selection_marker_write(data_dirfd, &e) < 0)
		log_warn("cannot remember that setup was completed: %s", e.text);
}

void db_state_fill(const struct db_state *db, struct msg *m)
{
	msg_init(m, MSG_db_state, 0);
	m->db_state.configured = db->mode == IPC_DB_SERVE;
	m->db_state.engine = (uint8_t)db->engine;
	m->db_state.initialized = db->ready && db->mode == IPC_DB_SERVE;
	m->db_state.setup_ready = db->ready && db->mode == IPC_DB_SETUP;
	m->db_state.problem = db->problem[0] != '\0' ? db->problem : NULL;
}

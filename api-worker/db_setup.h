/*
 * POST /api/db/setup, as the rest of the worker sees it.
 */
#ifndef API_WORKER_DB_SETUP_H
#define API_WORKER_DB_SETUP_H

struct worker;

/* The view of the database has changed: setups that are done may be waiting
 * for that. */
void db_setup_state_changed(struct worker *w);

#endif

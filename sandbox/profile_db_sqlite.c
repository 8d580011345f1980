/*
 * The db-worker in serve mode on SQLite: the database directory, no socket at all.
 */
#include "sandbox/profile.h"

const struct profile profile_db_sqlite = {
	.groups = { &group_process, &group_clock, &group_memory, &group_threads,
	    &group_event_loop, &group_messages, &group_database_files, &group_never },
	.needs_port_rule = false,
};

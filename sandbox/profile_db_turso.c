/*
 * The db-worker in serve mode on Turso: the one configured port and the database directory.
 */
#include "sandbox/profile.h"

const struct profile profile_db_turso = {
	.groups = { &group_process, &group_clock, &group_memory, &group_threads,
	    &group_event_loop, &group_messages, &group_database_files, &group_outgoing, &group_never },
	.needs_port_rule = true,
};

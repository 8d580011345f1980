/*
 * The db-worker in setup mode: the data directory and the database directory,
 * for the seconds that setup takes.
 */
#include "sandbox/profile.h"

const struct profile profile_db_setup = {
	.groups = { &group_process, &group_clock, &group_memory, &group_threads,
	    &group_event_loop, &group_messages, &group_database_files, &group_setup_files,
	    &group_never },
	.needs_port_rule = false,
};

/*
 * The sandbox of a worker.
 *
 * A caller names its role and the few places it needs; which mechanisms make
 * that true is this library's business.  A worker's main has four phases:
 *
 *   open   everything that the role must have open
 *   drop   sandbox_drop(): user, root directory, capabilities, no_new_privs,
 *          limits, Landlock - before any thread exists
 *   lock   sandbox_lock(): the seccomp filter, for all threads
 *   loop   the first untrusted byte is read here
 *
 * Each role's profile is one file: sandbox/profile_<role>.c.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum sandbox_mode { SANDBOX_REQUIRE, SANDBOX_BEST_EFFORT, SANDBOX_OFF };

enum sandbox_role {
	SANDBOX_API,          /* no file, no new socket */
	SANDBOX_DB_SETUP,     /* data directory, selection file */
	SANDBOX_DB_SQLITE,    /* database directory, no socket at all */
	SANDBOX_DB_TURSO,     /* one TCP port (reserved for the turso driver) */
	SANDBOX_ROLE_COUNT
};

/* "require", "best-effort", "off"; -1 when the name is none of them. */
int sandbox_mode_parse(const char *name);
const char *sandbox_mode_name(enum sandbox_mode mode);
const char *sandbox_role_name(enum sandbox_role role);

enum sandbox_access { SANDBOX_READ, SANDBOX_READ_WRITE };

struct sandbox_path {
	int dirfd; /* an open directory; everything beneath it */
	enum sandbox_access access;
};

struct sandbox_request {
	enum sandbox_mode mode;
	enum sandbox_role role;
	uid_t uid;       /* to become, when running as root */
	gid_t gid;
	int root_dirfd;  /* as root: the new root directory; -1: an empty one */
	const struct sandbox_path *paths; /* what Landlock admits */
	size_t npaths;
	uint16_t connect_port; /* SANDBOX_DB_TURSO: the one TCP port; else 0 */
	unsigned max_fds;      /* RLIMIT_NOFILE */
	const int *keep_fds;   /* all others above 2 are closed by sandbox_drop */
	size_t nkeep_fds;
};

struct sandbox_report {
	uid_t uid;
	gid_t gid;
	uint64_t capabilities; /* effective */
	uint8_t seccomp_mode;  /* as the kernel says: prctl(PR_GET_SECCOMP), 2 */
	int landlock_abi;      /* 0: not in force */
	unsigned landlock_rules;
	bool chrooted;
	bool no_new_privs;
	bool dumpable;
	bool complete;    /* everything the profile wants is in force */
	char text[1024];  /* one line: what took effect, and what did not and why */
};

/*
 * Drops what the role does not need.  SANDBOX_REQUIRE: a part that the kernel
 * cannot give is ERR_UNSUPPORTED naming the part and the remedy.
 * SANDBOX_BEST_EFFORT: the report names what is missing.  SANDBOX_OFF: only
 * non-dumpable and no core files.  As an ordinary user, changing user and root
 * directory is not part of the profile.
 */
int sandbox_drop(const struct sandbox_request *r, struct sandbox_report *report,
    struct err *e);

/* Loads the role's seccomp filter for all threads and completes the report.
 * A call outside the list ends the process; a SIGSYS handler first writes
 * `role: system call NAME refused by the sandbox` to stderr. */
int sandbox_lock(const struct sandbox_request *r, struct sandbox_report *report,
    struct err *e);

#endif

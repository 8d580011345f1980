/*
 * The escape suite: attempts to get out of each role's sandbox, each with the
 * verdict that is expected of it.
 */
#ifndef TESTS_ESCAPE_H
#define TESTS_ESCAPE_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/sandbox.h"

/* What an attempt finds around it; made before the sandbox closes. */
struct scene {
	enum sandbox_role role;
	char outside[256];  /* a directory that the role must not reach */
	char data[300];     /* PERSISTENT_DATA_DIR */
	char db[320];       /* its database directory; "" as seen after chroot */
	char db_seen[320];
	int data_dirfd;     /* -1 where the role has none */
	int db_dirfd;
	pid_t parent, sibling;
	int listener;       /* a TCP listener's port, somebody else's */
	char unix_path[300];
};

enum verdict {
	DIES,   /* SIGSYS */
	FAILS,  /* an errno */
	WORKS,
};

struct attempt {
	const char *name;
	/* 0 when it worked, else errno. */
	int (*run)(const struct scene *s);
	enum verdict expect[SANDBOX_ROLE_COUNT]; /* api, setup, sqlite, turso */
};

extern const struct attempt attempts[];
extern const size_t nattempts;

/* The same role doing its work: 0, or the line where it failed. */
int positive_run(const struct scene *s);

#endif

/*
 * Setup as one act: a complete database under its final name, then the
 * selection, then the marker.  Until the selection is on disk nothing has
 * happened, and the same act can be repeated.
 */
#ifndef DB_WORKER_SETUP_H
#define DB_WORKER_SETUP_H

#include "base/secret.h"
#include "db-worker/prepare.h"

struct setup {
	const struct driver *driver;
	int data_dirfd;
	int db_dirfd;
	const char *db_dir;  /* how the driver reaches db_dirfd: "" after chroot, else absolute */
	const char *db_name; /* file name of the database */
	const struct installation *installation;
	const struct secret *passphrase; /* unset: secret.key, made when missing */
};

/*
 * Runs it.  ERR_EXISTS when something is selected already; else the cause in
 * one sentence, and nothing is selected.  A database file that exists without a
 * selection is adopted when it is one of ours, and otherwise left as it is.
 */
int setup_run(const struct setup *s, struct err *e);

#endif

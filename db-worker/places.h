/*
 * The places that the db-worker needs, opened before it drops its rights.
 */
#ifndef DB_WORKER_PLACES_H
#define DB_WORKER_PLACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct places {
	int data_dirfd;    /* PERSISTENT_DATA_DIR */
	int db_dirfd;      /* the directory of the database; locked by this process */
	char *db_dir;      /* its absolute path */
	char *db_name;     /* the database's file name */
};

/*
 * Opens both, without following links; with create makes the database's
 * directory (0700, owned by uid and gid when running as root).  Locks the
 * database's directory, so that no second daemon uses the file.  One sentence
 * for the operator on failure; places_close in any case.
 */
int places_open(struct places *p, const char *data_dir, const char *sqlite_path, bool create,
    uid_t uid, gid_t gid, struct err *e);
void places_close(struct places *p);

#endif

/*
 * The data directory: made, opened without following links, checked, locked.
 */
#ifndef SUPERVISOR_DATA_DIR_H
#define SUPERVISOR_DATA_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct data_dir {
	int fd;      /* close-on-exec */
	char *path;  /* absolute */
};

/*
 * Opens the directory, making it (0700) with create.  owner is who must own it:
 * the db-worker's user as root (a directory just made or an empty one of root's
 * is given to it), else this process's.  ERR_CONFIG with what to do for a
 * symbolic link in the path, another owner, or permissions for others;
 * ERR_NOT_FOUND without create.
 */
int data_dir_open(struct data_dir *d, const char *path, bool create, uid_t uid, gid_t gid,
    struct err *e);

/* Exactly one daemon per directory: locks it until this process ends.  Waits
 * up to wait_ms, since workers of a killed daemon may still be ending.
 * ERR_EXISTS when another one holds it. */
int data_dir_lock(const struct data_dir *d, int wait_ms, struct err *e);

void data_dir_close(struct data_dir *d);

#endif

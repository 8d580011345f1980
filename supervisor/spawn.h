/*
 * Starting a worker's program: fork and exec with nothing but what is named.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define SPAWN_FDS_MAX 32

/* Runs path with argv {name}, an empty environment, /dev/null as stdin and
 * stdout, the caller's stderr, fds[0] as descriptor 3, fds[1] as 4 and so on,
 * and no other descriptor.  Own session, default signals, umask 077.  The
 * process id, or ERR_IO. */
pid_t spawn(const char *path, const char *name, const int *fds, size_t nfds, struct err *e);

#endif

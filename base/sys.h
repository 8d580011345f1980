/*
 * The system calls that change what is on disk, through one replaceable
 * table: tests make the N-th of them fail.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stddef.h>
#include <sys/types.h>

struct sys_ops {
	int (*openat_beneath)(int dirfd, const char *path, int flags, mode_t mode);
	ssize_t (*read)(int fd, void *data, size_t n);
	ssize_t (*write)(int fd, const void *data, size_t n);
	int (*fsync)(int fd);
	int (*renameat)(int fromdir, const char *from, int todir, const char *to);
	int (*unlinkat)(int dirfd, const char *path, int flags);
	int (*mkdirat)(int dirfd, const char *path, mode_t mode);
	int (*close)(int fd);
};

/* The table in force.  Each entry behaves as the system call (errno);
 * openat_beneath is openat2 with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
 * RESOLVE_NO_MAGICLINKS, and O_CLOEXEC. */
extern struct sys_ops sys;

/* Restores the system's own calls. */
void sys_reset(void);

#endif

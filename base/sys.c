/*
 * The table of system calls that change what is on disk: see sys.h.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int openat_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	/* openat2 refuses a mode without O_CREAT. */
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;
	int tries = 0;

	/* EAGAIN: something was renamed while the kernel resolved the path. */
	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 100)));
	return (int)fd;
}

static const struct sys_ops system_calls = {
	.openat_beneath = openat_beneath,
	.read = read,
	.write = write,
	.fsync = fsync,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.mkdirat = mkdirat,
	.close = close,
};

struct sys_ops sys = {
	.openat_beneath = openat_beneath,
	.read = read,
	.write = write,
	.fsync = fsync,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.mkdirat = mkdirat,
	.close = close,
};

void sys_reset(void)
{
	sys = system_calls;
}

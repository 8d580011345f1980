/*
 * Descriptors, limits, root directory, user, capabilities: see privileges.h.
 */
#include "sandbox/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int privileges_close_fds(const struct sandbox_request *r, struct err *e)
{
	int keep[64];
	unsigned next = 3;
	size_t i, n = 0;

	if (r->nkeep_fds + r->npaths + 1 > sizeof(keep) / sizeof(keep[0]))
		return err_set(e, ERR_INTERNAL, "too many descriptors to keep");
	for (i = 0; i < r->nkeep_fds; i++)
		keep[n++] = r->keep_fds[i];
	for (i = 0; i < r->npaths; i++)
		keep[n++] = r->paths[i].dirfd;
	if (r->root_dirfd >= 0)
		keep[n++] = r->root_dirfd;
	qsort(keep, n, sizeof(keep[0]), compare_fds);
	for (i = 0; i <= n; i++) {
		unsigned last = i < n ? (unsigned)keep[i] - 1 : ~0u;

		if (i < n && (unsigned)keep[i] < next)
			continue;
		if ((i == n || last >= next) && syscall(SYS_close_range, next, last, 0) < 0)
			return err_set_errno(e, ERR_UNSUPPORTED, errno,
			    "cannot close descriptors (close_range, Linux 5.9)");
		if (i < n)
			next = (unsigned)keep[i] + 1;
	}
	return 0;
}

int privileges_limit(const struct sandbox_request *r, struct err *e)
{
	struct rlimit none = { 0, 0 }, files = { r->max_fds, r->max_fds }, now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && files.rlim_max > now.rlim_max)
		files.rlim_cur = files.rlim_max = now.rlim_max;
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (r->max_fds > 0 && setrlimit(RLIMIT_NOFILE, &files) < 0))
		return err_set_errno(e, ERR_IO, errno, "cannot set limits");
	return 0;
}

/* A directory that is empty and has no name, so that nothing can appear in it. */
static int open_empty_dir(struct err *e)
{
	static const char *const places[] = { "/run", "/tmp", "/var/tmp" };
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[64];
		int fd;

		(void)snprintf(path, sizeof(path), "%s/deploystackd-XXXXXX", places[i]);
		if (mkdtemp(path) == NULL)
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		rmdir(path);
		if (fd >= 0)
			return fd;
	}
	return err_set_errno(e, ERR_IO, errno, "cannot make an empty root directory");
}

static int change_root(const struct sandbox_request *r, struct err *e)
{
	int fd = r->root_dirfd, rc = 0;

	if (fd < 0 && (fd = open_empty_dir(e)) < 0)
		return fd;
	if (fchdir(fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		rc = err_set_errno(e, ERR_IO, errno, "cannot change the root directory");
	if (fd != r->root_dirfd)
		close(fd);
	return rc;
}

static int clear_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (syscall(SYS_capset, &header, none) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot drop capabilities");
	return 0;
}

/* Needs CAP_SETPCAP, so before the user changes. */
static void clear_bounding_set(void)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0);
}

static int change_user(const struct sandbox_request *r, struct err *e)
{
	if (r->uid == 0 || r->gid == 0)
		return err_set(e, ERR_CONFIG, "a worker may not run as root");
	clear_bounding_set();
	if (setgroups(0, NULL) < 0 || setresgid(r->gid, r->gid, r->gid) < 0 ||
	    setresuid(r->uid, r->uid, r->uid) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot become user %u",
		    (unsigned)r->uid);
	return 0;
}

int privileges_drop(const struct sandbox_request *r, bool *chrooted, struct err *e)
{
	int rc;

	*chrooted = false;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (geteuid() == 0) {
		rc = change_root(r, e);
		if (rc == 0)
			rc = change_user(r, e);
		if (rc < 0)
			return rc;
		*chrooted = true;
	}
	rc = clear_capabilities(e);
	if (rc == 0 && (setuid(0) == 0 || setgid(0) == 0))
		rc = err_set(e, ERR_INTERNAL, "privileges could be had again after dropping them");
	return rc;
}

uint64_t privileges_effective(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return UINT64_MAX;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

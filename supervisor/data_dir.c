/*
 * The data directory: see data_dir.h.  The lock is on the directory itself, so
 * that nothing is left behind when the process is killed.
 */
#include "supervisor/data_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"

static int check_owner(const struct data_dir *d, bool made, uid_t uid, gid_t gid, struct err *e)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", d->path);
	if (st.st_uid != uid && geteuid() == 0 && (made || (st.st_uid == 0 && fs_dir_is_empty(d->fd)))) {
		if (fchown(d->fd, uid, gid) < 0 || fchmod(d->fd, 0700) < 0)
			return err_set_errno(e, ERR_IO, errno, "cannot give %s to user %u",
			    d->path, (unsigned)uid);
		return 0;
	}
	if (st.st_uid != uid)
		return err_set(e, ERR_CONFIG, "PERSISTENT_DATA_DIR %s belongs to user %u, not to "
		    "user %u; run: chown -R %u %s", d->path, (unsigned)st.st_uid, (unsigned)uid,
		    (unsigned)uid, d->path);
	if (st.st_mode & 077)
		return err_set(e, ERR_CONFIG, "PERSISTENT_DATA_DIR %s is open to other users "
		    "(mode %04o); run: chmod 0700 %s", d->path, (unsigned)st.st_mode & 07777,
		    d->path);
	return 0;
}

/* The absolute path, which has no symbolic link. */
static char *absolute(const char *path)
{
	char resolved[PATH_MAX];

	return realpath(path, resolved) != NULL ? strdup(resolved) : NULL;
}

int data_dir_open(struct data_dir *d, const char *path, bool create, uid_t uid, gid_t gid,
    struct err *e)
{
	bool made = false;
	int rc;

	d->fd = fs_open_dir(path, e);
	d->path = NULL;
	if (d->fd == ERR_NOT_FOUND && create) {
		if (mkdir(path, 0700) < 0)
			return err_set_errno(e, ERR_CONFIG, errno,
			    "cannot make PERSISTENT_DATA_DIR %s; make it or choose another", path);
		made = true;
		d->fd = fs_open_dir(path, e);
	}
	if (d->fd < 0) {
		rc = d->fd == ERR_NOT_FOUND ? ERR_NOT_FOUND : ERR_CONFIG;
		err_prefix(e, "PERSISTENT_DATA_DIR");
		d->fd = -1;
		return rc;
	}
	d->path = absolute(path);
	rc = d->path != NULL ? check_owner(d, made, uid, gid, e) :
	    err_set(e, ERR_NOMEM, "cannot resolve %s", path);
	if (rc < 0)
		data_dir_close(d);
	return rc;
}

int data_dir_lock(const struct data_dir *d, int wait_ms, struct err *e)
{
	int64_t deadline = clock_monotonic_ms() + wait_ms;

	while (flock(d->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set_errno(e, ERR_IO, errno, "cannot lock %s", d->path);
		if (clock_monotonic_ms() >= deadline)
			return err_set(e, ERR_EXISTS, "another deploystackd uses %s; stop it, or "
			    "give this one its own PERSISTENT_DATA_DIR", d->path);
		usleep(20000);
	}
	return 0;
}

void data_dir_close(struct data_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	d->fd = -1;
	d->path = NULL;
}

/*
 * Places: see places.h.
 */
#include "db-worker/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/* "a/b/c.db" to "a/b" and "c.db". */
static int split(const char *path, char **dir, char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');

	*dir = slash == NULL ? strdup(".") :
	    strndup(path, slash == path ? 1 : (size_t)(slash - path));
	*name = strdup(slash == NULL ? path : slash + 1);
	if (*dir == NULL || *name == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for a path");
	if (**name == '\0')
		return err_set(e, ERR_CONFIG, "SQLITE_DB_PATH %s names no file", path);
	return 0;
}

static int make_db_dir(const char *dir, uid_t uid, gid_t gid, struct err *e)
{
	char *parent = NULL, *name = NULL;
	int fd = -1, made = -1, rc;

	rc = split(dir, &parent, &name, e);
	if (rc == 0)
		rc = fd = fs_open_dir(parent, e);
	if (rc >= 0)
		rc = fs_make_dir(fd, name, 0700, e);
	if (rc == 0 && geteuid() == 0) {
		rc = made = fs_open_subdir(fd, name, e);
		if (made >= 0 && fchown(made, uid, gid) < 0)
			rc = err_set_errno(e, ERR_IO, errno, "cannot give %s to user %u", dir,
			    (unsigned)uid);
	}
	if (made >= 0)
		close(made);
	if (fd >= 0)
		close(fd);
	free(parent);
	free(name);
	return rc < 0 ? rc : 0;
}

static int open_db_dir(struct places *p, const char *sqlite_path, bool create, uid_t uid,
    gid_t gid, struct err *e)
{
	char *dir = NULL, resolved[PATH_MAX];
	int rc = split(sqlite_path, &dir, &p->db_name, e);

	if (rc == 0)
		rc = p->db_dirfd = fs_open_dir(dir, e);
	if (rc == ERR_NOT_FOUND && create) {
		rc = make_db_dir(dir, uid, gid, e);
		if (rc == 0)
			rc = p->db_dirfd = fs_open_dir(dir, e);
	}
	if (rc >= 0 && (realpath(dir, resolved) == NULL ||
	    (p->db_dir = strdup(resolved)) == NULL))
		rc = err_set(e, ERR_NOMEM, "cannot resolve %s", dir);
	if (rc < 0)
		err_prefix(e, "the database directory");
	free(dir);
	return rc < 0 ? rc : 0;
}

static int check_db_dir(const struct places *p, bool create, uid_t uid, gid_t gid,
    struct err *e)
{
	struct stat st;

	if (fstat(p->db_dirfd, &st) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", p->db_dir);
	/* A setup that was killed between making the directory and giving it away. */
	if (create && geteuid() == 0 && st.st_uid == 0 && fs_dir_is_empty(p->db_dirfd) &&
	    fchown(p->db_dirfd, uid, gid) == 0)
		st.st_uid = uid;
	if (geteuid() == 0 && st.st_uid != uid)
		return err_set(e, ERR_CONFIG, "the database directory %s belongs to user %u, not to "
		    "user %u; run: chown -R %u %s", p->db_dir, (unsigned)st.st_uid, (unsigned)uid,
		    (unsigned)uid, p->db_dir);
	if (st.st_mode & 022)
		return err_set(e, ERR_CONFIG, "the database directory %s may be written by others; "
		    "run: chmod go-w %s", p->db_dir, p->db_dir);
	if (flock(p->db_dirfd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_CONFIG, "another process uses the database directory %s; stop "
		    "it, or choose another SQLITE_DB_PATH", p->db_dir);
	return 0;
}

int places_open(struct places *p, const char *data_dir, const char *sqlite_path, bool create,
    uid_t uid, gid_t gid, struct err *e)
{
	int rc;

	*p = (struct places){ .data_dirfd = -1, .db_dirfd = -1 };
	p->data_dirfd = fs_open_dir(data_dir, e);
	if (p->data_dirfd < 0)
		return p->data_dirfd;
	rc = open_db_dir(p, sqlite_path, create, uid, gid, e);
	return rc < 0 ? rc : check_db_dir(p, create, uid, gid, e);
}

void places_close(struct places *p)
{
	if (p->data_dirfd >= 0)
		close(p->data_dirfd);
	if (p->db_dirfd >= 0)
		close(p->db_dirfd);
	free(p->db_dir);
	free(p->db_name);
	*p = (struct places){ .data_dirfd = -1, .db_dirfd = -1 };
}

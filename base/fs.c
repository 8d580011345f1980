/*
 * Files that hold state: see fs.h.
 *
 * Invariants: no path is ever resolved through a symbolic link; a file is
 * replaced by rename only after its new content is on disk; whatever this
 * file opened, it closes on every path.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

static int code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case ENOMEM:
		return ERR_NOMEM;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ELOOP:
	case ENOTDIR:
	case EXDEV: /* RESOLVE_BENEATH: the path leaves the directory */
		return ERR_CORRUPT;
	case ENOSYS:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}

/* A name directly below a directory: no slash, not "." or "..". */
static int check_name(const char *name, struct err *e)
{
	if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strlen(name) > NAME_MAX)
		return err_set(e, ERR_INVALID, "\"%s\" is not a file name", name);
	return 0;
}

static int explain_link(const char *path, struct err *e)
{
	struct buf real;
	const char *text;

	buf_init(&real, PATH_MAX);
	if (fs_real_path(path, &real) == 0 && (text = buf_cstr(&real)))
		err_set(e, ERR_CORRUPT, "%s contains a symbolic link; use the real path "
		    "%s instead", path, text);
	else
		err_set(e, ERR_CORRUPT, "%s contains a symbolic link that leads nowhere; "
		    "use a path without symbolic links", path);
	buf_free(&real);
	return ERR_CORRUPT;
}

int fs_open_dir(const char *path, struct err *e)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	long fd;
	int errnum;

	do {
		fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return (int)fd;
	errnum = errno;
	if (errnum == ELOOP)
		return explain_link(path, e);
	if (errnum == ENOTDIR)
		return err_set(e, ERR_CORRUPT, "%s is not a directory", path);
	if (errnum == ENOSYS)
		return err_set(e, ERR_UNSUPPORTED,
		    "this kernel has no openat2; Linux 5.6 or newer is needed");
	return err_set_errno(e, code_of_errno(errnum), errnum,
	    "cannot open the directory %s", path);
}

int fs_open_subdir(int dirfd, const char *name, struct err *e)
{
	int fd, rc;

	rc = check_name(name, e);
	if (rc < 0)
		return rc;
	fd = sys.openat_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd >= 0)
		return fd;
	if (errno == ELOOP || errno == ENOTDIR)
		return err_set(e, ERR_CORRUPT,
		    "%s is not a directory but a link or a file; put a real directory there",
		    name);
	return err_set_errno(e, code_of_errno(errno), errno,
	    "cannot open the directory %s", name);
}

int fs_make_dir(int dirfd, const char *name, mode_t mode, struct err *e)
{
	int fd, rc;

	rc = check_name(name, e);
	if (rc < 0)
		return rc;
	if (sys.mkdirat(dirfd, name, mode) < 0) {
		if (errno != EEXIST)
			return err_set_errno(e, code_of_errno(errno), errno,
			    "cannot make the directory %s", name);
		fd = fs_open_subdir(dirfd, name, e);
		if (fd < 0)
			return fd;
		sys.close(fd);
		return 0;
	}
	if (sys.fsync(dirfd) < 0)
		return err_set_errno(e, ERR_IO, errno,
		    "cannot save the new directory %s", name);
	return 0;
}

/* Reads fd to its end into b; the file may have grown since its size was
 * looked at. */
static int read_all(int fd, const char *name, struct buf *b, struct err *e)
{
	uint8_t more;
	ssize_t n;
	int rc;

	for (;;) {
		size_t room = b->max - b->len;

		if (room > 16384)
			room = 16384;
		if (room > 0) {
			rc = buf_reserve(b, room);
			if (rc < 0)
				return err_set(e, rc, "not enough memory to read %s", name);
		}
		n = room > 0 ? sys.read(fd, b->data + b->len, room) : sys.read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, ERR_IO, errno, "cannot read %s", name);
		if (n == 0)
			return 0;
		if (room == 0)
			return err_set(e, ERR_CORRUPT, "%s is larger than %zu bytes", name,
			    b->max);
		b->len += (size_t)n;
	}
}

static int check_state_file(int fd, const char *name, size_t room, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s is not a regular file", name);
	if (st.st_nlink != 1)
		return err_set(e, ERR_CORRUPT,
		    "%s has %lu names (hard links); it must have one only", name,
		    (unsigned long)st.st_nlink);
	if (st.st_size < 0 || (uintmax_t)st.st_size > room)
		return err_set(e, ERR_CORRUPT, "%s is larger than %zu bytes", name, room);
	return 0;
}

int fs_read_file(int dirfd, const char *name, struct buf *b, struct err *e)
{
	size_t start = b->len;
	bool failed = b->failed;
	int fd, rc;

	/* O_NONBLOCK: the open of a FIFO must not wait for a writer. */
	fd = sys.openat_beneath(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0) {
		if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV)
			return err_set(e, ERR_CORRUPT,
			    "%s is or goes through a symbolic link; put a regular file there",
			    name);
		/* A socket or a device without driver cannot be opened at all. */
		if (errno == ENXIO || errno == ENODEV)
			return err_set(e, ERR_CORRUPT, "%s is not a regular file", name);
		if (errno == ENOENT)
			return err_set(e, ERR_NOT_FOUND, "%s does not exist", name);
		return err_set_errno(e, errno == ENOMEM ? ERR_NOMEM : ERR_IO, errno,
		    "cannot open %s", name);
	}
	rc = check_state_file(fd, name, b->max - b->len, e);
	if (rc == 0)
		rc = read_all(fd, name, b, e);
	sys.close(fd);
	if (rc < 0) {
		b->len = start;
		b->failed = failed;
	}
	return rc;
}

int fs_exists(int dirfd, const char *name, struct err *e)
{
	int fd;

	/* With O_PATH and O_NOFOLLOW a link itself is opened. */
	fd = sys.openat_beneath(dirfd, name, O_PATH | O_NOFOLLOW, 0);
	if (fd >= 0) {
		sys.close(fd);
		return 1;
	}
	if (errno == ENOENT)
		return 0;
	return err_set_errno(e, code_of_errno(errno) == ERR_NOT_FOUND ? ERR_IO :
	    code_of_errno(errno), errno, "cannot look for %s", name);
}

static int write_all(int fd, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t done = sys.write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			if (done == 0)
				errno = EIO;
			return -1;
		}
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The umask may have taken bits away; set them only then, so that a sandbox
 * without fchmod works under the usual umask. */
static int set_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if ((st.st_mode & 07777) == mode)
		return 0;
	return fchmod(fd, mode);
}

/* Makes the file `temporary` with its content safe on disk. */
static int write_temporary(int dirfd, const char *temporary, const void *data, size_t n,
    mode_t mode)
{
	int fd, errnum;

	/* What an earlier process left when it was killed. */
	if (sys.unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
		return -1;
	fd = sys.openat_beneath(dirfd, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (fd < 0)
		return -1;
	if (set_mode(fd, mode) < 0 || write_all(fd, data, n) < 0 || sys.fsync(fd) < 0) {
		errnum = errno;
		sys.close(fd);
		errno = errnum;
		return -1;
	}
	return sys.close(fd);
}

int fs_write_file(int dirfd, const char *name, const void *data, size_t n, mode_t mode,
    struct err *e)
{
	char temporary[NAME_MAX + 1];
	int rc, errnum;

	rc = check_name(name, e);
	if (rc < 0)
		return rc;
	if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.tmp", name) >=
	    sizeof(temporary))
		return err_set(e, ERR_INVALID, "the file name %s is too long", name);
	if (write_temporary(dirfd, temporary, data, n, mode) < 0 ||
	    sys.renameat(dirfd, temporary, dirfd, name) < 0) {
		errnum = errno;
		sys.unlinkat(dirfd, temporary, 0);
		return err_set_errno(e, errnum == ENOMEM ? ERR_NOMEM : ERR_IO, errnum,
		    "cannot write %s", name);
	}
	if (sys.fsync(dirfd) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot save the directory of %s",
		    name);
	return 0;
}

int fs_real_path(const char *path, struct buf *out)
{
	char *real = realpath(path, NULL);
	int rc;

	if (!real)
		return code_of_errno(errno);
	rc = buf_puts(out, real);
	free(real);
	return rc;
}

bool fs_dir_is_empty(int fd)
{
	int copy = dup(fd);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	int n = 0;

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while ((entry = readdir(dir)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	rewinddir(dir);
	closedir(dir);
	return n == 0;
}

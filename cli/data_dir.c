/*
 * Small files in the daemon's data directory: see data_dir.h.
 */
#include "cli/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/fs.h"

#define TOKEN_MAX 256

int data_dir_open(const char *data_dir, struct err *e)
{
	int fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return err_set(e, ERR_DENIED, "%s may not be entered; run as root or as the daemon's "
		    "user", data_dir);
	if (fd < 0)
		return err_set_errno(e, ERR_NOT_FOUND, errno, "no data directory %s; name it with "
		    "--data-dir", data_dir);
	return fd;
}

static bool is_token(const struct buf *b)
{
	size_t i;

	for (i = 0; i < b->len; i++)
		if (b->data[i] <= ' ' || b->data[i] > '~')
			return false;
	return b->len > 0;
}

int data_dir_token(int dirfd, const char *name, struct buf *out, struct err *e)
{
	struct buf line;
	int rc;

	buf_init(&line, TOKEN_MAX);
	rc = fs_read_file(dirfd, name, &line, e);
	/* That the file may not be read is not known from the code alone. */
	if (rc == ERR_IO && faccessat(dirfd, name, R_OK, AT_EACCESS) != 0 && errno == EACCES)
		rc = err_set(e, ERR_DENIED, "%s may not be read; run as root or as the daemon's "
		    "user", name);
	if (rc == 0) {
		if (line.len > 0 && line.data[line.len - 1] == '\n')
			line.len--;
		if (!is_token(&line))
			rc = err_set(e, ERR_CORRUPT, "%s does not hold a token; restart the daemon",
			    name);
		else if (buf_append(out, line.data, line.len) < 0)
			rc = err_set(e, ERR_NOMEM, "not enough memory");
	}
	buf_free_secret(&line);
	return rc;
}

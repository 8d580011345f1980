/*
 * Files that hold state: opened without following any symbolic link, read
 * with a bound, replaced as a whole or not at all.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Opens a directory with no symbolic link anywhere in its path (openat2,
 * RESOLVE_NO_SYMLINKS).  Returns a close-on-exec fd, or ERR_NOT_FOUND,
 * ERR_DENIED, ERR_CORRUPT (a link, for which the sentence names the real path
 * to configure instead, or a file), ERR_UNSUPPORTED (Linux before 5.6). */
int fs_open_dir(const char *path, struct err *e);

/* As fs_open_dir for a directory directly below dirfd.  ERR_NOT_FOUND,
 * ERR_CORRUPT (a link or a file), ERR_DENIED, ERR_INVALID (not a plain name). */
int fs_open_subdir(int dirfd, const char *name, struct err *e);

/* Creates directory `name` below dirfd with mode, fsyncs the parent.  An
 * existing directory is no error; anything else of that name is. */
int fs_make_dir(int dirfd, const char *name, mode_t mode, struct err *e);

/* Appends a whole regular file below dirfd to b, whose maximum bounds it; b is
 * as before on failure.  name may have directories in it, never links.
 * ERR_NOT_FOUND; ERR_CORRUPT for a link, a hard link (more than one name), a
 * file that is not regular or is larger than the maximum; ERR_IO. */
int fs_read_file(int dirfd, const char *name, struct buf *b, struct err *e);

/* True when something (of any kind, links included) has that name; a failure
 * to find out is a negative code. */
int fs_exists(int dirfd, const char *name, struct err *e);

/* Replaces file `name` directly below dirfd: temporary file `.name.tmp` of
 * mode, written, fsynced, renamed, directory fsynced.  On failure the old
 * content stays and the temporary file is removed; only when the directory's
 * fsync fails, the last step, the new content is there but may not survive a
 * power failure.  Never writes through a link: one in the place of the file is
 * replaced.  For one writer at a time.  ERR_INVALID (not a plain name),
 * ERR_NOMEM, ERR_IO. */
int fs_write_file(int dirfd, const char *name, const void *data, size_t n,
    mode_t mode, struct err *e);

/* True when the directory has no entries; false also when that is not known. */
bool fs_dir_is_empty(int fd);

/* Appends to out the absolute, resolved form of path when that exists.
 * ERR_NOT_FOUND and the codes of fs_open_dir; ERR_FULL. */
int fs_real_path(const char *path, struct buf *out);

#endif

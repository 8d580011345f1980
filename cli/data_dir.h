/*
 * Small files in the daemon's data directory.
 */
#ifndef CLI_DATA_DIR_H
#define CLI_DATA_DIR_H

#include "base/buf.h"
#include "base/err.h"

/* Opens the directory (O_PATH) and returns the descriptor.  ERR_DENIED when it may
 * not be entered, ERR_NOT_FOUND. */
int data_dir_open(const char *data_dir, struct err *e);

/*
 * Reads the file `name` of the directory, which holds one line of at most 256
 * printable characters without blanks, and puts the line without its end into out,
 * whose maximum is not smaller.  Follows no link.  ERR_NOT_FOUND, ERR_DENIED,
 * ERR_CORRUPT (no such line, or no plain file), ERR_IO, ERR_NOMEM; no sentence holds
 * anything of the content.
 */
int data_dir_token(int dirfd, const char *name, struct buf *out, struct err *e);

#endif

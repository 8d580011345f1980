/*
 * Passwords and other secrets that a person or a script gives: never on the command
 * line, where every user of the machine could read them.
 *
 * What is read goes to a buf, whose maximum is the limit, as text: valid UTF-8 without
 * NUL.  The caller frees it with buf_free_secret, also after a failure.
 */
#ifndef CLI_SECRET_INPUT_H
#define CLI_SECRET_INPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define PASSWORD_MAX 2048 /* bytes */

/* The whole content of a file ("-": standard input) without one final newline.
 * ERR_INVALID (too long, not such text), ERR_NOMEM, ERR_IO. */
int secret_from_file(const char *path, struct buf *out, struct err *e);

/* A line from the terminal without echo, or, when standard input is no terminal, its
 * next line.  what is the question ("Password").  Signals end the question as they
 * should and leave the terminal as it was.  ERR_INVALID also for no line. */
int secret_ask(const char *what, struct buf *out, struct err *e);

/* A password: from the file when path is not NULL, else asked for, twice on a
 * terminal.  One line, not empty: ERR_INVALID. */
int secret_password(const char *path, struct buf *out, struct err *e);

#endif

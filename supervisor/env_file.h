/*
 * `.env`: NAME=VALUE lines.  `#` begins a comment at the start of a line or
 * after a blank; `export ` in front is allowed; a value may stand in single
 * quotes (nothing is special) or double quotes (\n \t \\ \" \$).
 */
#ifndef SUPERVISOR_ENV_FILE_H
#define SUPERVISOR_ENV_FILE_H

#include <stddef.h>

#include "base/err.h"

/* Called for each variable; the strings are wiped afterwards.  A negative
 * result ends the reading. */
typedef int (*env_file_visit)(void *arg, const char *name, const char *value, struct err *e);

/* Reads the file of that path.  0 also when it does not exist.  ERR_CONFIG with
 * the line for what is malformed, or when others than its owner may write it. */
int env_file_read(const char *path, env_file_visit visit, void *arg, struct err *e);

/* As above for a text in memory, named in errors. */
int env_file_parse(const char *name, const char *text, size_t len, env_file_visit visit,
    void *arg, struct err *e);

#endif

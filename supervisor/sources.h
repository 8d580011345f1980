/*
 * Where values of the configuration come from, strongest first: the real
 * environment, `.env` in the working directory; in each, NAME or (where a file
 * is allowed) NAME_FILE; last $CREDENTIALS_DIRECTORY/NAME.
 */
#ifndef SUPERVISOR_SOURCES_H
#define SUPERVISOR_SOURCES_H

#include <stdbool.h>

#include "base/secret.h"
#include "supervisor/config.h"

struct sources;

/* Copies what matters from the environment to locked memory and overwrites the
 * values of secrets in the block.  Once.  ERR_NOMEM. */
int sources_capture(char **environ_block, bool (*known)(const char *name),
    bool (*secret)(const char *name));

/* Reads `.env`; NULL and an error when it is malformed. */
struct sources *sources_read(bool (*known)(const char *name), struct config_errors *errors);
void sources_free(struct sources *s);

/* 1 and the value (secret_free), 0 when no source has it, negative after adding
 * an error. */
int sources_get(const struct sources *s, const char *name, bool file_allowed,
    struct secret *value, struct config_errors *errors);

#endif

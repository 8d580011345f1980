/*
 * Which database engine the operator chose: the file `db.selection.json` of
 * the data directory,
 *
 *   {"type":"sqlite","selectedAt":"2025-01-02T18:22:15.000Z","version":"1.0"}
 *
 * and the marker `db.setup-complete` beside it, which remembers that there was
 * a selection once, so that a lost file is an error and not an invitation to
 * set up again.
 *
 * "None" is only ever the answer when no file of that name exists.  Whatever
 * cannot be read or is not exactly as above is an error.
 */
#ifndef BASE_SELECTION_H
#define BASE_SELECTION_H

#include "base/clock.h"
#include "base/err.h"

#define SELECTION_FILE "db.selection.json"
#define SELECTION_MARKER "db.setup-complete"
#define SELECTION_MAX_BYTES 4096

struct selection {
	char engine[16];                  /* "sqlite" or "turso" */
	char selected_at[CLOCK_ISO_SIZE]; /* ISO 8601, UTC, milliseconds */
};

/*
 * 1: found, *out is filled.  0: no file of that name.  Negative: the file is
 * there and cannot be used (link, hard link, not readable, writable by all,
 * oversized, malformed, unknown engine or version), or looking for it failed;
 * the sentence in e says what to do.  *out is untouched unless 1.
 */
int selection_read(int data_dirfd, struct selection *out, struct err *e);

/* Writes the selection as a whole or not at all (mode 0600), with the present
 * time.  Replaces what is there.  ERR_INVALID for an engine that is not one;
 * ERR_IO. */
int selection_write(int data_dirfd, const char *engine, struct err *e);

/* 1 when anything of the marker's name exists, 0 when not, negative when that
 * cannot be found out. */
int selection_marker_exists(int data_dirfd, struct err *e);

/* Makes the marker, durable; an existing one is replaced. */
int selection_marker_write(int data_dirfd, struct err *e);

#endif

/*
 * The daemon's HTTP interface over its control socket.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/err.h"

/* Exit codes of deploystackctl. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,      /* the daemon refused or failed */
	CLI_USAGE = 2,
	CLI_NOT_RUNNING = 3, /* nothing answers on the control socket */
	CLI_DENIED = 4,      /* not root and not the daemon's user */
};

struct reply {
	long status; /* HTTP */
	cJSON *json; /* NULL when the body is not JSON */
};

/*
 * Sends one request to PERSISTENT_DATA_DIR/control.sock and reads the answer (at
 * most 16 MiB), with the operator's token out of control.token beside it when that
 * can be read.  body is JSON text or NULL; all copies of the answer's text are wiped.
 * ERR_NOT_FOUND when nothing answers there, ERR_DENIED when the socket may not be
 * used, ERR_INVALID for a path that is too long, ERR_NOMEM, ERR_IO.
 */
int client_request(const char *data_dir, const char *method, const char *path,
    const char *body, struct reply *out, struct err *e);

/* As client_request, with a body made from json, which may be NULL; the text is
 * wiped. */
int client_send(const char *data_dir, const char *method, const char *path,
    const cJSON *json, struct reply *out, struct err *e);

/*
 * As client_send, and prints the sentence of whatever is not a success (2xx with a
 * JSON body).  Returns the exit code; out is to be freed in any case.
 */
int client_call(const char *data_dir, const char *method, const char *path,
    const cJSON *json, struct reply *out);

/* Releases the answer; one that was never filled but zeroed is fine. */
void reply_free(struct reply *r);

/* A member of the answer's object, or NULL. */
const cJSON *reply_member(const struct reply *r, const char *name);

/* Prints the answer's message on stdout. */
void reply_print_message(const struct reply *r);

/* Prints the sentence of a failed request or answer on stderr and returns the
 * exit code. */
int client_fail(int rc, const struct err *e);
int reply_fail(const struct reply *r);

/* Prints that memory ran out and returns the exit code. */
int client_no_memory(void);

/* True for what may be a segment of a path: 1 to 255 of A-Z a-z 0-9 . _ - */
bool path_segment_is_plain(const char *text);

#endif

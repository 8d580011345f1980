/*
 * The daemon's HTTP interface over its control socket.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <cjson/cJSON.h>

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
 * most 16 MiB).  body is JSON text or NULL.  ERR_NOT_FOUND when nothing answers
 * there, ERR_DENIED when the socket may not be used, ERR_IO.
 */
int client_request(const char *data_dir, const char *method, const char *path,
    const char *body, struct reply *out, struct err *e);
void reply_free(struct reply *r);

/* Prints the sentence of a failed request or answer on stderr and returns the
 * exit code. */
int client_fail(int rc, const struct err *e);
int reply_fail(const struct reply *r);

#endif

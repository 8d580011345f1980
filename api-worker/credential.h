/*
 * What a request shows about its sender: the session cookie or a bearer token.
 */
#ifndef API_WORKER_CREDENTIAL_H
#define API_WORKER_CREDENTIAL_H

#include "api-worker/exchange.h"

#define CREDENTIAL_MAX 64
#define SESSION_COOKIE "session"

struct credential {
	enum ipc_credential kind;
	char text[CREDENTIAL_MAX + 1]; /* "" when it can be no credential at all */
};

/* Authorization counts before Cookie.  The operator's token is taken on the control
 * socket only. */
void credential_read(const struct exchange *x, struct credential *out);

/* X-Setup-Token, copied to out; NULL when there is none. */
const char *credential_setup_token(const struct exchange *x, char *out, size_t size);

/* Adds a Set-Cookie with that session; "" clears it. */
void credential_set_cookie(struct exchange *x, const char *session);

#endif

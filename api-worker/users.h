/*
 * Accounts and roles as JSON.
 */
#ifndef API_WORKER_USERS_H
#define API_WORKER_USERS_H

#include "base/buf.h"
#include "ipc/messages.h"

/* complete: with auth_type and github_id, as users/me and the list have them. */
void json_user(struct buf *b, const char *name, const struct rec_user *user, bool complete);

#endif

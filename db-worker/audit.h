/*
 * The audit log: who changed what and when.  Never what it was changed to.
 */
#ifndef DB_WORKER_AUDIT_H
#define DB_WORKER_AUDIT_H

#include "db-worker/requests.h"

/* Appends an entry in the request's transaction, for its caller; target and address
 * may be NULL.  Codes of the driver. */
int audit_append(const struct request *q, const char *action, const char *target,
    const char *address, struct err *e);

/* The same for a caller that the request cannot know: a first registration, a
 * login, the setup. */
int audit_append_as(const struct db *db, const char *actor_type, const char *actor_id,
    const char *actor_name, const char *action, const char *target, const char *address,
    struct err *e);

#endif

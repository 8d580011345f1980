/*
 * What no SQL statement may do, whoever sent it: reach another file, change how
 * the database is kept, load code, leave something behind in the connection for
 * whoever leases it next.
 */
#ifndef DB_WORKER_SQLITE_AUTHORIZER_H
#define DB_WORKER_SQLITE_AUTHORIZER_H

#include <stdbool.h>

struct sqlite_policy {
	bool no_transactions; /* BEGIN, COMMIT and ROLLBACK are refused too */
	char refused[64];     /* what was refused last, for the error's sentence */
};

/* sqlite3_set_authorizer's callback; its first argument is a struct sqlite_policy. */
int sqlite_authorize(void *policy, int action, const char *a, const char *b, const char *db,
    const char *trigger);

#endif

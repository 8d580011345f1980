/*
 * What no SQL statement may do, whoever sent it: reach another file, change how
 * the database is kept, load code.
 */
#ifndef DB_WORKER_SQLITE_AUTHORIZER_H
#define DB_WORKER_SQLITE_AUTHORIZER_H

/* sqlite3_set_authorizer's callback; its first argument is not used. */
int sqlite_authorize(void *unused, int action, const char *a, const char *b, const char *db,
    const char *trigger);

#endif

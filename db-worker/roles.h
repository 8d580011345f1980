/*
 * Roles and their permissions: defined here, synchronised into the database at
 * every start.
 */
#ifndef DB_WORKER_ROLES_H
#define DB_WORKER_ROLES_H

#include "db-worker/driver.h"

/* Creates and corrects the system's roles, in one transaction; writes nothing
 * when they are right. */
int roles_sync(const struct driver *driver, struct conn *c, struct err *e);

#endif

/*
 * Applying migrations, with the bookkeeping of drizzle-orm's migrator
 * (`__drizzle_migrations`: id, hash, created_at), so that either tool continues
 * where the other stopped.
 */
#ifndef DB_WORKER_MIGRATE_H
#define DB_WORKER_MIGRATE_H

#include "db-worker/driver.h"
#include "db-worker/migration_files.h"

/*
 * Runs what is pending, decided by the set of hashes in the table and not by
 * the newest time.  Refused without changing anything: a recorded hash that no
 * file has (an edited file, or a database of a newer version), a pending file
 * before an applied one, a pending file dated in the future.  Each file is one
 * transaction together with its bookkeeping row, with foreign keys off from
 * before it begins and checked before it commits.  *applied is how many ran.
 * Errors name the file.
 */
int migrate(const struct driver *driver, struct conn *c, const struct migration_files *files,
    size_t *applied, struct err *e);

/* Rows (hash, created_at) in the order they were applied; none when there is no
 * table. */
int migrate_applied(const struct driver *driver, struct conn *c, struct result *out,
    struct err *e);

#endif

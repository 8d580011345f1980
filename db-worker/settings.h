/*
 * Global settings in the database.
 */
#ifndef DB_WORKER_SETTINGS_H
#define DB_WORKER_SETTINGS_H

#include "db-worker/driver.h"
#include "db-worker/setting_cipher.h"
#include "db-worker/settings_modules.h"

/*
 * Creates the groups and settings that the database lacks, all in one
 * transaction, and never changes an existing one.  Encrypted settings are
 * encrypted also while empty.  *created is how many settings were.  Writes
 * nothing when nothing is missing.
 */
int settings_init(const struct driver *driver, struct conn *c,
    const struct setting_modules *modules, struct setting_cipher *cipher, size_t *created,
    struct err *e);

#endif

/*
 * The settings that an installation starts with.
 */
#ifndef DB_WORKER_SETTINGS_INIT_H
#define DB_WORKER_SETTINGS_INIT_H

#include "db-worker/driver.h"
#include "db-worker/setting_cipher.h"
#include "db-worker/settings_modules.h"

/*
 * Creates the groups and settings that the database lacks, all in one
 * transaction, and never changes an existing one.  Encrypted settings are
 * encrypted also while empty, and left out when the stored secrets do not decrypt:
 * two keys in one database would be worse.  *created is how many settings were.  Writes
 * nothing when nothing is missing.
 */
int settings_init(const struct driver *driver, struct conn *c,
    const struct setting_modules *modules, struct setting_cipher *cipher, size_t *created,
    struct err *e);

#endif

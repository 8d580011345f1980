/*
 * What makes a database complete, in the order of the contract: migrations,
 * roles, settings.  The same for setup and for every start.
 */
#ifndef DB_WORKER_PREPARE_H
#define DB_WORKER_PREPARE_H

#include "db-worker/driver.h"
#include "db-worker/migration_files.h"
#include "db-worker/setting_cipher.h"
#include "db-worker/settings_modules.h"

/* What was read from the installation before the sandbox closed. */
struct installation {
	struct migration_files migrations;
	struct setting_modules modules;
};

int installation_load(struct installation *i, const char *migrations_dir,
    const char *settings_dir, struct err *e);
void installation_free(struct installation *i);

/* Completes the database behind c.  The first step that fails is undone and
 * ends it; steps before it stay and are not repeated by the next call. */
int prepare(const struct driver *driver, struct conn *c, const struct installation *i,
    struct setting_cipher *cipher, struct err *e);

#endif

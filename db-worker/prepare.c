/*
 * Completing a database: see prepare.h.
 */
#include "db-worker/prepare.h"

#include <string.h>

#include "base/log.h"
#include "db-worker/migrate.h"
#include "db-worker/roles.h"
#include "db-worker/settings_init.h"

int installation_load(struct installation *i, const char *migrations_dir,
    const char *settings_dir, struct err *e)
{
	int rc;

	memset(i, 0, sizeof(*i));
	rc = migration_files_load(&i->migrations, migrations_dir, e);
	if (rc == 0)
		rc = setting_modules_load(&i->modules, settings_dir, e);
	if (rc < 0)
		installation_free(i);
	return rc;
}

void installation_free(struct installation *i)
{
	migration_files_free(&i->migrations);
	setting_modules_free(&i->modules);
}

int prepare(const struct driver *driver, struct conn *c, const struct installation *i,
    struct setting_cipher *cipher, struct err *e)
{
	size_t migrations = 0, settings = 0;
	int rc;

	rc = migrate(driver, c, &i->migrations, &migrations, e);
	if (rc == 0)
		rc = roles_sync(driver, c, e);
	if (rc == 0)
		rc = settings_init(driver, c, &i->modules, cipher, &settings, e);
	if (rc == 0 && (migrations > 0 || settings > 0))
		log_info("applied %zu migrations, created %zu settings", migrations, settings);
	return rc;
}

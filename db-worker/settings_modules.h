/*
 * Setting modules: the groups and settings that an installation starts with
 * (global-settings/README.md says what a file looks like).
 */
#ifndef DB_WORKER_SETTINGS_MODULES_H
#define DB_WORKER_SETTINGS_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct setting_group {
	char *id, *name, *description, *icon; /* the last two may be NULL */
	int sort_order;
};

struct setting_definition {
	char *key, *type, *description; /* description may be NULL */
	char *value;                    /* as text; "" without a default */
	char *group_id;
	bool encrypted;
};

struct setting_modules {
	struct setting_group *groups;
	size_t ngroups;
	struct setting_definition *settings;
	size_t nsettings;
};

/* Reads every *.json of the folder, in order of their names.  ERR_CONFIG with
 * file and member; *out is untouched then. */
int setting_modules_load(struct setting_modules *out, const char *folder, struct err *e);
void setting_modules_free(struct setting_modules *m);

#endif

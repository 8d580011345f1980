/*
 * Roles: see roles.h.
 */
#include "db-worker/roles.h"

#include <string.h>

#include "base/clock.h"

static const struct role {
	const char *id, *name, *description;
	const char *permissions; /* as stored: a JSON array */
} roles[] = {
	{ "global_admin", "Global Administrator", "May manage the whole system",
	  "[\"users.list\",\"users.view\",\"users.edit\",\"users.delete\",\"users.create\","
	  "\"roles.manage\",\"system.admin\",\"settings.view\",\"settings.edit\","
	  "\"settings.delete\",\"teams.create\",\"teams.view\",\"teams.edit\",\"teams.delete\","
	  "\"teams.manage\",\"team.members.view\",\"team.members.manage\"]" },
	{ "global_user", "Global User", "May manage the own profile and own teams",
	  "[\"profile.view\",\"profile.edit\",\"teams.create\",\"teams.view\",\"teams.edit\","
	  "\"teams.delete\",\"team.members.view\"]" },
	{ "team_admin", "Team Administrator", "May manage a team and its members",
	  "[\"teams.view\",\"teams.edit\",\"teams.delete\",\"team.members.view\","
	  "\"team.members.manage\"]" },
	{ "team_user", "Team User", "May see a team and its members",
	  "[\"teams.view\",\"team.members.view\"]" },
};

#define NROLES (sizeof(roles) / sizeof(roles[0]))

static bool equals(const struct value *v, const char *text)
{
	return v->kind == VALUE_TEXT && strcmp(v->data, text) == 0;
}

static bool is_right(const struct result *r, const struct role *role)
{
	size_t i;

	for (i = 0; i < r->nrows; i++)
		if (equals(result_value(r, i, 0), role->id))
			return equals(result_value(r, i, 1), role->name) &&
			    equals(result_value(r, i, 2), role->description) &&
			    equals(result_value(r, i, 3), role->permissions) &&
			    result_value(r, i, 4)->integer == 1;
	return false;
}

static int write_role(const struct driver *driver, struct conn *c, const struct role *role,
    int64_t now, struct err *e)
{
	struct value args[] = { value_text(role->id), value_text(role->name),
		value_text(role->description), value_text(role->permissions), value_integer(now),
		value_integer(now) };
	struct statement s = { "INSERT INTO roles (id, name, description, permissions, "
	    "is_system_role, created_at, updated_at) VALUES (?, ?, ?, ?, 1, ?, ?) "
	    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
	    "description = excluded.description, permissions = excluded.permissions, "
	    "is_system_role = 1, updated_at = excluded.updated_at", args, 6 };

	return driver->execute(c, &s, 0, NULL, e);
}

int roles_sync(const struct driver *driver, struct conn *c, struct err *e)
{
	struct statement all = { .sql = "SELECT id, name, description, permissions, "
	    "is_system_role FROM roles" };
	struct result r = { 0 };
	int64_t now = clock_wall_ms() / 1000;
	size_t i, wrong = 0;
	int rc = driver->execute(c, &all, 0, &r, e);

	for (i = 0; rc == 0 && i < NROLES; i++)
		wrong += !is_right(&r, &roles[i]);
	if (rc == 0 && wrong > 0) {
		rc = driver->begin(c, TXN_IMMEDIATE, e);
		for (i = 0; rc == 0 && i < NROLES; i++)
			if (!is_right(&r, &roles[i]))
				rc = write_role(driver, c, &roles[i], now, e);
		if (rc == 0)
			rc = driver->commit(c, e);
		if (rc < 0)
			driver->rollback(c, NULL);
	}
	if (rc < 0)
		err_prefix(e, "roles");
	result_free(&r);
	return rc;
}

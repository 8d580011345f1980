/*
 * Messages settings_group_create and settings_group_update.
 */
#include <string.h>

#include "base/clock.h"
#include "db-worker/accounts.h"
#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/settings_store.h"

static int check(const struct rec_setting_group *g, bool create, struct err *e)
{
	int rc = setting_check_key(g->id, NULL);

	if (rc < 0 || strlen(g->id) > 100)
		return err_set(e, ERR_INVALID, "id must be 1 to 100 letters, digits, dots, "
		    "underscores or hyphens.");
	if ((create || (g->given & SETTING_GROUP_NAME)) && (g->name == NULL || g->name[0] == '\0'))
		return err_set(e, ERR_INVALID, "name must not be empty.");
	if (!create && g->given == 0)
		return err_set(e, ERR_INVALID, "Nothing to update: give name, description, icon or "
		    "sort_order.");
	rc = account_check_name(g->name, "name", e);
	if (rc == 0)
		rc = setting_check_description(g->description, e);
	return rc == 0 ? account_check_name(g->icon, "icon", e) : rc;
}

static int read_back(struct request *q, const char *id, struct rec_setting_group **out,
    struct err *e)
{
	struct result r = { 0 };
	int rc = SQL(&q->db, &r, e, "SELECT " SETTING_GROUP_COLUMNS " FROM globalSettingGroups "
	    "WHERE id = ?", value_text(id));

	*out = request_alloc(q, sizeof(**out));
	if (rc == 0 && r.nrows == 1 && *out != NULL)
		setting_group_fill(q, &r, 0, *out);
	else if (rc == 0)
		rc = err_set(e, ERR_NOT_FOUND, "Setting group not found");
	result_free(&r);
	return rc;
}

static int exists(struct request *q, const char *id, bool *found, struct err *e)
{
	struct result r = { 0 };
	int rc = SQL(&q->db, &r, e, "SELECT 1 FROM globalSettingGroups WHERE id = ?",
	    value_text(id));

	*found = r.nrows > 0;
	result_free(&r);
	return rc;
}

void settings_group_create(struct request *q)
{
	const struct msg_settings_group_create *in = &q->in.settings_group_create;
	struct msg_settings_group_create_reply *reply = &q->reply.settings_group_create_reply;
	const struct rec_setting_group *g = in->group.items;
	int64_t now = clock_wall_ms() / 1000;
	bool found = false;
	struct err e;
	int rc = in->group.count == 1 ? check(g, true, &e) :
	    err_set(&e, ERR_INVALID, "One group is wanted.");

	msg_init(&q->reply, MSG_settings_group_create_reply, q->in.id);
	if (rc == 0)
		rc = exists(q, g->id, &found, &e);
	if (rc == 0 && found)
		rc = err_set(&e, ERR_EXISTS, "Setting group with this id already exists.");
	if (rc == 0)
		rc = SQL(&q->db, NULL, &e, "INSERT INTO globalSettingGroups (id, name, description, "
		    "icon, sort_order, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		    value_text(g->id), value_text(g->name), value_text(g->description),
		    value_text(g->icon), value_integer(g->sort_order), value_integer(now),
		    value_integer(now));
	if (rc == 0)
		rc = audit_append(q, "settings.group_create", g->id, in->address, &e);
	if (rc == 0)
		rc = read_back(q, g->id, &reply->group.items, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->group.count = 1;
}

void settings_group_update(struct request *q)
{
	const struct msg_settings_group_update *in = &q->in.settings_group_update;
	struct msg_settings_group_update_reply *reply = &q->reply.settings_group_update_reply;
	const struct rec_setting_group *g = in->group.items;
	struct err e;
	int rc = in->group.count == 1 ? check(g, false, &e) :
	    err_set(&e, ERR_INVALID, "One group is wanted.");

	msg_init(&q->reply, MSG_settings_group_update_reply, q->in.id);
	if (rc == 0)
		rc = SQL(&q->db, NULL, &e, "UPDATE globalSettingGroups SET "
		    "name = CASE WHEN ? THEN ? ELSE name END, "
		    "description = CASE WHEN ? THEN ? ELSE description END, "
		    "icon = CASE WHEN ? THEN ? ELSE icon END, "
		    "sort_order = CASE WHEN ? THEN ? ELSE sort_order END, updated_at = ? "
		    "WHERE id = ?",
		    value_integer(g->given & SETTING_GROUP_NAME), value_text(g->name),
		    value_integer(g->given & SETTING_GROUP_DESCRIPTION), value_text(g->description),
		    value_integer(g->given & SETTING_GROUP_ICON), value_text(g->icon),
		    value_integer(g->given & SETTING_GROUP_SORT_ORDER), value_integer(g->sort_order),
		    value_integer(clock_wall_ms() / 1000), value_text(g->id));
	if (rc == 0)
		rc = read_back(q, g->id, &reply->group.items, &e);
	if (rc == 0)
		rc = audit_append(q, "settings.group_update", g->id, in->address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->group.count = 1;
}

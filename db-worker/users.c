/*
 * Messages users_me, users_list and users_roles.
 */
#include <string.h>

#include "base/json.h"
#include "db-worker/accounts.h"
#include "db-worker/handlers.h"

#define PAGE 500
#define ROLES_MAX 100

/* A JSON array of names as names separated by spaces. */
static const char *names_of(struct request *q, const char *json)
{
	size_t size = json != NULL ? strlen(json) + 1 : 1;
	char *out = request_alloc(q, size), *at = out;
	const cJSON *item;
	cJSON *root = NULL;

	if (out == NULL || json == NULL || json_parse(json, size - 1, NULL, &root, NULL) < 0)
		return out;
	/* Each name is shorter than its JSON form, quotes and comma. */
	cJSON_ArrayForEach(item, root) {
		if (!cJSON_IsString(item) || strchr(item->valuestring, ' ') != NULL)
			continue;
		if (at != out)
			*at++ = ' ';
		at = stpcpy(at, item->valuestring);
	}
	cJSON_Delete(root);
	return out;
}

#define ROLE_COLUMNS "id, name, description, permissions, is_system_role, created_at, updated_at"

static void fill_role(struct request *q, const struct result *r, size_t row, struct rec_role *out)
{
	out->id = request_text(q, sql_text(r, row, 0));
	out->name = request_text(q, sql_text(r, row, 1));
	out->description = request_text(q, sql_text(r, row, 2));
	out->permissions = names_of(q, sql_text(r, row, 3));
	out->is_system_role = sql_integer(r, row, 4) != 0;
	out->created_at = sql_integer(r, row, 5);
	out->updated_at = sql_integer(r, row, 6);
}

void users_me(struct request *q)
{
	struct msg_users_me_reply *reply = &q->reply.users_me_reply;
	struct result r = { 0 };
	struct err e;
	int rc;

	msg_init(&q->reply, MSG_users_me_reply, q->in.id);
	rc = account_read(q, q->caller.id, &reply->user.items, &e);
	if (rc == ERR_NOT_FOUND)
		rc = err_set(&e, ERR_UNKNOWN_CALLER, "Authentication required");
	if (rc == 0)
		rc = SQL(&q->db, &r, &e, "SELECT " ROLE_COLUMNS " FROM roles WHERE id = ?",
		    value_text(reply->user.items->role_id));
	reply->user.count = 1;
	reply->role.items = request_alloc(q, sizeof(struct rec_role));
	if (rc < 0) {
		request_fail_with(q, &e);
	} else if (r.nrows == 1 && reply->role.items != NULL) {
		fill_role(q, &r, 0, reply->role.items);
		reply->role.count = 1;
	}
	result_free(&r);
}

void users_list(struct request *q)
{
	struct msg_users_list_reply *reply = &q->reply.users_list_reply;
	const char *after = q->in.users_list.after;
	struct result r = { 0 };
	struct err e;
	size_t i;

	if (SQL(&q->db, &r, &e, "SELECT " ACCOUNT_COLUMNS " FROM authUser WHERE username > ? "
	    "ORDER BY username LIMIT ?", value_text(after != NULL ? after : ""),
	    value_integer(PAGE + 1)) < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_users_list_reply, q->in.id);
	reply->more = r.nrows > PAGE;
	reply->users.count = reply->more ? PAGE : (uint32_t)r.nrows;
	reply->users.items = request_alloc(q, (PAGE + 1) * sizeof(struct rec_user));
	for (i = 0; q->code == 0 && i < reply->users.count; i++)
		account_fill(q, &r, i, &reply->users.items[i]);
	result_free(&r);
}

void users_roles(struct request *q)
{
	struct msg_users_roles_reply *reply = &q->reply.users_roles_reply;
	struct result r = { 0 };
	struct err e;
	size_t i;

	if (SQL(&q->db, &r, &e, "SELECT " ROLE_COLUMNS " FROM roles ORDER BY id LIMIT ?",
	    value_integer(ROLES_MAX)) < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_users_roles_reply, q->in.id);
	reply->roles.count = (uint32_t)r.nrows;
	reply->roles.items = request_alloc(q, (r.nrows + 1) * sizeof(struct rec_role));
	for (i = 0; q->code == 0 && i < r.nrows; i++)
		fill_role(q, &r, i, &reply->roles.items[i]);
	result_free(&r);
}

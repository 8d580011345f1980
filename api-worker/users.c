/*
 * /api/users and /api/roles.
 */
#include "api-worker/users.h"

#include "api-worker/ask.h"
#include "api-worker/body.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"
#include "api-worker/pages.h"

#define FIELD_MAX 1024
#define SECRET_MAX 2048
#define ANSWER_MAX 65536
#define ROLES_ANSWER_MAX (1u << 20)

static void put_user(struct buf *b, const struct rec_user *user, bool complete)
{
	json_text(b, "id", user->id);
	json_text(b, "username", user->username);
	json_text(b, "email", user->email);
	if (complete)
		json_text(b, "auth_type", user->auth_type);
	json_text(b, "first_name", user->first_name);
	json_text(b, "last_name", user->last_name);
	if (complete)
		json_text(b, "github_id", user->github_id);
	json_text(b, "role_id", user->role_id);
}

void json_user(struct buf *b, const char *name, const struct rec_user *user, bool complete)
{
	json_open(b, name, '{');
	put_user(b, user, complete);
	json_close(b, '}');
}

/* ---- me ---- */

static void on_me(struct exchange *x, const struct msg *reply)
{
	const struct msg_users_me_reply *r = &reply->users_me_reply;
	struct buf b;

	if (r->user.count != 1) {
		answer_error(x, 500, "The account was not told.");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	put_user(&b, r->user.items, true);
	if (r->role.count == 1) {
		json_open(&b, "role", '{');
		json_text(&b, "id", r->role.items->id);
		json_text(&b, "name", r->role.items->name);
		json_names(&b, "permissions", r->role.items->permissions);
		json_close(&b, '}');
	} else {
		json_text(&b, "role", NULL);
	}
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

void handle_users_me(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_users_me, 0);
	ask(x, &m, MSG_users_me_reply, on_me, 0);
}

/* ---- list ---- */

static void ask_users(struct exchange *x, const char *after);

static void on_users(struct exchange *x, const struct msg *reply)
{
	const struct msg_users_list_reply *r = &reply->users_list_reply;
	struct buf *b = &pages_of(x)->json;
	uint32_t i;

	for (i = 0; i < r->users.count; i++)
		json_user(b, NULL, &r->users.items[i], true);
	if (r->more && r->users.count > 0 && !b->failed)
		ask_users(x, r->users.items[r->users.count - 1].username);
	else
		pages_end(x);
}

static void ask_users(struct exchange *x, const char *after)
{
	struct msg m;

	msg_init(&m, MSG_users_list, 0);
	m.users_list.after = after;
	ask(x, &m, MSG_users_list_reply, on_users, 0);
}

void handle_users_list(struct exchange *x)
{
	if (pages_begin(x) != NULL)
		ask_users(x, NULL);
}

/* ---- roles ---- */

static void on_roles(struct exchange *x, const struct msg *reply)
{
	const struct msg_users_roles_reply *r = &reply->users_roles_reply;
	struct buf b;
	uint32_t i;

	buf_init(&b, ROLES_ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_open(&b, "data", '[');
	for (i = 0; i < r->roles.count; i++) {
		const struct rec_role *role = &r->roles.items[i];

		json_open(&b, NULL, '{');
		json_text(&b, "id", role->id);
		json_text(&b, "name", role->name);
		json_text(&b, "description", role->description);
		json_names(&b, "permissions", role->permissions);
		json_boolean(&b, "is_system_role", role->is_system_role);
		json_time_s(&b, "created_at", role->created_at);
		json_time_s(&b, "updated_at", role->updated_at);
		json_close(&b, '}');
	}
	json_close(&b, ']');
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

void handle_users_roles(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_users_roles, 0);
	ask(x, &m, MSG_users_roles_reply, on_roles, 0);
}

/* ---- by an administrator ---- */

static void on_created(struct exchange *x, const struct msg *reply)
{
	const struct msg_users_create_reply *r = &reply->users_create_reply;
	struct buf b;

	if (r->user.count != 1) {
		answer_error(x, 500, "The account was made, but not told.");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_text(&b, "message", "User created successfully.");
	json_user(&b, "user", r->user.items, false);
	json_close(&b, '}');
	answer_json_buf(x, 201, &b);
}

void handle_users_create(struct exchange *x)
{
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_users_create, 0);
	m.users_create.username = body_text(&b, b.root, "username", FIELD_MAX, true);
	m.users_create.email = body_text(&b, b.root, "email", FIELD_MAX, true);
	m.users_create.password = body_text(&b, b.root, "password", SECRET_MAX, true);
	m.users_create.first_name = body_text(&b, b.root, "first_name", FIELD_MAX, false);
	m.users_create.last_name = body_text(&b, b.root, "last_name", FIELD_MAX, false);
	m.users_create.role_id = body_text(&b, b.root, "role_id", 64, false);
	m.users_create.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_users_create_reply, on_created, ASK_CONFLICT_400);
	body_free(&b);
}

static void on_reset(struct exchange *x, const struct msg *reply)
{
	answer_json(x, 200, "{\"success\":true,\"message\":\"Password changed successfully\"}");
}

void handle_users_reset_password(struct exchange *x)
{
	struct body b;
	struct msg m;
	char id[65];

	if (x->param.len >= sizeof(id)) {
		answer_refused(x, 404, "User not found");
		return;
	}
	if (!body_read(x, &b))
		return;
	route_param(x, id, sizeof(id));
	msg_init(&m, MSG_users_reset_password, 0);
	m.users_reset_password.id = id;
	m.users_reset_password.new_password = body_text(&b, b.root, "new_password", SECRET_MAX,
	    true);
	m.users_reset_password.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_users_reset_password_reply, on_reset, 0);
	body_free(&b);
}

/*
 * /api/auth/…: registration, login, logout, the own password and profile.
 */
#include <stdio.h>

#include "api-worker/ask.h"
#include "api-worker/body.h"
#include "api-worker/credential.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"
#include "api-worker/users.h"

#define FIELD_MAX 1024  /* of names and addresses; the db-worker says what is too long */
#define SECRET_MAX 2048 /* of passwords */
#define ANSWER_MAX 65536

static void answer_user(struct exchange *x, int status, const char *message,
    const struct rec_user *user)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_text(&b, "message", message);
	json_user(&b, "user", user, false);
	json_close(&b, '}');
	answer_json_buf(x, status, &b);
}

static void answer_done(struct exchange *x, const char *message)
{
	struct buf b;

	buf_init(&b, 1024);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_text(&b, "message", message);
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

/* ---- register ---- */

static void on_registered(struct exchange *x, const struct msg *reply)
{
	const struct msg_auth_register_reply *r = &reply->auth_register_reply;

	if (r->user.count != 1) {
		answer_error(x, 500, "The account was made, but not told.");
		return;
	}
	if (r->session != NULL)
		credential_set_cookie(x, r->session);
	answer_user(x, 201, r->session != NULL ? "User registered successfully. You are now "
	    "logged in as the global administrator." :
	    "User registered successfully. You can now log in to your account.", r->user.items);
}

void handle_auth_register(struct exchange *x)
{
	char token[256];
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_auth_register, 0);
	m.auth_register.username = body_text(&b, b.root, "username", FIELD_MAX, true);
	m.auth_register.email = body_text(&b, b.root, "email", FIELD_MAX, true);
	m.auth_register.password = body_text(&b, b.root, "password", SECRET_MAX, true);
	m.auth_register.first_name = body_text(&b, b.root, "first_name", FIELD_MAX, false);
	m.auth_register.last_name = body_text(&b, b.root, "last_name", FIELD_MAX, false);
	m.auth_register.address = x->peer;
	m.auth_register.local = exchange_is_local(x);
	m.auth_register.setup_token = credential_setup_token(x, token, sizeof(token));
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_auth_register_reply, on_registered, ASK_CONFLICT_400);
	body_free(&b);
}

/* ---- login and logout ---- */

static void on_logged_in(struct exchange *x, const struct msg *reply)
{
	const struct msg_auth_login_reply *r = &reply->auth_login_reply;

	if (r->user.count != 1 || r->session == NULL) {
		answer_error(x, 500, "The session was made, but not told.");
		return;
	}
	credential_set_cookie(x, r->session);
	answer_user(x, 200, "Logged in successfully.", r->user.items);
}

void handle_auth_login(struct exchange *x)
{
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_auth_login, 0);
	m.auth_login.login = body_text(&b, b.root, "login", FIELD_MAX, true);
	m.auth_login.password = body_text(&b, b.root, "password", SECRET_MAX, true);
	m.auth_login.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_auth_login_reply, on_logged_in, 0);
	body_free(&b);
}

static void on_logged_out(struct exchange *x, const struct msg *reply)
{
	credential_set_cookie(x, "");
	answer_done(x, reply->auth_logout_reply.ended ? "Logged out successfully." :
	    "No active session to logout or already logged out.");
}

void handle_auth_logout(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_auth_logout, 0);
	ask(x, &m, MSG_auth_logout_reply, on_logged_out, 0);
}

/* ---- the own password and profile ---- */

static void on_password_changed(struct exchange *x, const struct msg *reply)
{
	answer_done(x, "Password changed successfully");
}

void handle_auth_change_password(struct exchange *x)
{
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_auth_change_password, 0);
	m.auth_change_password.current_password = body_text(&b, b.root, "current_password",
	    SECRET_MAX, true);
	m.auth_change_password.new_password = body_text(&b, b.root, "new_password", SECRET_MAX,
	    true);
	m.auth_change_password.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_auth_change_password_reply, on_password_changed, 0);
	body_free(&b);
}

static void on_profile(struct exchange *x, const struct msg *reply)
{
	const struct msg_auth_update_profile_reply *r = &reply->auth_update_profile_reply;

	if (r->user.count == 1)
		answer_user(x, 200, "Profile updated successfully.", r->user.items);
	else
		answer_error(x, 500, "The profile was changed, but not told.");
}

void handle_auth_update_profile(struct exchange *x)
{
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_auth_update_profile, 0);
	m.auth_update_profile.given = (uint8_t)(
	    (body_has(b.root, "username") ? PROFILE_USERNAME : 0) |
	    (body_has(b.root, "first_name") ? PROFILE_FIRST_NAME : 0) |
	    (body_has(b.root, "last_name") ? PROFILE_LAST_NAME : 0));
	m.auth_update_profile.username = body_text(&b, b.root, "username", FIELD_MAX,
	    body_has(b.root, "username"));
	m.auth_update_profile.first_name = body_text(&b, b.root, "first_name", FIELD_MAX, false);
	m.auth_update_profile.last_name = body_text(&b, b.root, "last_name", FIELD_MAX, false);
	m.auth_update_profile.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_auth_update_profile_reply, on_profile, ASK_CONFLICT_400);
	body_free(&b);
}

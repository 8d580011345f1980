/*
 * Messages auth_change_password, users_reset_password and auth_update_profile.
 */
#include <string.h>

#include "db-worker/accounts.h"
#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/passwords.h"
#include "db-worker/services.h"

/* ---- the own password ---- */

struct password_change {
	const char *old_hash;
	char hash[PASSWORD_HASH_SIZE];
};

void auth_change_password_check(struct request *q)
{
	const struct msg_auth_change_password *in = &q->in.auth_change_password;
	struct password_change *c = request_alloc(q, sizeof(*c));
	struct result r = { 0 };
	struct err e;
	int rc;

	if (c == NULL)
		return;
	q->state = c;
	rc = password_check(in->new_password, "new_password", &e);
	if (rc == 0 && strcmp(in->new_password, in->current_password) == 0)
		rc = err_set(&e, ERR_INVALID, "new_password must differ from current_password.");
	if (rc == 0)
		rc = rate_limit_take(q->services->rate_limit, RATE_ACCOUNT, q->caller.id, &e);
	if (rc == 0)
		rc = SQL(&q->db, &r, &e, "SELECT hashed_password FROM authUser WHERE id = ?",
		    value_text(q->caller.id));
	if (rc == 0 && r.nrows == 1)
		c->old_hash = request_text(q, sql_text(&r, 0, 0));
	if (rc < 0)
		request_fail_with(q, &e);
	result_free(&r);
}

void auth_change_password_hash(struct request *q)
{
	const struct msg_auth_change_password *in = &q->in.auth_change_password;
	struct password_change *c = q->state;
	struct err e;

	if (!password_verify(c->old_hash, in->current_password)) {
		request_fail(q, ERR_WRONG_PASSWORD, "Current password is incorrect.");
		return;
	}
	rate_limit_return(q->services->rate_limit, RATE_ACCOUNT, q->caller.id);
	if (password_hash(in->new_password, c->hash, &e) < 0)
		request_fail_with(q, &e);
}

static int store_hash(const struct request *q, const char *id, const char *hash,
    const char *kept_session, struct err *e)
{
	int rc = SQL(&q->db, NULL, e, "UPDATE authUser SET hashed_password = ? WHERE id = ?",
	    value_text(hash), value_text(id));

	if (rc == 0)
		rc = SQL(&q->db, NULL, e, "DELETE FROM authSession WHERE user_id = ? AND id <> ?",
		    value_text(id), value_text(kept_session));
	return rc;
}

void auth_change_password_store(struct request *q)
{
	const struct password_change *c = q->state;
	struct result r = { 0 };
	struct err e;
	int rc = SQL(&q->db, &r, &e, "SELECT 1 FROM authUser u JOIN authSession s "
	    "ON s.user_id = u.id WHERE u.id = ? AND u.hashed_password = ? AND s.id = ?",
	    value_text(q->caller.id), value_text(c->old_hash), value_text(q->caller.session));

	/* The password or the session may have gone since they were checked. */
	if (rc == 0 && r.nrows != 1)
		rc = err_set(&e, ERR_UNKNOWN_CALLER, "Authentication required");
	if (rc == 0)
		rc = store_hash(q, q->caller.id, c->hash, q->caller.session, &e);
	if (rc == 0)
		rc = audit_append(q, "auth.change_password", q->caller.name,
		    q->in.auth_change_password.address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	result_free(&r);
	msg_init(&q->reply, MSG_auth_change_password_reply, q->in.id);
	q->changed = CHANGED_ACCOUNTS;
}

/* ---- the password of another ---- */

void users_reset_password_check(struct request *q)
{
	const struct msg_users_reset_password *in = &q->in.users_reset_password;
	struct password_change *c = request_alloc(q, sizeof(*c));
	struct rec_user *user;
	struct err e;

	q->state = c;
	if (c != NULL && (account_read(q, in->id, &user, &e) < 0 ||
	    password_check(in->new_password, "new_password", &e) < 0))
		request_fail_with(q, &e);
}

void users_reset_password_hash(struct request *q)
{
	struct password_change *c = q->state;
	struct err e;

	if (password_hash(q->in.users_reset_password.new_password, c->hash, &e) < 0)
		request_fail_with(q, &e);
}

void users_reset_password_store(struct request *q)
{
	const struct msg_users_reset_password *in = &q->in.users_reset_password;
	const struct password_change *c = q->state;
	struct rec_user *user;
	struct err e;
	int rc = account_read(q, in->id, &user, &e);

	if (rc == 0)
		rc = store_hash(q, in->id, c->hash, "", &e);
	if (rc == 0)
		rc = audit_append(q, "users.reset_password", user->username, in->address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	msg_init(&q->reply, MSG_users_reset_password_reply, q->in.id);
	q->changed = CHANGED_ACCOUNTS;
}

/* ---- the own profile ---- */

static int check_profile(const struct request *q, struct err *e)
{
	const struct msg_auth_update_profile *in = &q->in.auth_update_profile;
	char id[65];
	int rc = 0;

	if (in->given == 0 || ((in->given & PROFILE_USERNAME) && in->username == NULL))
		return err_set(e, ERR_INVALID, "Nothing to update: give username, first_name or "
		    "last_name.");
	if (in->given & PROFILE_USERNAME) {
		rc = account_check_username(in->username, e);
		if (rc == 0)
			rc = account_find_username(&q->db, in->username, id, e);
		if (rc == 0 && id[0] != '\0' && strcmp(id, q->caller.id) != 0)
			rc = err_set(e, ERR_EXISTS, "Username already taken.");
	}
	if (rc == 0)
		rc = account_check_name(in->first_name, "first_name", e);
	if (rc == 0)
		rc = account_check_name(in->last_name, "last_name", e);
	return rc;
}

void auth_update_profile(struct request *q)
{
	const struct msg_auth_update_profile *in = &q->in.auth_update_profile;
	struct msg_auth_update_profile_reply *reply = &q->reply.auth_update_profile_reply;
	struct err e;
	int rc;

	msg_init(&q->reply, MSG_auth_update_profile_reply, q->in.id);
	rc = check_profile(q, &e);
	if (rc == 0)
		rc = SQL(&q->db, NULL, &e, "UPDATE authUser SET "
		    "username = CASE WHEN ? THEN ? ELSE username END, "
		    "first_name = CASE WHEN ? THEN ? ELSE first_name END, "
		    "last_name = CASE WHEN ? THEN ? ELSE last_name END WHERE id = ?",
		    value_integer(in->given & PROFILE_USERNAME), value_text(in->username),
		    value_integer(in->given & PROFILE_FIRST_NAME), value_text(in->first_name),
		    value_integer(in->given & PROFILE_LAST_NAME), value_text(in->last_name),
		    value_text(q->caller.id));
	if (rc == 0)
		rc = audit_append(q, "auth.update_profile", q->caller.name, in->address, &e);
	if (rc == 0)
		rc = account_read(q, q->caller.id, &reply->user.items, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->user.count = 1;
	q->changed = CHANGED_ACCOUNTS;
}

/*
 * Messages auth_check, auth_login, auth_logout.
 */
#include <string.h>

#include "db-worker/accounts.h"
#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/passwords.h"
#include "db-worker/services.h"

void auth_check(struct request *q)
{
	struct err e;

	if (identity_check(&q->caller, (enum permission)q->in.auth_check.permission, &e) < 0)
		request_fail_with(q, &e);
	msg_init(&q->reply, MSG_auth_check_reply, q->in.id);
}

/* ---- login ---- */

struct login {
	const char *id, *username, *hash; /* id NULL: there is no such account */
	const char *limited;              /* what its attempts are counted by */
	char new_hash[PASSWORD_HASH_SIZE]; /* when the costs have changed; else "" */
};

static int find_account(struct request *q, struct login *l, struct err *e)
{
	const char *login = q->in.auth_login.login;
	char email[EMAIL_SIZE];
	struct result r = { 0 };
	int rc;

	if (account_check_email(login, email, NULL) < 0)
		email[0] = '\0';
	rc = SQL(&q->db, &r, e, "SELECT id, username, hashed_password FROM authUser "
	    "WHERE username = ? OR email = ?", value_text(login), value_text(email));
	if (rc == 0 && r.nrows > 0) {
		l->id = request_text(q, sql_text(&r, 0, 0));
		l->username = request_text(q, sql_text(&r, 0, 1));
		l->hash = request_text(q, sql_text(&r, 0, 2));
	}
	l->limited = l->id != NULL ? l->id : login;
	result_free(&r);
	return rc;
}

void auth_login_find(struct request *q)
{
	const struct msg_auth_login *in = &q->in.auth_login;
	struct services *s = q->services;
	struct login *l = request_alloc(q, sizeof(*l));
	struct setting_reader settings;
	bool enabled = true;
	struct err e;
	int rc;

	if (l == NULL)
		return;
	q->state = l;
	rc = setting_reader_open(&settings, s->values, s->cipher, &q->db, &e);
	if (rc == 0) {
		rc = setting_boolean(&settings, "global.enable_login", true, &enabled, &e);
		setting_reader_close(&settings);
	}
	if (rc == 0 && !enabled)
		rc = err_set(&e, ERR_DENIED, "Login is currently disabled by administrator.");
	if (rc == 0)
		rc = find_account(q, l, &e);
	if (rc == 0 && q->code == 0)
		rc = rate_limit_take(s->rate_limit, RATE_ADDRESS, in->address, &e);
	if (rc == 0 && q->code == 0)
		rc = rate_limit_take(s->rate_limit, RATE_ACCOUNT, l->limited, &e);
	if (rc < 0)
		request_fail_with(q, &e);
}

void auth_login_verify(struct request *q)
{
	const struct msg_auth_login *in = &q->in.auth_login;
	struct login *l = q->state;

	if (!password_verify(l->hash, in->password)) {
		request_fail(q, ERR_WRONG_PASSWORD, "Invalid email/username or password.");
		return;
	}
	rate_limit_return(q->services->rate_limit, RATE_ADDRESS, in->address);
	rate_limit_return(q->services->rate_limit, RATE_ACCOUNT, l->limited);
	if (password_needs_rehash(l->hash) && password_hash(in->password, l->new_hash, NULL) < 0)
		l->new_hash[0] = '\0';
}

/* The password may have been changed since it was read. */
static int check_unchanged(struct request *q, const struct login *l, struct err *e)
{
	struct result r = { 0 };
	int rc = SQL(&q->db, &r, e, "SELECT 1 FROM authUser WHERE id = ? AND hashed_password = ?",
	    value_text(l->id), value_text(l->hash));

	if (rc == 0 && r.nrows != 1)
		rc = err_set(e, ERR_WRONG_PASSWORD, "Invalid email/username or password.");
	if (rc == 0 && l->new_hash[0] != '\0')
		rc = SQL(&q->db, NULL, e, "UPDATE authUser SET hashed_password = ? WHERE id = ?",
		    value_text(l->new_hash), value_text(l->id));
	result_free(&r);
	return rc;
}

void auth_login_session(struct request *q)
{
	struct msg_auth_login_reply *reply = &q->reply.auth_login_reply;
	const struct login *l = q->state;
	char *session = request_alloc(q, CREDENTIAL_TEXT_SIZE);
	struct err e;
	int rc;

	if (session == NULL)
		return;
	msg_init(&q->reply, MSG_auth_login_reply, q->in.id);
	rc = check_unchanged(q, l, &e);
	if (rc == 0)
		rc = account_new_session(&q->db, l->id, session, &e);
	if (rc == 0)
		rc = account_read(q, l->id, &reply->user.items, &e);
	if (rc == 0)
		rc = audit_append_as(&q->db, "user", l->id, l->username, "auth.login", NULL,
		    q->in.auth_login.address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->user.count = 1;
	reply->session = session;
}

/* ---- logout ---- */

void auth_logout(struct request *q)
{
	struct err e;
	int rc = 0;

	msg_init(&q->reply, MSG_auth_logout_reply, q->in.id);
	if (q->caller.kind != IDENTITY_USER)
		return;
	rc = SQL(&q->db, NULL, &e, "DELETE FROM authSession WHERE id = ?",
	    value_text(q->caller.session));
	if (rc == 0)
		rc = audit_append(q, "auth.logout", NULL, NULL, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	q->reply.auth_logout_reply.ended = true;
	q->changed = CHANGED_ACCOUNTS;
}

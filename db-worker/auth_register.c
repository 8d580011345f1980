/*
 * Messages auth_register and users_create: new accounts, by themselves or by an
 * administrator.
 *
 * Invariant: the first account is the administrator; whether it is the first is
 * asked in the transaction that inserts it, so that there is exactly one.
 */
#include <stdio.h>

#include "db-worker/accounts.h"
#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/passwords.h"
#include "db-worker/services.h"

static struct account_new *new_account(struct request *q, const char *username,
    const char *first_name, const char *last_name, const char *role_id)
{
	struct account_new *a = request_alloc(q, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->username = username;
	a->first_name = first_name;
	a->last_name = last_name;
	a->role_id = role_id;
	q->state = a;
	return a;
}

/* ---- registration ---- */

/* Over the network the first account needs the token, and a token that is shown must
 * be the one in force: after the first account there is none. */
static int check_token(struct request *q, int64_t accounts, struct err *e)
{
	const struct msg_auth_register *in = &q->in.auth_register;

	if (in->local || (accounts > 0 && in->setup_token == NULL))
		return 0;
	if (accounts > 0)
		return err_set(e, ERR_DENIED, "The setup token was used already.");
	return setup_token_check(&q->services->setup_token, q->services->rate_limit,
	    in->setup_token, e);
}

static int check_enabled(struct request *q, struct err *e)
{
	struct setting_reader settings;
	bool enabled = true;
	int rc = setting_reader_open(&settings, q->services->values, q->services->cipher, &q->db,
	    e);

	if (rc < 0)
		return rc;
	rc = setting_boolean(&settings, "global.enable_email_registration", true, &enabled, e);
	setting_reader_close(&settings);
	if (rc == 0 && !enabled)
		rc = err_set(e, ERR_DENIED,
		    "Email registration is currently disabled by administrator.");
	return rc;
}

void auth_register_check(struct request *q)
{
	const struct msg_auth_register *in = &q->in.auth_register;
	struct account_new *a = new_account(q, in->username, in->first_name, in->last_name, NULL);
	int64_t accounts;
	struct err e;
	int rc;

	if (a == NULL)
		return;
	rc = check_enabled(q, &e);
	if (rc == 0)
		rc = account_count(&q->db, &accounts, &e);
	if (rc == 0)
		rc = check_token(q, accounts, &e);
	if (rc == 0)
		rc = account_check_new(&q->db, a, in->email, in->password, &e);
	if (rc == 0)
		rc = rate_limit_take(q->services->rate_limit, RATE_REGISTRATION, in->address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
}

void auth_register_hash(struct request *q)
{
	struct account_new *a = q->state;
	struct err e;

	if (password_hash(q->in.auth_register.password, a->hash, &e) < 0)
		request_fail_with(q, &e);
}

static int insert_first(struct request *q, struct account_new *a, char **session, struct err *e)
{
	int rc;

	a->role_id = "global_admin";
	*session = request_alloc(q, CREDENTIAL_TEXT_SIZE);
	if (*session == NULL)
		return err_set(e, ERR_NOMEM, "Not enough memory; try again.");
	rc = account_insert(&q->db, a, e);
	if (rc == 0)
		rc = account_new_session(&q->db, a->id, *session, e);
	return rc;
}

void auth_register_insert(struct request *q)
{
	struct msg_auth_register_reply *reply = &q->reply.auth_register_reply;
	const struct msg_auth_register *in = &q->in.auth_register;
	struct account_new *a = q->state;
	char *session = NULL;
	int64_t accounts;
	struct err e;
	int rc;

	msg_init(&q->reply, MSG_auth_register_reply, q->in.id);
	rc = account_count(&q->db, &accounts, &e);
	if (rc == 0)
		rc = check_token(q, accounts, &e);
	if (rc == 0 && accounts == 0) {
		rc = insert_first(q, a, &session, &e);
	} else if (rc == 0) {
		a->role_id = "global_user";
		rc = account_insert(&q->db, a, &e);
	}
	if (rc == 0)
		rc = audit_append_as(&q->db, "user", a->id, a->username, "auth.register",
		    a->role_id, in->address, &e);
	if (rc == 0)
		rc = account_read(q, a->id, &reply->user.items, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->user.count = 1;
	reply->session = session;
	q->changed = CHANGED_ACCOUNTS | CHANGED_HAS_ACCOUNTS;
}

/* ---- by an administrator ---- */

static int check_role(const struct db *db, const char *role_id, struct err *e)
{
	struct result r = { 0 };
	int rc = SQL(db, &r, e, "SELECT 1 FROM roles WHERE id = ?", value_text(role_id));

	if (rc == 0 && r.nrows == 0)
		rc = err_set(e, ERR_INVALID, "role_id must be the id of a role.");
	result_free(&r);
	return rc;
}

void users_create_check(struct request *q)
{
	const struct msg_users_create *in = &q->in.users_create;
	const char *role_id = in->role_id != NULL ? in->role_id : "global_user";
	struct account_new *a = new_account(q, in->username, in->first_name, in->last_name,
	    role_id);
	struct err e;

	if (a != NULL && (check_role(&q->db, role_id, &e) < 0 ||
	    account_check_new(&q->db, a, in->email, in->password, &e) < 0))
		request_fail_with(q, &e);
}

void users_create_hash(struct request *q)
{
	struct account_new *a = q->state;
	struct err e;

	if (password_hash(q->in.users_create.password, a->hash, &e) < 0)
		request_fail_with(q, &e);
}

void users_create_insert(struct request *q)
{
	struct msg_users_create_reply *reply = &q->reply.users_create_reply;
	struct account_new *a = q->state;
	struct err e;
	int rc;

	msg_init(&q->reply, MSG_users_create_reply, q->in.id);
	rc = account_insert(&q->db, a, &e);
	if (rc == 0)
		rc = audit_append(q, "users.create", a->username, q->in.users_create.address, &e);
	if (rc == 0)
		rc = account_read(q, a->id, &reply->user.items, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	reply->user.count = 1;
	q->changed = CHANGED_ACCOUNTS | CHANGED_HAS_ACCOUNTS;
}

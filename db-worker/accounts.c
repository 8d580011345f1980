/*
 * Accounts: see accounts.h.
 */
#include "db-worker/accounts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "db-worker/passwords.h"

#define LETTERS_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* ---- fields ---- */

int account_check_username(const char *username, struct err *e)
{
	size_t len = strlen(username);

	if (len < 3 || len > 30 || strspn(username, LETTERS_DIGITS "_-") != len)
		return err_set(e, ERR_INVALID, "username must be 3 to 30 letters (a to z), digits, "
		    "underscores or hyphens.");
	return 0;
}

int account_check_name(const char *name, const char *member, struct err *e)
{
	size_t left = name != NULL ? strlen(name) : 0, characters = 0, n;
	uint32_t cp;

	for (; left > 0; name += n, left -= n) {
		n = utf8_decode(name, left, &cp);
		if (n == 0 || utf8_is_control(cp) || ++characters > NAME_CHARACTERS)
			return err_set(e, ERR_INVALID, "%s must have at most %d characters, none of "
			    "them a control character.", member, NAME_CHARACTERS);
	}
	return 0;
}

/* Dot-separated parts of characters from a set, none empty; *parts counts them. */
static bool is_dotted(const char *text, size_t len, const char *set, int *parts)
{
	size_t i, part = 0;

	*parts = 1;
	for (i = 0; i < len; i++) {
		if (text[i] == '.') {
			if (part == 0)
				return false;
			part = 0;
			++*parts;
		} else if (strchr(set, text[i]) != NULL) {
			part++;
		} else {
			return false;
		}
	}
	return part > 0;
}

/* The everyday form of RFC 5321 section 4.1.2: dot-string and domain, in ASCII. */
int account_check_email(const char *email, char lower[EMAIL_SIZE], struct err *e)
{
	const char *at = strchr(email, '@');
	size_t len = strlen(email), i;
	int parts;

	if (at == NULL || len >= EMAIL_SIZE || at - email > 64 ||
	    !is_dotted(email, (size_t)(at - email), LETTERS_DIGITS "!#$%&'*+/=?^_`{|}~-", &parts) ||
	    !is_dotted(at + 1, strlen(at + 1), LETTERS_DIGITS "-", &parts) || parts < 2)
		return err_set(e, ERR_INVALID, "email must be an e-mail address such as "
		    "name@example.org.");
	for (i = 0; i <= len; i++)
		lower[i] = email[i] >= 'A' && email[i] <= 'Z' ? (char)(email[i] + 32) : email[i];
	return 0;
}

/* ---- rows ---- */

static const char *present(struct request *q, const char *text)
{
	return text != NULL ? request_text(q, text) : "";
}

void account_fill(struct request *q, const struct result *r, size_t row, struct rec_user *out)
{
	out->id = present(q, sql_text(r, row, 0));
	out->username = present(q, sql_text(r, row, 1));
	out->email = present(q, sql_text(r, row, 2));
	out->auth_type = present(q, sql_text(r, row, 3));
	out->first_name = request_text(q, sql_text(r, row, 4));
	out->last_name = request_text(q, sql_text(r, row, 5));
	out->github_id = request_text(q, sql_text(r, row, 6));
	out->role_id = present(q, sql_text(r, row, 7));
}

int account_read(struct request *q, const char *id, struct rec_user **out, struct err *e)
{
	struct rec_user *user = request_alloc(q, sizeof(*user));
	struct result r = { 0 };
	int rc;

	if (user == NULL)
		return err_set(e, ERR_NOMEM, "Not enough memory; try again.");
	rc = SQL(&q->db, &r, e, "SELECT " ACCOUNT_COLUMNS " FROM authUser WHERE id = ?",
	    value_text(id));
	if (rc == 0 && r.nrows != 1)
		rc = err_set(e, ERR_NOT_FOUND, "User not found");
	if (rc == 0)
		account_fill(q, &r, 0, user);
	result_free(&r);
	*out = user;
	return rc;
}

static int find(const struct db *db, const char *sql, const char *text, char id[65],
    struct err *e)
{
	struct result r = { 0 };
	int rc = SQL(db, &r, e, sql, value_text(text));

	id[0] = '\0';
	if (rc == 0 && r.nrows > 0 && sql_text(&r, 0, 0) != NULL)
		snprintf(id, 65, "%s", sql_text(&r, 0, 0));
	result_free(&r);
	return rc;
}

int account_find_username(const struct db *db, const char *username, char id[65], struct err *e)
{
	return find(db, "SELECT id FROM authUser WHERE username = ? COLLATE NOCASE", username, id,
	    e);
}

int account_find_email(const struct db *db, const char *email, char id[65], struct err *e)
{
	return find(db, "SELECT id FROM authUser WHERE email = ?", email, id, e);
}

int account_count(const struct db *db, int64_t *n, struct err *e)
{
	struct result r = { 0 };
	int rc = sql_run(db, &r, e, "SELECT count(*) FROM authUser", NULL, 0);

	*n = rc == 0 && r.nrows == 1 ? sql_integer(&r, 0, 0) : 0;
	result_free(&r);
	return rc;
}

/* ---- new ones ---- */

static int check_free(const struct db *db, const struct account_new *a, struct err *e)
{
	char id[65];
	int rc = account_find_username(db, a->username, id, e);

	if (rc == 0 && id[0] != '\0')
		return err_set(e, ERR_EXISTS, "Username already taken.");
	if (rc == 0)
		rc = account_find_email(db, a->email, id, e);
	if (rc == 0 && id[0] != '\0')
		return err_set(e, ERR_EXISTS, "Email address already in use.");
	return rc;
}

int account_check_new(const struct db *db, struct account_new *a, const char *email,
    const char *password, struct err *e)
{
	int rc = account_check_username(a->username, e);

	if (rc == 0)
		rc = account_check_email(email, a->email, e);
	if (rc == 0)
		rc = password_check(password, "password", e);
	if (rc == 0)
		rc = account_check_name(a->first_name, "first_name", e);
	if (rc == 0)
		rc = account_check_name(a->last_name, "last_name", e);
	return rc == 0 ? check_free(db, a, e) : rc;
}

int account_insert(const struct db *db, struct account_new *a, struct err *e)
{
	int rc = check_free(db, a, e);

	id_new(a->id);
	if (rc == 0)
		rc = SQL(db, NULL, e, "INSERT INTO authUser (id, username, email, auth_type, "
		    "first_name, last_name, hashed_password, role_id, email_verified) "
		    "VALUES (?, ?, ?, 'email_signup', ?, ?, ?, ?, 0)",
		    value_text(a->id), value_text(a->username), value_text(a->email),
		    value_text(a->first_name), value_text(a->last_name), value_text(a->hash),
		    value_text(a->role_id));
	return rc;
}

int account_new_session(const struct db *db, const char *user_id,
    char text[CREDENTIAL_TEXT_SIZE], struct err *e)
{
	int64_t now = clock_wall_ms() / 1000;
	char id[65];
	int rc;

	credential_new("", text, id);
	rc = SQL(db, NULL, e, "DELETE FROM authSession WHERE user_id = ? AND (expires_at <= ? OR "
	    "id NOT IN (SELECT id FROM authSession WHERE user_id = ? ORDER BY expires_at DESC "
	    "LIMIT ?))", value_text(user_id), value_integer(now), value_text(user_id),
	    value_integer(SESSIONS_MAX - 1));
	if (rc == 0)
		rc = SQL(db, NULL, e, "INSERT INTO authSession (id, user_id, expires_at) "
		    "VALUES (?, ?, ?)", value_text(id), value_text(user_id),
		    value_integer(now + SESSION_SECONDS));
	return rc;
}

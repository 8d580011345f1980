/*
 * Rows of authUser and the rules for their fields; what registration, login, the
 * profile and administration share.
 */
#ifndef DB_WORKER_ACCOUNTS_H
#define DB_WORKER_ACCOUNTS_H

#include "db-worker/requests.h"

#define EMAIL_SIZE 255
#define NAME_CHARACTERS 100

/* Each ERR_INVALID with a sentence for the client. */
int account_check_username(const char *username, struct err *e);
int account_check_name(const char *name, const char *member, struct err *e); /* NULL is fine */
/* Writes the lower-case form, which is what is stored and compared. */
int account_check_email(const char *email, char lower[EMAIL_SIZE], struct err *e);

/* In SELECT, for account_fill. */
#define ACCOUNT_COLUMNS \
	"id, username, email, auth_type, first_name, last_name, github_id, role_id"

/* Copies a row that begins with ACCOUNT_COLUMNS into the request's memory. */
void account_fill(struct request *q, const struct result *r, size_t row, struct rec_user *out);

/* The account with that id as a list of one; ERR_NOT_FOUND. */
int account_read(struct request *q, const char *id, struct rec_user **out, struct err *e);

/* The id of the account that has this name (in any case) or address, "" for none. */
int account_find_username(const struct db *db, const char *username, char id[65], struct err *e);
int account_find_email(const struct db *db, const char *email, char id[65], struct err *e);

int account_count(const struct db *db, int64_t *n, struct err *e);

struct account_new {
	const char *username, *first_name, *last_name, *role_id;
	char email[EMAIL_SIZE];
	char hash[128];
	char id[65];
};

/* Checks names, addresses and the password, and that the first two are free.
 * ERR_INVALID; ERR_EXISTS. */
int account_check_new(const struct db *db, struct account_new *a, const char *email,
    const char *password, struct err *e);

/* Inserts it with a new id; names and addresses that were taken meanwhile are
 * ERR_EXISTS. */
int account_insert(const struct db *db, struct account_new *a, struct err *e);

/* A new session of the account; text is for the cookie.  Expired ones and the oldest
 * above SESSIONS_MAX of the same account go. */
#define SESSIONS_MAX 100
#define SESSION_SECONDS (30 * 24 * 3600)
int account_new_session(const struct db *db, const char *user_id,
    char text[CREDENTIAL_TEXT_SIZE], struct err *e);

#endif

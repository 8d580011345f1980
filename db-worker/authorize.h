/*
 * Who sent a request, and what that caller may do.  The one place where sessions,
 * API tokens and the operator's token become an identity.
 */
#ifndef DB_WORKER_AUTHORIZE_H
#define DB_WORKER_AUTHORIZE_H

#include <stddef.h>
#include <stdint.h>

#include "db-worker/sql.h"
#include "ipc/messages.h"

enum identity_kind { IDENTITY_NONE, IDENTITY_USER, IDENTITY_TOKEN, IDENTITY_OPERATOR };

struct identity {
	enum identity_kind kind;
	char id[65];          /* of the user or API token */
	char name[101];       /* for the audit log */
	char session[65];     /* IDENTITY_USER: id of the session's row */
	char plugin_id[65];   /* IDENTITY_TOKEN: bound to this plugin; "": not */
	uint32_t permissions; /* mask of PERMISSION_BIT */
	int64_t expires_at;   /* seconds since 1970; 0: never */
};

#define CREDENTIAL_TEXT_SIZE 48 /* with its NUL: prefix, 43 characters, NUL */

/* A new session or token: its random text (prefix of at most 4 bytes, then 256 bits)
 * and the hexadecimal hash that is stored. */
void credential_new(const char *prefix, char text[CREDENTIAL_TEXT_SIZE], char hash[65]);
void credential_hash(const char *text, char hash[65]);

#define API_TOKEN_PREFIX "dst_"
#define OPERATOR_TOKEN_PREFIX "dso_"

/* A new random id, URL-safe, 20 characters. */
#define ID_SIZE 21
void id_new(char id[ID_SIZE]);

/* A cache of the identities that were looked up. */
struct identities;

int identities_new(struct identities **out, struct err *e);
void identities_free(struct identities *ids);

/* hash: BLAKE2b-256 of control.token; another length: nobody is the operator. */
void identities_set_operator(struct identities *ids, const void *hash, size_t len);

/* Forgets all, after accounts, roles, sessions or tokens changed. */
void identities_forget(struct identities *ids);

/* 1 and *out, also IDENTITY_NONE, when it is known without the database; else 0. */
int identities_find(struct identities *ids, enum ipc_credential kind, const char *text,
    struct identity *out);

/* Asks the database.  *out is IDENTITY_NONE for what is not valid.  Codes of the
 * driver. */
int identities_look_up(struct identities *ids, const struct db *db, enum ipc_credential kind,
    const char *text, struct identity *out, struct err *e);

/* 0, ERR_UNKNOWN_CALLER or ERR_DENIED, with a sentence for the client. */
int identity_check(const struct identity *who, enum permission needed, struct err *e);

/* The permission that an API token's scope gives; PERMISSION_public for none. */
enum permission scope_permission(const char *scope, size_t len);

#endif

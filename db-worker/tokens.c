/*
 * Messages tokens_list, tokens_create and tokens_revoke: API tokens for machines.
 */
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "db-worker/accounts.h"
#include "db-worker/audit.h"
#include "db-worker/handlers.h"

#define TOKENS_MAX 1000
#define LIFETIME_MAX (INT64_C(3650) * 24 * 3600)

#define COLUMNS "id, name, scopes, plugin_id, created_by, created_at, expires_at, " \
	"last_used_at, revoked_at"

/* Calls use for each name of a text with single spaces; stops at the first failure. */
static int each_scope(const char *scopes, int (*use)(void *arg, const char *name, size_t len),
    void *arg)
{
	int rc = 0;

	while (rc == 0) {
		size_t len = strcspn(scopes, " ");

		rc = use(arg, scopes, len);
		if (scopes[len] == '\0')
			break;
		scopes += len + 1;
	}
	return rc;
}

static int is_scope(void *arg, const char *name, size_t len)
{
	return scope_permission(name, len) != PERMISSION_public ? 0 : ERR_INVALID;
}

static int put_scope(void *arg, const char *name, size_t len)
{
	struct buf *b = arg;

	buf_putc(b, b->len == 0 ? '[' : ',');
	return json_put_string(b, name, len);
}

/* The stored JSON array as names separated by spaces. */
static const char *scopes_text(struct request *q, const char *json)
{
	char *out = json != NULL ? request_alloc(q, strlen(json) + 1) : NULL, *to = out;

	/* Scope names need no escapes. */
	for (; out != NULL && *json != '\0'; json++)
		if (*json == ',')
			*to++ = ' ';
		else if (strchr("[]\" ", *json) == NULL)
			*to++ = *json;
	return out;
}

static void fill(struct request *q, const struct result *r, size_t row, struct rec_token *out)
{
	out->id = request_text(q, sql_text(r, row, 0));
	out->name = request_text(q, sql_text(r, row, 1));
	out->scopes = scopes_text(q, sql_text(r, row, 2));
	out->plugin_id = request_text(q, sql_text(r, row, 3));
	out->created_by = request_text(q, sql_text(r, row, 4));
	out->created_at = sql_integer(r, row, 5);
	out->expires_at = sql_integer(r, row, 6);
	out->last_used_at = sql_integer(r, row, 7);
	out->revoked_at = sql_integer(r, row, 8);
}

void tokens_list(struct request *q)
{
	struct msg_tokens_list_reply *reply = &q->reply.tokens_list_reply;
	struct result r = { 0 };
	struct err e;
	size_t i;

	if (SQL(&q->db, &r, &e, "SELECT " COLUMNS " FROM apiTokens ORDER BY created_at DESC, id "
	    "LIMIT ?", value_integer(TOKENS_MAX)) < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_tokens_list_reply, q->in.id);
	reply->tokens.count = (uint32_t)r.nrows;
	reply->tokens.items = request_alloc(q, (r.nrows + 1) * sizeof(struct rec_token));
	for (i = 0; q->code == 0 && i < r.nrows; i++)
		fill(q, &r, i, &reply->tokens.items[i]);
	result_free(&r);
}

static int check(const struct msg_tokens_create *in, struct err *e)
{
	int rc = 0;

	if (in->name == NULL || in->name[0] == '\0')
		return err_set(e, ERR_INVALID, "name must not be empty.");
	rc = account_check_name(in->name, "name", e);
	if (rc == 0 && (in->scopes == NULL || each_scope(in->scopes, is_scope, NULL) < 0))
		rc = err_set(e, ERR_INVALID, "scopes must be any of settings:read, settings:write, "
		    "settings:delete, sql:read, sql:write and sql:schema.");
	if (rc == 0 && in->plugin_id != NULL && (in->plugin_id[0] == '\0' ||
	    strlen(in->plugin_id) > 64 || in->plugin_id[strspn(in->plugin_id,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] != '\0'))
		rc = err_set(e, ERR_INVALID, "plugin_id must be 1 to 64 letters, digits, hyphens or "
		    "underscores.");
	if (rc == 0 && (in->expires_in_s < 0 || in->expires_in_s > LIFETIME_MAX))
		rc = err_set(e, ERR_INVALID, "expires_in_days must be a number from 1 to 3650, or "
		    "null for never.");
	return rc;
}

static int insert(struct request *q, const char *hash, const char *id, struct err *e)
{
	const struct msg_tokens_create *in = &q->in.tokens_create;
	int64_t now = clock_wall_ms() / 1000;
	struct buf scopes;
	int rc;

	buf_init(&scopes, 4096);
	each_scope(in->scopes, put_scope, &scopes);
	buf_putc(&scopes, ']');
	rc = buf_cstr(&scopes) == NULL || scopes.failed ?
	    err_set(e, ERR_INVALID, "scopes are too many.") :
	    SQL(&q->db, NULL, e, "INSERT INTO apiTokens (id, name, token_hash, scopes, plugin_id, "
	    "created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    value_text(id), value_text(in->name), value_text(hash), value_text(buf_cstr(&scopes)),
	    value_text(in->plugin_id),
	    q->caller.kind == IDENTITY_USER ? value_text(q->caller.id) : value_null(),
	    value_integer(now),
	    in->expires_in_s > 0 ? value_integer(now + in->expires_in_s) : value_null());
	buf_free(&scopes);
	return rc;
}

void tokens_create(struct request *q)
{
	struct msg_tokens_create_reply *reply = &q->reply.tokens_create_reply;
	const struct msg_tokens_create *in = &q->in.tokens_create;
	char *text = request_alloc(q, CREDENTIAL_TEXT_SIZE), hash[65], id[ID_SIZE];
	struct result r = { 0 };
	struct err e;
	int rc;

	if (text == NULL)
		return;
	msg_init(&q->reply, MSG_tokens_create_reply, q->in.id);
	credential_new(API_TOKEN_PREFIX, text, hash);
	id_new(id);
	rc = check(in, &e);
	if (rc == 0)
		rc = insert(q, hash, id, &e);
	if (rc == 0)
		rc = audit_append(q, "tokens.create", in->name, in->address, &e);
	if (rc == 0)
		rc = SQL(&q->db, &r, &e, "SELECT " COLUMNS " FROM apiTokens WHERE id = ?",
		    value_text(id));
	reply->text = text;
	reply->token.items = request_alloc(q, sizeof(struct rec_token));
	reply->token.count = 1;
	if (rc < 0)
		request_fail_with(q, &e);
	else if (reply->token.items != NULL && r.nrows == 1)
		fill(q, &r, 0, reply->token.items);
	result_free(&r);
}

void tokens_revoke(struct request *q)
{
	const struct msg_tokens_revoke *in = &q->in.tokens_revoke;
	struct result r = { 0 };
	struct err e;
	int rc = SQL(&q->db, &r, &e, "SELECT name, revoked_at FROM apiTokens WHERE id = ?",
	    value_text(in->id));

	if (rc == 0 && r.nrows == 0)
		rc = err_set(&e, ERR_NOT_FOUND, "API token not found");
	if (rc == 0 && result_value(&r, 0, 1)->kind == VALUE_NULL) {
		rc = SQL(&q->db, NULL, &e, "UPDATE apiTokens SET revoked_at = ? WHERE id = ?",
		    value_integer(clock_wall_ms() / 1000), value_text(in->id));
		if (rc == 0)
			rc = audit_append(q, "tokens.revoke", sql_text(&r, 0, 0), in->address, &e);
	}
	if (rc < 0)
		request_fail_with(q, &e);
	result_free(&r);
	msg_init(&q->reply, MSG_tokens_revoke_reply, q->in.id);
	q->changed = CHANGED_ACCOUNTS;
}

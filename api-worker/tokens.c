/*
 * /api/tokens: API tokens for machines.
 */
#include "api-worker/ask.h"
#include "api-worker/body.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"

#define ANSWER_MAX (4u << 20)
#define SCOPES_MAX 16
#define DAY_S 86400
#define DEFAULT_DAYS 90

static void put_token(struct buf *b, const char *name, const struct rec_token *t)
{
	json_open(b, name, '{');
	json_text(b, "id", t->id);
	json_text(b, "name", t->name);
	json_names(b, "scopes", t->scopes);
	json_text(b, "plugin_id", t->plugin_id);
	json_text(b, "created_by", t->created_by);
	json_time_s(b, "created_at", t->created_at);
	json_time_s(b, "expires_at", t->expires_at);
	json_time_s(b, "last_used_at", t->last_used_at);
	json_time_s(b, "revoked_at", t->revoked_at);
	json_close(b, '}');
}

static void on_tokens(struct exchange *x, const struct msg *reply)
{
	const struct msg_tokens_list_reply *r = &reply->tokens_list_reply;
	struct buf b;
	uint32_t i;

	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_open(&b, "data", '[');
	for (i = 0; i < r->tokens.count; i++)
		put_token(&b, NULL, &r->tokens.items[i]);
	json_close(&b, ']');
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

void handle_tokens_list(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_tokens_list, 0);
	ask(x, &m, MSG_tokens_list_reply, on_tokens, 0);
}

static void on_created(struct exchange *x, const struct msg *reply)
{
	const struct msg_tokens_create_reply *r = &reply->tokens_create_reply;
	struct buf b;

	if (r->token.count != 1 || r->text == NULL) {
		answer_error(x, 500, "The API token was made, but not told.");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_text(&b, "message", "API token created; it is shown only now.");
	json_text(&b, "token", r->text);
	put_token(&b, "data", r->token.items);
	json_close(&b, '}');
	answer_json_buf(x, 201, &b);
}

/* The array of scopes as one text, separated by spaces. */
static const char *read_scopes(struct body *b, struct buf *out)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, body_array(b, b->root, "scopes", SCOPES_MAX)) {
		if (!cJSON_IsString(item) || item->valuestring[0] == '\0' ||
		    strpbrk(item->valuestring, " ,\"[]\\") != NULL)
			body_wrong(b, "scopes must be names such as settings:read.");
		else if (out->len > 0)
			buf_putc(out, ' ');
		if (cJSON_IsString(item))
			buf_puts(out, item->valuestring);
	}
	if (out->len == 0 || out->failed)
		body_wrong(b, "scopes must be names such as settings:read, at least one.");
	return buf_cstr(out);
}

static int64_t read_lifetime(struct body *b)
{
	const cJSON *days = cJSON_GetObjectItemCaseSensitive(b->root, "expires_in_days");
	int64_t n;

	if (cJSON_IsNull(days))
		return 0;
	n = body_integer(b, b->root, "expires_in_days", DEFAULT_DAYS);
	if (n < 1 || n > 3650)
		body_wrong(b, "expires_in_days must be a number from 1 to 3650, or null for never.");
	return n * DAY_S;
}

void handle_tokens_create(struct exchange *x)
{
	struct buf scopes;
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	buf_init(&scopes, 1024);
	msg_init(&m, MSG_tokens_create, 0);
	m.tokens_create.name = body_text(&b, b.root, "name", 400, true);
	m.tokens_create.scopes = read_scopes(&b, &scopes);
	m.tokens_create.plugin_id = body_text(&b, b.root, "plugin_id", 255, false);
	m.tokens_create.expires_in_s = read_lifetime(&b);
	m.tokens_create.address = x->peer;
	if (body_is_right(x, &b)) {
		ask(x, &m, MSG_tokens_create_reply, on_created, 0);
		body_free(&b);
	}
	buf_free(&scopes);
}

static void on_revoked(struct exchange *x, const struct msg *reply)
{
	answer_json(x, 200, "{\"success\":true,\"message\":\"API token revoked.\"}");
}

void handle_tokens_revoke(struct exchange *x)
{
	struct msg m;
	char id[65];

	/* A longer one is not cut to one that exists. */
	if (x->param.len >= sizeof(id)) {
		answer_refused(x, 404, "API token not found");
		return;
	}
	route_param(x, id, sizeof(id));
	msg_init(&m, MSG_tokens_revoke, 0);
	m.tokens_revoke.id = id;
	m.tokens_revoke.address = x->peer;
	ask(x, &m, MSG_tokens_revoke_reply, on_revoked, 0);
}

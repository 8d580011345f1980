/*
 * GET /api/audit: who changed what and when.
 */
#include "api-worker/ask.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"

#define ANSWER_MAX (4u << 20)
#define DEFAULT_LIMIT 100

static void put_entry(struct buf *b, const struct rec_audit *a)
{
	json_open(b, NULL, '{');
	json_integer(b, "id", a->id);
	json_time_ms(b, "at", a->at_ms);
	json_text(b, "actor_type", a->actor_type);
	json_text(b, "actor_id", a->actor_id);
	json_text(b, "actor_name", a->actor_name);
	json_text(b, "action", a->action);
	json_text(b, "target", a->target);
	json_text(b, "address", a->address);
	json_close(b, '}');
}

static void on_entries(struct exchange *x, const struct msg *reply)
{
	const struct msg_audit_list_reply *r = &reply->audit_list_reply;
	struct buf b;
	uint32_t i;

	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_open(&b, "data", '[');
	for (i = 0; i < r->entries.count; i++)
		put_entry(&b, &r->entries.items[i]);
	json_close(&b, ']');
	if (r->more && r->entries.count > 0)
		json_integer(&b, "next_before", r->entries.items[r->entries.count - 1].id);
	else
		json_text(&b, "next_before", NULL);
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

/* Takes "name=number" members off the query; false for anything else. */
static bool read_query(struct http_text query, uint64_t *limit, uint64_t *before)
{
	while (query.len > 0) {
		const char *ampersand = memchr(query.at, '&', query.len);
		size_t len = ampersand != NULL ? (size_t)(ampersand - query.at) : query.len;
		struct http_text pair = { query.at, len }, value;
		uint64_t *out = NULL;
		size_t name = 0;

		if (pair.len > 6 && memcmp(pair.at, "limit=", 6) == 0) {
			out = limit;
			name = 6;
		} else if (pair.len > 7 && memcmp(pair.at, "before=", 7) == 0) {
			out = before;
			name = 7;
		}
		value = (struct http_text){ pair.at + name, pair.len - name };
		if (out == NULL || !http_number(value, out))
			return false;
		query.at += len + (ampersand != NULL);
		query.len -= len + (ampersand != NULL);
	}
	return true;
}

void handle_audit_list(struct exchange *x)
{
	uint64_t limit = DEFAULT_LIMIT, before = 0;
	struct msg m;

	/* What is wrong is said to those only who may ask: the db-worker refuses 0. */
	if (!read_query(exchange_request(x)->target.query, &limit, &before) || limit > 1000)
		limit = 0;
	msg_init(&m, MSG_audit_list, 0);
	m.audit_list.limit = (uint32_t)limit;
	m.audit_list.before = (int64_t)before;
	ask(x, &m, MSG_audit_list_reply, on_entries, 0);
}

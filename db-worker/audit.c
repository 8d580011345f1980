/*
 * The audit log: see audit.h.
 */
#include "db-worker/audit.h"

#include "base/clock.h"
#include "db-worker/handlers.h"

int audit_append_as(const struct db *db, const char *actor_type, const char *actor_id,
    const char *actor_name, const char *action, const char *target, const char *address,
    struct err *e)
{
	return SQL(db, NULL, e, "INSERT INTO auditLog (at_ms, actor_type, actor_id, actor_name, "
	    "action, target, address) VALUES (?, ?, ?, ?, ?, ?, ?)",
	    value_integer(clock_wall_ms()), value_text(actor_type), value_text(actor_id),
	    value_text(actor_name), value_text(action), value_text(target), value_text(address));
}

int audit_append(const struct request *q, const char *action, const char *target,
    const char *address, struct err *e)
{
	static const char *const types[] = {
		[IDENTITY_NONE] = "anonymous",
		[IDENTITY_USER] = "user",
		[IDENTITY_TOKEN] = "token",
		[IDENTITY_OPERATOR] = "operator",
	};
	const struct identity *who = &q->caller;
	bool named = who->kind == IDENTITY_USER || who->kind == IDENTITY_TOKEN;

	return audit_append_as(&q->db, types[who->kind], named ? who->id : NULL,
	    named ? who->name : NULL, action, target, address, e);
}

static void fill(struct request *q, const struct result *r, size_t row, struct rec_audit *out)
{
	out->id = sql_integer(r, row, 0);
	out->at_ms = sql_integer(r, row, 1);
	out->actor_type = request_text(q, sql_text(r, row, 2));
	out->actor_id = request_text(q, sql_text(r, row, 3));
	out->actor_name = request_text(q, sql_text(r, row, 4));
	out->action = request_text(q, sql_text(r, row, 5));
	out->target = request_text(q, sql_text(r, row, 6));
	out->address = request_text(q, sql_text(r, row, 7));
}

void audit_list(struct request *q)
{
	const struct msg_audit_list *in = &q->in.audit_list;
	struct msg_audit_list_reply *reply = &q->reply.audit_list_reply;
	uint32_t limit = in->limit, i;
	struct result r = { 0 };
	struct err e;

	if (limit < 1 || limit > 1000) {
		request_fail(q, ERR_INVALID, "limit must be a number from 1 to 1000.");
		return;
	}
	if (SQL(&q->db, &r, &e, "SELECT id, at_ms, actor_type, actor_id, actor_name, action, "
	    "target, address FROM auditLog WHERE id < ? ORDER BY id DESC LIMIT ?",
	    value_integer(in->before > 0 ? in->before : INT64_MAX),
	    value_integer((int64_t)limit + 1)) < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_audit_list_reply, q->in.id);
	reply->more = r.nrows > limit;
	reply->entries.count = reply->more ? limit : (uint32_t)r.nrows;
	reply->entries.items = request_alloc(q, (limit + 1) * sizeof(struct rec_audit));
	for (i = 0; q->code == 0 && i < reply->entries.count; i++)
		fill(q, &r, i, &reply->entries.items[i]);
	result_free(&r);
}

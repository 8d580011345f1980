/*
 * Messages settings_create, settings_update, settings_delete and settings_bulk.
 */
#include <string.h>

#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/services.h"
#include "db-worker/settings_store.h"

/* One setting; list is of the message that came, out of the one that goes. */
static void store_one(struct request *q, const struct rec_setting *in, uint32_t count,
    enum setting_act act, const char *address, struct rec_setting **out)
{
	struct err e;
	int rc = 0;

	*out = request_alloc(q, sizeof(**out));
	if (*out == NULL)
		return;
	if (count != 1)
		rc = err_set(&e, ERR_INVALID, "One setting is wanted.");
	if (rc == 0)
		rc = setting_store(q, in, act, *out, &e);
	if (rc == 0)
		rc = audit_append(q, act == SETTING_CREATE ? "settings.create" : "settings.update",
		    in->key, address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	q->changed = CHANGED_SETTINGS;
}

void settings_create(struct request *q)
{
	const struct msg_settings_create *in = &q->in.settings_create;
	struct msg_settings_create_reply *reply = &q->reply.settings_create_reply;

	msg_init(&q->reply, MSG_settings_create_reply, q->in.id);
	store_one(q, in->setting.items, in->setting.count, SETTING_CREATE, in->address,
	    &reply->setting.items);
	reply->setting.count = 1;
}

void settings_update(struct request *q)
{
	const struct msg_settings_update *in = &q->in.settings_update;
	struct msg_settings_update_reply *reply = &q->reply.settings_update_reply;

	msg_init(&q->reply, MSG_settings_update_reply, q->in.id);
	store_one(q, in->setting.items, in->setting.count, SETTING_UPDATE, in->address,
	    &reply->setting.items);
	reply->setting.count = 1;
}

void settings_delete(struct request *q)
{
	const struct msg_settings_delete *in = &q->in.settings_delete;
	struct result r = { 0 };
	struct err e;
	int rc = setting_check_key(in->key, &e);

	msg_init(&q->reply, MSG_settings_delete_reply, q->in.id);
	if (rc == 0)
		rc = SQL(&q->db, &r, &e, "DELETE FROM globalSettings WHERE key = ?",
		    value_text(in->key));
	if (rc == 0 && r.rows_affected == 0)
		rc = err_set(&e, ERR_NOT_FOUND, "Setting not found");
	if (rc == 0)
		rc = audit_append(q, "settings.delete", in->key, in->address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	result_free(&r);
	q->changed = CHANGED_SETTINGS;
}

/* A failure of one setting that does not concern the others. */
static bool is_its_own(int code)
{
	return code == ERR_INVALID || code == ERR_EXISTS || code == ERR_NOT_FOUND ||
	    code == ERR_CORRUPT || code == ERR_CONFIG;
}

static int store_each(struct request *q, struct rec_setting *stored,
    struct rec_setting_error *errors, uint32_t *nstored, uint32_t *nerrors, struct err *e)
{
	const struct msg_settings_bulk *in = &q->in.settings_bulk;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < in->settings.count; i++) {
		const struct rec_setting *s = &in->settings.items[i];

		/* A setting that is refused has written nothing. */
		rc = setting_store(q, s, SETTING_CREATE_OR_UPDATE, &stored[*nstored], e);
		if (rc == 0) {
			rc = audit_append(q, "settings.update", s->key, in->address, e);
			++*nstored;
		} else if (is_its_own(rc)) {
			errors[*nerrors].key = s->key;
			errors[(*nerrors)++].text = request_text(q, e->text);
			rc = q->code;
		}
	}
	return rc;
}

void settings_bulk(struct request *q)
{
	struct msg_settings_bulk_reply *reply = &q->reply.settings_bulk_reply;
	size_t n = q->in.settings_bulk.settings.count + 1;
	struct err e;

	msg_init(&q->reply, MSG_settings_bulk_reply, q->in.id);
	reply->settings.items = request_alloc(q, n * sizeof(struct rec_setting));
	reply->errors.items = request_alloc(q, n * sizeof(struct rec_setting_error));
	if (q->code == 0 && store_each(q, reply->settings.items, reply->errors.items,
	    &reply->settings.count, &reply->errors.count, &e) < 0)
		request_fail_with(q, q->code < 0 ? &q->error : &e);
	q->changed = CHANGED_SETTINGS;
}

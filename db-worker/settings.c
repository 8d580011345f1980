/*
 * Messages settings_list, settings_get, settings_groups and settings_health: what
 * only reads.
 */
#include <string.h>
#include <strings.h>

#include "db-worker/handlers.h"
#include "db-worker/services.h"
#include "db-worker/settings_store.h"

#define PAGE 1000
#define PAGE_BYTES (1u << 20)
#define GROUPS_MAX 1000

static void open_reader(struct request *q, struct setting_reader *r)
{
	struct services *s = q->services;
	struct err e;

	if (setting_reader_open(r, s->values, s->cipher, &q->db, &e) < 0)
		request_fail_with(q, &e);
}

void settings_get(struct request *q)
{
	struct msg_settings_get_reply *reply = &q->reply.settings_get_reply;
	const char *key = q->in.settings_get.key;
	struct setting_reader r;
	struct setting_row row;
	struct err e;

	if (setting_check_key(key, &e) < 0) {
		request_fail_with(q, &e);
		return;
	}
	open_reader(q, &r);
	if (q->code < 0)
		return;
	msg_init(&q->reply, MSG_settings_get_reply, q->in.id);
	reply->setting.items = request_alloc(q, sizeof(struct rec_setting));
	reply->setting.count = 1;
	if (!setting_find(&r, key, &row))
		request_fail(q, ERR_NOT_FOUND, "Setting not found");
	else if (reply->setting.items != NULL)
		setting_fill(q, &r, &row, reply->setting.items);
	setting_reader_close(&r);
}

/* Without regard to the case of ASCII letters. */
static bool is_wanted(const struct msg_settings_list *in, const struct setting_row *row)
{
	if (in->after != NULL && strcmp(row->key, in->after) <= 0)
		return false;
	if (in->group_id != NULL &&
	    (row->group_id == NULL || strcmp(row->group_id, in->group_id) != 0))
		return false;
	return in->pattern == NULL || strcasestr(row->key, in->pattern) != NULL;
}

void settings_list(struct request *q)
{
	const struct msg_settings_list *in = &q->in.settings_list;
	struct msg_settings_list_reply *reply = &q->reply.settings_list_reply;
	struct setting_reader r;
	size_t i, bytes = 0;

	open_reader(q, &r);
	if (q->code < 0)
		return;
	msg_init(&q->reply, MSG_settings_list_reply, q->in.id);
	reply->settings.items = request_alloc(q, PAGE * sizeof(struct rec_setting));
	for (i = 0; q->code == 0 && i < setting_count(&r); i++) {
		struct setting_row row = setting_at(&r, i);

		if (!is_wanted(in, &row))
			continue;
		reply->more = reply->settings.count == PAGE || bytes > PAGE_BYTES;
		if (reply->more)
			break;
		setting_fill(q, &r, &row, &reply->settings.items[reply->settings.count++]);
		bytes += strlen(row.key) + strlen(row.value);
	}
	setting_reader_close(&r);
}

void settings_groups(struct request *q)
{
	struct msg_settings_groups_reply *reply = &q->reply.settings_groups_reply;
	struct result r = { 0 };
	struct err e;
	size_t i;

	if (SQL(&q->db, &r, &e, "SELECT " SETTING_GROUP_COLUMNS " FROM globalSettingGroups "
	    "ORDER BY sort_order, id LIMIT ?", value_integer(GROUPS_MAX)) < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_settings_groups_reply, q->in.id);
	reply->groups.count = (uint32_t)r.nrows;
	reply->groups.items = request_alloc(q, (r.nrows + 1) * sizeof(struct rec_setting_group));
	for (i = 0; q->code == 0 && i < r.nrows; i++)
		setting_group_fill(q, &r, i, &reply->groups.items[i]);
	result_free(&r);
}

void settings_health(struct request *q)
{
	struct setting_reader r;
	struct err problem = { 0 };

	open_reader(q, &r);
	if (q->code < 0)
		return;
	msg_init(&q->reply, MSG_settings_health_reply, q->in.id);
	q->reply.settings_health_reply.working = settings_secrets_check(&r, &problem) == 0;
	if (!q->reply.settings_health_reply.working)
		q->reply.settings_health_reply.problem = request_text(q, problem.text);
	setting_reader_close(&r);
}

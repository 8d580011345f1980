/*
 * /api/settings: what only reads.
 */
#include <string.h>

#include "api-worker/ask.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"
#include "api-worker/pages.h"
#include "api-worker/settings_json.h"
#include "base/clock.h"

#define ANSWER_MAX 8192

/* ---- lists: all, of a group, by a pattern ---- */

static void ask_settings(struct exchange *x, const char *after);

static void on_settings(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_list_reply *r = &reply->settings_list_reply;
	struct buf *b = &pages_of(x)->json;
	uint32_t i;

	for (i = 0; i < r->settings.count; i++)
		json_setting(b, NULL, &r->settings.items[i]);
	if (r->more && r->settings.count > 0 && !b->failed)
		ask_settings(x, r->settings.items[r->settings.count - 1].key);
	else
		pages_end(x);
}

static void ask_settings(struct exchange *x, const char *after)
{
	const struct pages *p = pages_of(x);
	struct msg m;

	msg_init(&m, MSG_settings_list, 0);
	m.settings_list.after = after;
	m.settings_list.group_id = p->group_id[0] != '\0' ? p->group_id : NULL;
	m.settings_list.pattern = p->pattern[0] != '\0' ? p->pattern : NULL;
	ask(x, &m, MSG_settings_list_reply, on_settings, 0);
}

void handle_settings_list(struct exchange *x)
{
	if (pages_begin(x) != NULL)
		ask_settings(x, NULL);
}

void handle_settings_of_group(struct exchange *x)
{
	struct pages *p = pages_begin(x);

	if (p == NULL)
		return;
	/* One that is cut here is longer than every id. */
	route_param(x, p->group_id, sizeof(p->group_id));
	ask_settings(x, NULL);
}

void handle_settings_search(struct exchange *x)
{
	const char *pattern;
	struct pages *p;
	struct body b;

	if (!body_read(x, &b))
		return;
	pattern = body_text(&b, b.root, "pattern", 255, true);
	if (pattern != NULL && pattern[0] == '\0')
		body_wrong(&b, "pattern must not be empty.");
	if (!body_is_right(x, &b))
		return;
	p = pages_begin(x);
	if (p != NULL) {
		memcpy(p->pattern, pattern, strlen(pattern) + 1);
		ask_settings(x, NULL);
	}
	body_free(&b);
}

/* ---- one ---- */

static void on_setting(struct exchange *x, const struct msg *reply)
{
	if (reply->settings_get_reply.setting.count == 1)
		answer_setting(x, 200, reply->settings_get_reply.setting.items, NULL);
	else
		answer_error(x, 500, "The setting was not told.");
}

void handle_settings_get(struct exchange *x)
{
	struct msg m;
	char key[512];

	route_param(x, key, sizeof(key));
	msg_init(&m, MSG_settings_get, 0);
	m.settings_get.key = key;
	ask(x, &m, MSG_settings_get_reply, on_setting, 0);
}

/* ---- health ---- */

static void on_health(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_health_reply *r = &reply->settings_health_reply;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", r->working);
	json_open(&b, "data", '{');
	json_boolean(&b, "encryption_working", r->working);
	json_time_ms(&b, "timestamp", clock_wall_ms());
	json_close(&b, '}');
	if (r->working)
		json_text(&b, "message", "Global settings system is healthy");
	else
		json_text(&b, "error", r->problem != NULL ? r->problem : "A secret does not decrypt.");
	json_close(&b, '}');
	answer_json_buf(x, r->working ? 200 : 500, &b);
}

void handle_settings_health(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_settings_health, 0);
	ask(x, &m, MSG_settings_health_reply, on_health, 0);
}

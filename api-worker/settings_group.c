/*
 * /api/settings/groups and /api/settings/categories.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-worker/ask.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"
#include "api-worker/settings_json.h"

#define ANSWER_MAX (12u << 20)
#define HEAD_MAX 65536

/* ---- groups with their settings: first the groups, then all settings ---- */

struct group {
	char id[101];
	struct buf head;     /* the group's object, not yet closed */
	struct buf settings; /* items of its array */
};

struct groups {
	uint32_t count;
	char wanted[101]; /* only this one; "": all */
	struct group items[];
};

static void free_groups(void *state)
{
	struct groups *g = state;
	uint32_t i;

	for (i = 0; i < g->count; i++) {
		buf_free(&g->items[i].head);
		buf_free_secret(&g->items[i].settings);
	}
	free(g);
}

static void put_group(struct buf *b, const char *name, struct group *g)
{
	/* The comma of an array comes with an item, and this one is a text. */
	if (name != NULL)
		buf_puts(b, ",\"data\":");
	else if (b->data[b->len - 1] != '[')
		buf_putc(b, ',');
	json_open(&g->head, "settings", '[');
	buf_append(b, g->head.data, g->head.len);
	buf_append(b, g->settings.data, g->settings.len);
	buf_puts(b, "]}");
	b->failed |= g->head.failed || g->settings.failed;
}

static void answer_groups(struct exchange *x, struct groups *g)
{
	struct buf b;
	uint32_t i;

	if (g->wanted[0] != '\0' && g->count == 0) {
		answer_refused(x, 404, "Setting group not found");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	if (g->wanted[0] != '\0') {
		put_group(&b, "data", &g->items[0]);
	} else {
		json_open(&b, "data", '[');
		for (i = 0; i < g->count; i++)
			put_group(&b, NULL, &g->items[i]);
		json_close(&b, ']');
	}
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

static void ask_settings(struct exchange *x, const char *after);

static void add_setting(struct groups *g, const struct rec_setting *s)
{
	uint32_t i;

	for (i = 0; s->group_id != NULL && i < g->count; i++) {
		struct group *group = &g->items[i];

		if (strcmp(group->id, s->group_id) == 0)
			json_setting(&group->settings, NULL, s);
	}
}

static void on_settings(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_list_reply *r = &reply->settings_list_reply;
	struct groups *g = x->state;
	uint32_t i;

	for (i = 0; i < r->settings.count; i++)
		add_setting(g, &r->settings.items[i]);
	if (r->more && r->settings.count > 0)
		ask_settings(x, r->settings.items[r->settings.count - 1].key);
	else
		answer_groups(x, g);
}

static void ask_settings(struct exchange *x, const char *after)
{
	const struct groups *g = x->state;
	struct msg m;

	msg_init(&m, MSG_settings_list, 0);
	m.settings_list.after = after;
	m.settings_list.group_id = g->wanted[0] != '\0' ? g->wanted : NULL;
	ask(x, &m, MSG_settings_list_reply, on_settings, 0);
}

static void on_groups(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_groups_reply *r = &reply->settings_groups_reply;
	struct groups *g = calloc(1, sizeof(*g) + r->groups.count * sizeof(g->items[0]));
	uint32_t i;

	if (g == NULL) {
		answer_error(x, 503, "Not enough memory; try again.");
		return;
	}
	route_param(x, g->wanted, sizeof(g->wanted));
	for (i = 0; i < r->groups.count; i++) {
		const struct rec_setting_group *from = &r->groups.items[i];
		struct group *to = &g->items[g->count];

		if (g->wanted[0] != '\0' && strcmp(g->wanted, from->id) != 0)
			continue;
		snprintf(to->id, sizeof(to->id), "%s", from->id);
		buf_init(&to->head, HEAD_MAX);
		buf_init(&to->settings, ANSWER_MAX);
		json_setting_group_open(&to->head, NULL, from);
		g->count++;
	}
	x->state = g;
	x->free_state = free_groups;
	if (g->count > 0)
		ask_settings(x, NULL);
	else
		answer_groups(x, g);
}

void handle_settings_groups(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_settings_groups, 0);
	ask(x, &m, MSG_settings_groups_reply, on_groups, 0);
}

void handle_settings_group_get(struct exchange *x)
{
	handle_settings_groups(x);
}

/* ---- their names ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void on_categories(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_groups_reply *r = &reply->settings_groups_reply;
	const char **ids = calloc(r->groups.count + 1, sizeof(*ids));
	struct buf b;
	uint32_t i;

	if (ids == NULL) {
		answer_error(x, 503, "Not enough memory; try again.");
		return;
	}
	for (i = 0; i < r->groups.count; i++)
		ids[i] = r->groups.items[i].id;
	qsort(ids, r->groups.count, sizeof(*ids), by_name);
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_open(&b, "data", '[');
	for (i = 0; i < r->groups.count; i++)
		json_text(&b, NULL, ids[i]);
	json_close(&b, ']');
	json_close(&b, '}');
	free(ids);
	answer_json_buf(x, 200, &b);
}

void handle_settings_categories(struct exchange *x)
{
	struct msg m;

	msg_init(&m, MSG_settings_groups, 0);
	ask(x, &m, MSG_settings_groups_reply, on_categories, 0);
}

/* ---- changes ---- */

static void read_group(struct body *b, const char *id, struct rec_setting_group *out)
{
	static const struct {
		const char *name;
		enum setting_group_member member;
	} members[] = {
		{ "name", SETTING_GROUP_NAME }, { "description", SETTING_GROUP_DESCRIPTION },
		{ "icon", SETTING_GROUP_ICON }, { "sort_order", SETTING_GROUP_SORT_ORDER },
	};
	size_t i;

	*out = (struct rec_setting_group){ .id = id };
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		out->given |= body_has(b->root, members[i].name) ? (uint8_t)members[i].member : 0;
	out->name = body_text(b, b->root, "name", 400, (out->given & SETTING_GROUP_NAME) != 0);
	out->description = body_text(b, b->root, "description", 4000, false);
	out->icon = body_text(b, b->root, "icon", 100, false);
	out->sort_order = body_integer(b, b->root, "sort_order", 0);
}

static void answer_group(struct exchange *x, int status, const struct rec_setting_group *g,
    uint32_t count, const char *message)
{
	struct buf b;

	if (count != 1) {
		answer_error(x, 500, "The group was stored, but not told.");
		return;
	}
	buf_init(&b, HEAD_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_setting_group_open(&b, "data", g);
	json_close(&b, '}');
	json_text(&b, "message", message);
	json_close(&b, '}');
	answer_json_buf(x, status, &b);
}

static void on_created(struct exchange *x, const struct msg *reply)
{
	answer_group(x, 201, reply->settings_group_create_reply.group.items,
	    reply->settings_group_create_reply.group.count, "Setting group created successfully");
}

void handle_settings_group_create(struct exchange *x)
{
	struct rec_setting_group group;
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	read_group(&b, body_text(&b, b.root, "id", 100, true), &group);
	if (!(group.given & SETTING_GROUP_NAME))
		body_wrong(&b, "The member \"name\" is missing; it must be a string.");
	if (!body_is_right(x, &b))
		return;
	msg_init(&m, MSG_settings_group_create, 0);
	m.settings_group_create.group.items = &group;
	m.settings_group_create.group.count = 1;
	m.settings_group_create.address = x->peer;
	ask(x, &m, MSG_settings_group_create_reply, on_created, 0);
	body_free(&b);
}

static void on_updated(struct exchange *x, const struct msg *reply)
{
	answer_group(x, 200, reply->settings_group_update_reply.group.items,
	    reply->settings_group_update_reply.group.count, "Setting group updated successfully");
}

void handle_settings_group_update(struct exchange *x)
{
	struct rec_setting_group group;
	struct body b;
	struct msg m;
	char id[101];

	if (x->param.len >= sizeof(id)) {
		answer_refused(x, 404, "Setting group not found");
		return;
	}
	if (!body_read(x, &b))
		return;
	route_param(x, id, sizeof(id));
	read_group(&b, id, &group);
	if (!body_is_right(x, &b))
		return;
	msg_init(&m, MSG_settings_group_update, 0);
	m.settings_group_update.group.items = &group;
	m.settings_group_update.group.count = 1;
	m.settings_group_update.address = x->peer;
	ask(x, &m, MSG_settings_group_update_reply, on_updated, 0);
	body_free(&b);
}

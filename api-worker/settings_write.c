/*
 * /api/settings: what changes settings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-worker/ask.h"
#include "api-worker/handlers.h"
#include "api-worker/json_out.h"
#include "api-worker/settings_json.h"

#define BULK_MAX 1000
#define ANSWER_MAX (12u << 20)

/* ---- one ---- */

static void on_created(struct exchange *x, const struct msg *reply)
{
	if (reply->settings_create_reply.setting.count == 1)
		answer_setting(x, 201, reply->settings_create_reply.setting.items,
		    "Global setting created successfully");
	else
		answer_error(x, 500, "The setting was stored, but not told.");
}

void handle_settings_create(struct exchange *x)
{
	char number[SETTING_NUMBER_SIZE];
	struct rec_setting setting;
	const char *key;
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	key = body_text(&b, b.root, "key", 255, true);
	setting_read(&b, b.root, key, number, &setting);
	if (!(setting.given & SETTING_VALUE))
		body_wrong(&b, "The member \"value\" is missing; it must be a string, a number or a "
		    "boolean.");
	if (!body_is_right(x, &b))
		return;
	msg_init(&m, MSG_settings_create, 0);
	m.settings_create.setting.items = &setting;
	m.settings_create.setting.count = 1;
	m.settings_create.address = x->peer;
	ask(x, &m, MSG_settings_create_reply, on_created, 0);
	body_free(&b);
}

static void on_updated(struct exchange *x, const struct msg *reply)
{
	if (reply->settings_update_reply.setting.count == 1)
		answer_setting(x, 200, reply->settings_update_reply.setting.items,
		    "Global setting updated successfully");
	else
		answer_error(x, 500, "The setting was stored, but not told.");
}

/* The key in the path, if it has the length of one; otherwise it was answered. */
static bool key_param(struct exchange *x, char key[256])
{
	if (x->param.len > 255) {
		answer_invalid(x, "key must be 1 to 255 letters, digits, dots, underscores or "
		    "hyphens.");
		return false;
	}
	route_param(x, key, 256);
	return true;
}

void handle_settings_update(struct exchange *x)
{
	char number[SETTING_NUMBER_SIZE], key[256];
	struct rec_setting setting;
	struct body b;
	struct msg m;

	if (!key_param(x, key) || !body_read(x, &b))
		return;
	setting_read(&b, b.root, key, number, &setting);
	if (!body_is_right(x, &b))
		return;
	/* The type of what exists stays. */
	setting.given &= (uint8_t)~SETTING_TYPE;
	msg_init(&m, MSG_settings_update, 0);
	m.settings_update.setting.items = &setting;
	m.settings_update.setting.count = 1;
	m.settings_update.address = x->peer;
	ask(x, &m, MSG_settings_update_reply, on_updated, 0);
	body_free(&b);
}

static void on_deleted(struct exchange *x, const struct msg *reply)
{
	answer_json(x, 200,
	    "{\"success\":true,\"message\":\"Global setting deleted successfully\"}");
}

void handle_settings_delete(struct exchange *x)
{
	struct msg m;
	char key[512];

	route_param(x, key, sizeof(key));
	msg_init(&m, MSG_settings_delete, 0);
	m.settings_delete.key = key;
	m.settings_delete.address = x->peer;
	ask(x, &m, MSG_settings_delete_reply, on_deleted, 0);
}

/* ---- many ---- */

/* What the api-worker itself found wrong with single settings, until the others are
 * stored. */
struct bulk {
	struct buf errors; /* items of the answer's array */
	uint32_t given, nerrors;
};

static void free_bulk(void *state)
{
	struct bulk *bulk = state;

	buf_free(&bulk->errors);
	free(bulk);
}

static void put_error(struct buf *b, const char *key, const char *text)
{
	json_open(b, NULL, '{');
	json_text(b, "key", key);
	json_text(b, "error", text);
	json_close(b, '}');
}

static void put_stored(struct buf *b, const struct msg_settings_bulk_reply *r)
{
	uint32_t i;

	json_open(b, "data", '[');
	for (i = 0; i < r->settings.count; i++)
		json_setting(b, NULL, &r->settings.items[i]);
	json_close(b, ']');
}

static void answer_bulk(struct exchange *x, const struct msg_settings_bulk_reply *r)
{
	struct bulk *bulk = x->state;
	uint32_t i, failed = bulk->nerrors + r->errors.count;
	int status = failed == 0 ? 200 : failed < bulk->given ? 207 : 400;
	char message[96];
	struct buf b;

	for (i = 0; i < r->errors.count; i++)
		put_error(&bulk->errors, r->errors.items[i].key, r->errors.items[i].text);
	if (failed == 0)
		snprintf(message, sizeof(message), "Successfully processed %u settings",
		    bulk->given);
	else
		snprintf(message, sizeof(message), "Successfully processed %u of %u settings",
		    bulk->given - failed, bulk->given);
	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", failed == 0);
	if (status == 400)
		json_text(&b, "error", "Bad Request");
	json_text(&b, "message", message);
	put_stored(&b, r);
	if (failed > 0) {
		json_open(&b, "errors", '[');
		buf_append(&b, bulk->errors.data, bulk->errors.len);
		json_close(&b, ']');
	}
	json_close(&b, '}');
	b.failed |= bulk->errors.failed;
	answer_json_buf(x, status, &b);
}

static void on_bulk(struct exchange *x, const struct msg *reply)
{
	answer_bulk(x, &reply->settings_bulk_reply);
}

/* Reads one item; false when it is wrong, which is noted. */
static bool read_item(struct bulk *bulk, const cJSON *item, char number[SETTING_NUMBER_SIZE],
    struct rec_setting *out)
{
	struct body b = { 0 };
	const char *key = body_text(&b, item, "key", 255, true);

	setting_read(&b, item, key, number, out);
	if (!(out->given & SETTING_VALUE))
		body_wrong(&b, "The member \"value\" is missing.");
	if (b.problem[0] == '\0')
		return true;
	put_error(&bulk->errors, key != NULL ? key : "", b.problem);
	bulk->nerrors++;
	return false;
}

static void ask_bulk(struct exchange *x, struct bulk *bulk, const cJSON *array)
{
	struct rec_setting *settings = calloc(bulk->given + 1, sizeof(*settings));
	char (*numbers)[SETTING_NUMBER_SIZE] = calloc(bulk->given + 1, sizeof(*numbers));
	const cJSON *item;
	struct msg m;

	msg_init(&m, MSG_settings_bulk, 0);
	m.settings_bulk.settings.items = settings;
	m.settings_bulk.address = x->peer;
	if (settings == NULL || numbers == NULL) {
		answer_error(x, 503, "Not enough memory; try again.");
	} else {
		cJSON_ArrayForEach(item, array) {
			uint32_t n = m.settings_bulk.settings.count;

			m.settings_bulk.settings.count += read_item(bulk, item, numbers[n],
			    &settings[n]);
		}
		/* Also when nothing is left: the sender's permission is checked again. */
		ask(x, &m, MSG_settings_bulk_reply, on_bulk, 0);
	}
	free(settings);
	free(numbers);
}

void handle_settings_bulk(struct exchange *x)
{
	const cJSON *array;
	struct bulk *bulk;
	struct body b;

	if (!body_read(x, &b))
		return;
	array = body_array(&b, b.root, "settings", BULK_MAX);
	if (array != NULL && cJSON_GetArraySize(array) == 0)
		body_wrong(&b, "settings must not be empty.");
	if (!body_is_right(x, &b))
		return;
	bulk = calloc(1, sizeof(*bulk));
	if (bulk == NULL) {
		answer_error(x, 503, "Not enough memory; try again.");
	} else {
		buf_init(&bulk->errors, ANSWER_MAX);
		bulk->given = (uint32_t)cJSON_GetArraySize(array);
		x->state = bulk;
		x->free_state = free_bulk;
		ask_bulk(x, bulk, array);
	}
	body_free(&b);
}

/* ---- rekey ---- */

static void on_rekeyed(struct exchange *x, const struct msg *reply)
{
	const struct msg_settings_rekey_reply *r = &reply->settings_rekey_reply;
	char message[96];
	struct buf b;

	snprintf(message, sizeof(message), "%u secrets were encrypted anew.", r->rekeyed);
	buf_init(&b, 1024);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_text(&b, "message", message);
	json_open(&b, "data", '{');
	json_integer(&b, "rekeyed", r->rekeyed);
	json_integer(&b, "unchanged", r->unchanged);
	json_close(&b, '}');
	json_close(&b, '}');
	answer_json_buf(x, 200, &b);
}

static struct ipc_bytes bytes_of(const char *text)
{
	return (struct ipc_bytes){ (const uint8_t *)text,
		text != NULL ? (uint32_t)strlen(text) : 0 };
}

void handle_settings_rekey(struct exchange *x)
{
	struct body b;
	struct msg m;

	if (!body_read(x, &b))
		return;
	msg_init(&m, MSG_settings_rekey, 0);
	m.settings_rekey.old_secret = bytes_of(body_text(&b, b.root, "old_secret", 4096, false));
	m.settings_rekey.old_key = bytes_of(body_text(&b, b.root, "old_key", 64, false));
	m.settings_rekey.address = x->peer;
	if (!body_is_right(x, &b))
		return;
	ask(x, &m, MSG_settings_rekey_reply, on_rekeyed, 0);
	body_free(&b);
}

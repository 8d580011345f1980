/*
 * Settings as JSON: see settings_json.h.
 */
#include "api-worker/settings_json.h"

#include <stdio.h>
#include <string.h>

#include "api-worker/json_out.h"

#define VALUE_MAX 65536
#define ANSWER_MAX (1u << 20)

void json_setting(struct buf *b, const char *name, const struct rec_setting *s)
{
	json_open(b, name, '{');
	json_text(b, "key", s->key);
	json_text(b, "value", s->value);
	json_text(b, "type", s->type);
	json_boolean(b, "is_encrypted", s->is_encrypted);
	json_time_s(b, "created_at", s->created_at);
	json_time_s(b, "updated_at", s->updated_at);
	json_text(b, "description", s->description);
	json_text(b, "group_id", s->group_id);
	json_close(b, '}');
}

void json_setting_group_open(struct buf *b, const char *name, const struct rec_setting_group *g)
{
	json_open(b, name, '{');
	json_text(b, "id", g->id);
	json_text(b, "name", g->name);
	json_text(b, "description", g->description);
	json_text(b, "icon", g->icon);
	json_integer(b, "sort_order", g->sort_order);
	json_time_s(b, "created_at", g->created_at);
	json_time_s(b, "updated_at", g->updated_at);
}

/* A JSON number as a text: integers as they are written, others as short as they are
 * exact. */
static void number_text(double value, char out[SETTING_NUMBER_SIZE])
{
	int digits;

	if (value >= -1e15 && value <= 1e15 && value == (double)(int64_t)value) {
		snprintf(out, SETTING_NUMBER_SIZE, "%lld", (long long)value);
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		double back;

		snprintf(out, SETTING_NUMBER_SIZE, "%.*g", digits, value);
		if (sscanf(out, "%lf", &back) == 1 && back == value)
			break;
	}
}

static void read_value(struct body *b, const cJSON *object, char number[SETTING_NUMBER_SIZE],
    struct rec_setting *out)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, "value");

	if (cJSON_IsNumber(value)) {
		number_text(value->valuedouble, number);
		out->value = number;
		out->value_kind = SETTING_NUMBER;
	} else if (cJSON_IsBool(value)) {
		out->value = cJSON_IsTrue(value) ? "true" : "false";
		out->value_kind = SETTING_BOOLEAN;
	} else if (cJSON_IsString(value)) {
		out->value = body_text(b, object, "value", VALUE_MAX, true);
	} else {
		body_wrong(b, "value must be a string, a number or a boolean.");
	}
}

void setting_read(struct body *b, const cJSON *object, const char *key,
    char number[SETTING_NUMBER_SIZE], struct rec_setting *out)
{
	static const struct {
		const char *name;
		enum setting_member member;
	} members[] = {
		{ "value", SETTING_VALUE }, { "type", SETTING_TYPE },
		{ "description", SETTING_DESCRIPTION }, { "encrypted", SETTING_ENCRYPTED },
		{ "group_id", SETTING_GROUP },
	};
	size_t i;

	*out = (struct rec_setting){ .key = key, .value_kind = SETTING_TEXT };
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		out->given |= body_has(object, members[i].name) ? (uint8_t)members[i].member : 0;
	if (out->given & SETTING_VALUE)
		read_value(b, object, number, out);
	out->type = body_text(b, object, "type", 16, (out->given & SETTING_TYPE) != 0);
	out->description = body_text(b, object, "description", 4000, false);
	out->is_encrypted = body_boolean(b, object, "encrypted", false);
	out->group_id = body_text(b, object, "group_id", 100, false);
}

void answer_setting(struct exchange *x, int status, const struct rec_setting *s,
    const char *message)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	json_open(&b, NULL, '{');
	json_boolean(&b, "success", true);
	json_setting(&b, "data", s);
	if (message != NULL)
		json_text(&b, "message", message);
	json_close(&b, '}');
	answer_json_buf(x, status, &b);
}

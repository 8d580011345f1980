/*
 * Request bodies: see body.h.
 */
#include "api-worker/body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

bool body_read(struct exchange *x, struct body *b)
{
	const struct http_request *r = exchange_request(x);
	struct err e;

	memset(b, 0, sizeof(*b));
	if (r->body.len == 0)
		answer_invalid(x, "The body is missing; send a JSON object.");
	else if (json_parse((const char *)r->body.data, r->body.len, NULL, &b->root, &e) < 0 &&
	    e.code == ERR_NOMEM)
		answer_error(x, 503, "Not enough memory; try again.");
	else if (b->root == NULL)
		answer_invalid(x, "The body has %s.", e.text);
	else if (!cJSON_IsObject(b->root))
		answer_invalid(x, "The body must be a JSON object.");
	else
		return true;
	body_free(b);
	return false;
}

void body_free(struct body *b)
{
	cJSON_Delete(b->root);
	b->root = NULL;
}

bool body_is_right(struct exchange *x, struct body *b)
{
	if (b->problem[0] == '\0')
		return true;
	body_free(b);
	answer_invalid(x, "%s", b->problem);
	return false;
}

void body_wrong(struct body *b, const char *fmt, ...)
{
	va_list ap;

	if (b->problem[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(b->problem, sizeof(b->problem), fmt, ap);
	va_end(ap);
}

bool body_has(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name) != NULL;
}

const char *body_text(struct body *b, const cJSON *object, const char *name, size_t max,
    bool required)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (item == NULL || (cJSON_IsNull(item) && !required)) {
		if (required)
			body_wrong(b, "The member \"%s\" is missing; it must be a string.", name);
		return NULL;
	}
	if (!cJSON_IsString(item)) {
		body_wrong(b, "%s must be a string.", name);
		return NULL;
	}
	if (strlen(item->valuestring) > max) {
		body_wrong(b, "%s must have at most %zu bytes.", name, max);
		return NULL;
	}
	return item->valuestring;
}

bool body_boolean(struct body *b, const cJSON *object, const char *name, bool fallback)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (item == NULL)
		return fallback;
	if (!cJSON_IsBool(item))
		body_wrong(b, "%s must be true or false.", name);
	return cJSON_IsTrue(item);
}

int64_t body_integer(struct body *b, const cJSON *object, const char *name, int64_t fallback)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (item == NULL)
		return fallback;
	/* Beyond 2^53 a double is not the number that was written. */
	if (!cJSON_IsNumber(item) || item->valuedouble > 9007199254740992.0 ||
	    item->valuedouble < -9007199254740992.0 ||
	    (double)(int64_t)item->valuedouble != item->valuedouble) {
		body_wrong(b, "%s must be an integer.", name);
		return fallback;
	}
	return (int64_t)item->valuedouble;
}

const cJSON *body_array(struct body *b, const cJSON *object, const char *name, int max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsArray(item)) {
		body_wrong(b, "%s must be an array.", name);
		return NULL;
	}
	if (cJSON_GetArraySize(item) > max) {
		body_wrong(b, "%s must have at most %d items.", name, max);
		return NULL;
	}
	return item;
}

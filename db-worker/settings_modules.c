/*
 * Setting modules: see settings_modules.h.
 */
#include "db-worker/settings_modules.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"

#define FILE_MAX (1u << 20)
#define FILES_MAX 256
#define KEY_MAX 255
#define GROUP_ID_MAX 64

struct loader {
	struct setting_modules *out;
	const char *file;
	struct err *e;
};

__attribute__((format(printf, 3, 4)))
static int wrong(struct loader *l, const char *where, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(l->e, ERR_CONFIG, "settings module %s: %s %s", l->file, where, text);
}

static bool is_key(const char *text, size_t max)
{
	return *text != '\0' && strlen(text) <= max && text[strspn(text,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

/* A text member; *out stays NULL when it is optional and missing. */
static int text_member(struct loader *l, const cJSON *object, const char *where,
    const char *name, bool required, char **out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (item == NULL)
		return required ? wrong(l, where, "lacks the member \"%s\"", name) : 0;
	if (!cJSON_IsString(item))
		return wrong(l, where, "has a \"%s\" that is not a text", name);
	*out = strdup(item->valuestring);
	return *out != NULL ? 0 : err_set(l->e, ERR_NOMEM, "not enough memory for settings");
}

static int only_members(struct loader *l, const cJSON *object, const char *where,
    const char *const *names)
{
	const cJSON *item;
	const char *const *n;

	if (!cJSON_IsObject(object))
		return wrong(l, where, "is not an object");
	cJSON_ArrayForEach(item, object) {
		for (n = names; *n != NULL && strcmp(*n, item->string) != 0; n++)
			;
		if (*n == NULL)
			return wrong(l, where, "has an unknown member \"%.64s\"", item->string);
	}
	return 0;
}

static int load_group(struct loader *l, const cJSON *json)
{
	static const char *const members[] = { "id", "name", "description", "icon", "sort_order",
		NULL };
	struct setting_modules *m = l->out;
	struct setting_group *grown, *g;
	const cJSON *order;
	size_t i;
	int rc = only_members(l, json, "\"group\"", members);

	if (rc < 0)
		return rc;
	grown = reallocarray(m->groups, m->ngroups + 1, sizeof(*grown));
	if (grown == NULL)
		return err_set(l->e, ERR_NOMEM, "not enough memory for settings");
	m->groups = grown;
	g = &m->groups[m->ngroups++];
	memset(g, 0, sizeof(*g));
	rc = text_member(l, json, "\"group\"", "id", true, &g->id);
	if (rc == 0)
		rc = text_member(l, json, "\"group\"", "name", true, &g->name);
	if (rc == 0)
		rc = text_member(l, json, "\"group\"", "description", false, &g->description);
	if (rc == 0)
		rc = text_member(l, json, "\"group\"", "icon", false, &g->icon);
	if (rc < 0)
		return rc;
	if (!is_key(g->id, GROUP_ID_MAX))
		return wrong(l, "\"group\"", "has an id that is not 1 to %d of letters, digits, . _ -",
		    GROUP_ID_MAX);
	order = cJSON_GetObjectItemCaseSensitive(json, "sort_order");
	if (order != NULL && (!cJSON_IsNumber(order) || order->valuedouble != order->valueint))
		return wrong(l, "\"group\"", "has a \"sort_order\" that is not a whole number");
	g->sort_order = order != NULL ? order->valueint : 0;
	for (i = 0; i + 1 < m->ngroups; i++)
		if (strcmp(m->groups[i].id, g->id) == 0)
			return wrong(l, "\"group\"", "has the id %s, which another module has", g->id);
	return 0;
}

/* The default as the text that is stored. */
static char *default_text(const cJSON *value, const char *type)
{
	char *text = NULL;

	if (value == NULL)
		return strdup("");
	if (strcmp(type, "string") == 0 && cJSON_IsString(value))
		return strdup(value->valuestring);
	if (strcmp(type, "boolean") == 0 && cJSON_IsBool(value))
		return strdup(cJSON_IsTrue(value) ? "true" : "false");
	if (strcmp(type, "number") == 0 && cJSON_IsNumber(value))
		text = cJSON_PrintUnformatted(value);
	return text;
}

static int load_setting_fields(struct loader *l, const cJSON *json, const char *where,
    struct setting_definition *s)
{
	const cJSON *encrypted;
	int rc = text_member(l, json, where, "key", true, &s->key);

	if (rc == 0)
		rc = text_member(l, json, where, "type", true, &s->type);
	if (rc == 0)
		rc = text_member(l, json, where, "description", false, &s->description);
	if (rc < 0)
		return rc;
	if (!is_key(s->key, KEY_MAX))
		return wrong(l, where, "has a key that is not 1 to %d of letters, digits, . _ -",
		    KEY_MAX);
	if (strcmp(s->type, "string") != 0 && strcmp(s->type, "number") != 0 &&
	    strcmp(s->type, "boolean") != 0)
		return wrong(l, where, "(%s) has a type other than string, number, boolean", s->key);
	encrypted = cJSON_GetObjectItemCaseSensitive(json, "encrypted");
	if (encrypted != NULL && !cJSON_IsBool(encrypted))
		return wrong(l, where, "(%s) has an \"encrypted\" that is not true or false", s->key);
	s->encrypted = cJSON_IsTrue(encrypted);
	s->value = default_text(cJSON_GetObjectItemCaseSensitive(json, "default"), s->type);
	if (s->value == NULL)
		return wrong(l, where, "(%s) has a default that is not a %s", s->key, s->type);
	return 0;
}

static int load_setting(struct loader *l, const cJSON *json, size_t index, const char *group_id)
{
	static const char *const members[] = { "key", "type", "default", "description",
		"encrypted", NULL };
	struct setting_modules *m = l->out;
	struct setting_definition *grown, *s;
	char where[64];
	size_t i;
	int rc;

	snprintf(where, sizeof(where), "setting %zu", index + 1);
	rc = only_members(l, json, where, members);
	if (rc < 0)
		return rc;
	grown = reallocarray(m->settings, m->nsettings + 1, sizeof(*grown));
	if (grown == NULL)
		return err_set(l->e, ERR_NOMEM, "not enough memory for settings");
	m->settings = grown;
	s = &m->settings[m->nsettings++];
	memset(s, 0, sizeof(*s));
	rc = load_setting_fields(l, json, where, s);
	for (i = 0; rc == 0 && i + 1 < m->nsettings; i++)
		if (strcmp(m->settings[i].key, s->key) == 0)
			rc = wrong(l, where, "has the key %s, which exists already", s->key);
	if (rc == 0 && (s->group_id = strdup(group_id)) == NULL)
		rc = err_set(l->e, ERR_NOMEM, "not enough memory for settings");
	return rc;
}

static int load_module(struct loader *l, const cJSON *json)
{
	static const char *const members[] = { "group", "settings", NULL };
	const cJSON *settings, *item;
	size_t index = 0;
	int rc = only_members(l, json, "the module", members);

	if (rc == 0)
		rc = load_group(l, cJSON_GetObjectItemCaseSensitive(json, "group"));
	if (rc < 0)
		return rc;
	settings = cJSON_GetObjectItemCaseSensitive(json, "settings");
	if (!cJSON_IsArray(settings))
		return wrong(l, "the module", "has no array \"settings\"");
	cJSON_ArrayForEach(item, settings) {
		rc = load_setting(l, item, index++, l->out->groups[l->out->ngroups - 1].id);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load_file(struct loader *l, int dirfd)
{
	struct buf text;
	cJSON *json = NULL;
	int rc;

	buf_init(&text, FILE_MAX);
	rc = fs_read_file(dirfd, l->file, &text, l->e);
	if (rc == 0)
		rc = json_parse((const char *)text.data, text.len, &json_limits_default, &json, l->e);
	if (rc < 0) {
		err_prefix(l->e, "settings module %s", l->file);
		rc = rc == ERR_NOMEM ? rc : ERR_CONFIG;
	} else {
		rc = load_module(l, json);
	}
	cJSON_Delete(json);
	buf_free(&text);
	return rc;
}

static int is_module(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".json") == 0;
}

int setting_modules_load(struct setting_modules *out, const char *folder, struct err *e)
{
	struct setting_modules m = { 0 };
	struct loader l = { .out = &m, .e = e };
	struct dirent **list = NULL;
	int fd, n, i, rc = 0;

	fd = fs_open_dir(folder, e);
	if (fd < 0) {
		err_prefix(e, "GLOBAL_SETTINGS_DIR");
		return ERR_CONFIG;
	}
	n = scandirat(fd, ".", &list, is_module, alphasort);
	if (n < 0 || n > FILES_MAX)
		rc = err_set(e, ERR_CONFIG, "GLOBAL_SETTINGS_DIR %s cannot be listed, or holds more "
		    "than %d modules", folder, FILES_MAX);
	for (i = 0; rc == 0 && i < n; i++) {
		l.file = list[i]->d_name;
		rc = load_file(&l, fd);
	}
	for (i = 0; i < n; i++)
		free(list[i]);
	free(list);
	close(fd);
	if (rc < 0)
		setting_modules_free(&m);
	else
		*out = m;
	return rc;
}

void setting_modules_free(struct setting_modules *m)
{
	size_t i;

	for (i = 0; i < m->ngroups; i++) {
		free(m->groups[i].id);
		free(m->groups[i].name);
		free(m->groups[i].description);
		free(m->groups[i].icon);
	}
	for (i = 0; i < m->nsettings; i++) {
		free(m->settings[i].key);
		free(m->settings[i].type);
		free(m->settings[i].description);
		free(m->settings[i].value);
		free(m->settings[i].group_id);
	}
	free(m->groups);
	free(m->settings);
	memset(m, 0, sizeof(*m));
}

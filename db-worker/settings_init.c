/*
 * The settings that an installation starts with: see settings_init.h.
 */
#include "db-worker/settings_init.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db-worker/settings_store.h"

#define CIPHERTEXT_MAX (128u << 10)

static int names(const struct driver *driver, struct conn *c, const char *sql,
    struct result *out, struct err *e)
{
	return driver->execute(c, &(struct statement){ .sql = sql }, 0, out, e);
}

static bool has(const struct result *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->nrows; i++)
		if (result_value(r, i, 0)->kind == VALUE_TEXT &&
		    strcmp(result_value(r, i, 0)->data, name) == 0)
			return true;
	return false;
}

static int create_group(const struct driver *driver, struct conn *c,
    const struct setting_group *g, int64_t now, struct err *e)
{
	struct value args[] = { value_text(g->id), value_text(g->name),
		value_text(g->description), value_text(g->icon), value_integer(g->sort_order),
		value_integer(now), value_integer(now) };
	struct statement s = { "INSERT INTO globalSettingGroups (id, name, description, icon, "
	    "sort_order, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)", args, 7 };

	return driver->execute(c, &s, 0, NULL, e);
}

static int create_setting(const struct driver *driver, struct conn *c,
    const struct setting_definition *d, struct setting_cipher *cipher, int64_t now,
    struct err *e)
{
	struct buf secret;
	const char *value = d->value;
	int rc = 0;

	buf_init(&secret, CIPHERTEXT_MAX);
	if (d->encrypted) {
		rc = setting_encrypt(cipher, d->key, d->value, strlen(d->value), &secret, e);
		value = buf_cstr(&secret);
		if (rc == 0 && value == NULL)
			rc = err_set(e, ERR_NOMEM, "not enough memory for a setting");
	}
	if (rc == 0) {
		struct value args[] = { value_text(d->key), value_text(value),
			value_text(d->type), value_text(d->description),
			value_integer(d->encrypted), value_text(d->group_id),
			value_integer(now), value_integer(now) };
		struct statement s = { "INSERT INTO globalSettings (key, value, type, description, "
		    "is_encrypted, group_id, created_at, updated_at) "
		    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", args, 8 };

		rc = driver->execute(c, &s, 0, NULL, e);
	}
	buf_free(&secret);
	return rc;
}

static int create_missing(const struct driver *driver, struct conn *c,
    const struct setting_modules *m, struct setting_cipher *cipher,
    const struct result *groups, const struct result *settings, size_t *created, struct err *e)
{
	int64_t now = clock_wall_ms() / 1000;
	const struct db db = { driver, c, 0 };
	bool key_is_right;
	size_t i;
	int rc = driver->begin(c, TXN_IMMEDIATE, e);

	key_is_right = rc == 0 && settings_key_check(&db, cipher, NULL) == 0;
	for (i = 0; rc == 0 && i < m->ngroups; i++)
		if (!has(groups, m->groups[i].id))
			rc = create_group(driver, c, &m->groups[i], now, e);
	for (i = 0; rc == 0 && i < m->nsettings; i++)
		if (!has(settings, m->settings[i].key) &&
		    (key_is_right || !m->settings[i].encrypted)) {
			rc = create_setting(driver, c, &m->settings[i], cipher, now, e);
			++*created;
		}
	if (rc == 0)
		rc = driver->commit(c, e);
	if (rc < 0)
		driver->rollback(c, NULL);
	return rc;
}

int settings_init(const struct driver *driver, struct conn *c,
    const struct setting_modules *modules, struct setting_cipher *cipher, size_t *created,
    struct err *e)
{
	struct result groups = { 0 }, settings = { 0 };
	size_t i, missing = 0;
	int rc;

	*created = 0;
	rc = names(driver, c, "SELECT id FROM globalSettingGroups", &groups, e);
	if (rc == 0)
		rc = names(driver, c, "SELECT key FROM globalSettings", &settings, e);
	if (rc == 0) {
		for (i = 0; i < modules->ngroups; i++)
			missing += !has(&groups, modules->groups[i].id);
		for (i = 0; i < modules->nsettings; i++)
			missing += !has(&settings, modules->settings[i].key);
		if (missing > 0)
			rc = create_missing(driver, c, modules, cipher, &groups, &settings, created, e);
	}
	if (rc < 0)
		err_prefix(e, "global settings");
	result_free(&groups);
	result_free(&settings);
	return rc;
}

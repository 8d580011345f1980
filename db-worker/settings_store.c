/*
 * Storing of settings: see settings_store.h.
 */
#include "db-worker/settings_store.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "db-worker/audit.h"
#include "db-worker/services.h"

#define CIPHERTEXT_MAX (128u << 10)
#define DESCRIPTION_CHARACTERS 1000
#define KEY_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

int setting_check_key(const char *key, struct err *e)
{
	size_t len = strlen(key);

	if (len < 1 || len > 255 || strspn(key, KEY_CHARACTERS) != len)
		return err_set(e, ERR_INVALID, "key must be 1 to 255 letters, digits, dots, "
		    "underscores or hyphens.");
	return 0;
}

void setting_fill(struct request *q, const struct setting_reader *r,
    const struct setting_row *row, struct rec_setting *out)
{
	struct secret plain = { 0 };
	struct err e;

	*out = (struct rec_setting){ .is_encrypted = row->is_encrypted,
		.created_at = row->created_at, .updated_at = row->updated_at };
	out->key = request_text(q, row->key);
	out->type = request_text(q, row->type);
	out->description = request_text(q, row->description);
	out->group_id = request_text(q, row->group_id);
	if (!row->is_encrypted)
		out->value = request_text(q, row->value);
	else if (setting_plain(r, row, &plain, &e) < 0)
		request_fail_with(q, &e);
	else
		out->value = request_text(q, (const char *)plain.data);
	secret_free(&plain);
}

void setting_group_fill(struct request *q, const struct result *r, size_t row,
    struct rec_setting_group *out)
{
	*out = (struct rec_setting_group){ .sort_order = sql_integer(r, row, 4),
		.created_at = sql_integer(r, row, 5), .updated_at = sql_integer(r, row, 6) };
	out->id = request_text(q, sql_text(r, row, 0));
	out->name = request_text(q, sql_text(r, row, 1));
	out->description = request_text(q, sql_text(r, row, 2));
	out->icon = request_text(q, sql_text(r, row, 3));
}

/* ---- what is stored now ---- */

struct stored {
	bool exists;
	struct result row; /* what the texts below lie in */
	const char *value, *type, *description, *group_id;
	bool is_encrypted;
	int64_t created_at;
};

static int read_stored(const struct db *db, const char *key, struct stored *s, struct err *e)
{
	int rc = SQL(db, &s->row, e, "SELECT value, type, description, group_id, is_encrypted, "
	    "created_at FROM globalSettings WHERE key = ?", value_text(key));

	s->exists = rc == 0 && s->row.nrows == 1;
	if (!s->exists)
		return rc;
	s->value = sql_text(&s->row, 0, 0);
	s->type = sql_text(&s->row, 0, 1);
	s->description = sql_text(&s->row, 0, 2);
	s->group_id = sql_text(&s->row, 0, 3);
	s->is_encrypted = sql_integer(&s->row, 0, 4) != 0;
	s->created_at = sql_integer(&s->row, 0, 5);
	if (s->value == NULL || s->type == NULL)
		return err_set(e, ERR_CORRUPT, "the stored setting %s is no text", key);
	return 0;
}

/* ---- rules ---- */

int setting_check_description(const char *text, struct err *e)
{
	size_t left = text != NULL ? strlen(text) : 0, n, characters = 0;
	uint32_t cp;

	for (; left > 0; text += n, left -= n) {
		n = utf8_decode(text, left, &cp);
		if (n == 0 || ++characters > DESCRIPTION_CHARACTERS)
			return err_set(e, ERR_INVALID, "description must have at most %d characters.",
			    DESCRIPTION_CHARACTERS);
	}
	return 0;
}

static int check_value(const struct rec_setting *in, const char *type, struct err *e)
{
	bool kind_fits = in->value_kind == SETTING_TEXT ||
	    (in->value_kind == SETTING_NUMBER && strcmp(type, "number") == 0) ||
	    (in->value_kind == SETTING_BOOLEAN && strcmp(type, "boolean") == 0);

	if (in->value == NULL)
		return err_set(e, ERR_INVALID, "value must be a string, a number or a boolean.");
	if (!kind_fits || !setting_fits(type, in->value))
		return err_set(e, ERR_INVALID, "value does not fit the type %s of %s.", type, in->key);
	return 0;
}

static int check_group(const struct db *db, const char *id, struct err *e)
{
	struct result r = { 0 };
	int rc;

	if (id == NULL)
		return 0;
	rc = SQL(db, &r, e, "SELECT 1 FROM globalSettingGroups WHERE id = ?", value_text(id));
	if (rc == 0 && r.nrows == 0)
		rc = err_set(e, ERR_INVALID, "group_id must be the id of a group that exists.");
	result_free(&r);
	return rc;
}

static int check(const struct db *db, const struct rec_setting *in, const struct stored *s,
    const char *type, struct err *e)
{
	int rc = setting_check_key(in->key, e);

	if (rc == 0 && strcmp(type, "string") != 0 && strcmp(type, "number") != 0 &&
	    strcmp(type, "boolean") != 0)
		rc = err_set(e, ERR_INVALID, "type must be string, number or boolean.");
	if (rc == 0 && s->exists && strcmp(type, s->type) != 0)
		rc = err_set(e, ERR_INVALID, "%s has the type %s, which cannot be changed.", in->key,
		    s->type);
	if (rc == 0 && (!s->exists || (in->given & SETTING_VALUE)))
		rc = check_value(in, type, e);
	if (rc == 0)
		rc = setting_check_description(in->description, e);
	if (rc == 0 && (in->given & SETTING_GROUP))
		rc = check_group(db, in->group_id, e);
	return rc;
}

/* ---- the new row ---- */

/* The plain value after the change, in *plain. */
static int plain_value(struct request *q, const struct rec_setting *in, const struct stored *s,
    struct secret *plain, struct err *e)
{
	const char *value = in->given & SETTING_VALUE || !s->exists ? in->value : s->value;

	if (value == s->value && s->is_encrypted)
		return setting_decrypt(q->services->cipher, in->key, s->value, plain, e);
	if (secret_set(plain, value, strlen(value)) < 0)
		return err_set(e, ERR_NOMEM, "not enough locked memory for %s", in->key);
	return 0;
}

static int write_row(struct request *q, const struct rec_setting *row, const char *value,
    bool exists, struct err *e)
{
	return SQL(&q->db, NULL, e, exists ?
	    "UPDATE globalSettings SET value = ?, type = ?, description = ?, is_encrypted = ?, "
	    "group_id = ?, created_at = ?, updated_at = ? WHERE key = ?" :
	    "INSERT INTO globalSettings (value, type, description, is_encrypted, group_id, "
	    "created_at, updated_at, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    value_text(value), value_text(row->type), value_text(row->description),
	    value_integer(row->is_encrypted), value_text(row->group_id),
	    value_integer(row->created_at), value_integer(row->updated_at), value_text(row->key));
}

static int write_value(struct request *q, const struct rec_setting *row,
    const struct secret *plain, bool exists, struct err *e)
{
	struct setting_cipher *cipher = q->services->cipher;
	struct buf sealed;
	int rc;

	if (!row->is_encrypted)
		return write_row(q, row, (const char *)plain->data, exists, e);
	buf_init(&sealed, CIPHERTEXT_MAX);
	rc = settings_key_check(&q->db, cipher, e);
	if (rc == 0)
		rc = setting_encrypt(cipher, row->key, plain->data, plain->len, &sealed, e);
	if (rc == 0 && buf_cstr(&sealed) == NULL)
		rc = err_set(e, ERR_NOMEM, "not enough memory for %s", row->key);
	if (rc == 0)
		rc = write_row(q, row, buf_cstr(&sealed), exists, e);
	buf_free(&sealed);
	return rc;
}

static int store(struct request *q, const struct rec_setting *in, const struct stored *s,
    struct rec_setting *out, struct err *e)
{
	const char *type = in->given & SETTING_TYPE ? in->type : s->exists ? s->type : "string";
	int64_t now = clock_wall_ms() / 1000;
	struct secret plain = { 0 };
	int rc = check(&q->db, in, s, type != NULL ? type : "", e);

	if (rc == 0)
		rc = plain_value(q, in, s, &plain, e);
	if (rc < 0)
		return rc;
	*out = (struct rec_setting){
		.key = in->key,
		.value = request_text(q, (const char *)plain.data),
		.type = request_text(q, type),
		.is_encrypted = in->given & SETTING_ENCRYPTED ? in->is_encrypted : s->is_encrypted,
		.description = request_text(q, in->given & SETTING_DESCRIPTION ? in->description :
		    s->description),
		.group_id = request_text(q, in->given & SETTING_GROUP ? in->group_id : s->group_id),
		.created_at = s->exists ? s->created_at : now,
		.updated_at = now,
	};
	rc = q->code < 0 ? err_set(e, ERR_NOMEM, "Not enough memory; try again.") :
	    write_value(q, out, &plain, s->exists, e);
	secret_free(&plain);
	return rc;
}

int setting_store(struct request *q, const struct rec_setting *in, enum setting_act act,
    struct rec_setting *out, struct err *e)
{
	struct stored s = { 0 };
	int rc = setting_check_key(in->key, e);

	if (rc == 0)
		rc = read_stored(&q->db, in->key, &s, e);
	if (rc == 0 && act == SETTING_CREATE && s.exists)
		rc = err_set(e, ERR_EXISTS, "Setting with this key already exists. Use PUT to update.");
	if (rc == 0 && act == SETTING_UPDATE && !s.exists)
		rc = err_set(e, ERR_NOT_FOUND, "Setting not found");
	if (rc == 0 && act == SETTING_UPDATE && in->given == 0)
		rc = err_set(e, ERR_INVALID, "Nothing to update: give value, description, encrypted "
		    "or group_id.");
	if (rc == 0)
		rc = store(q, in, &s, out, e);
	result_free(&s.row);
	return rc;
}

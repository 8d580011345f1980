/*
 * Message settings_rekey, and the check of the stored secrets.
 */
#include <string.h>

#include "db-worker/audit.h"
#include "db-worker/handlers.h"
#include "db-worker/services.h"
#include "db-worker/settings_store.h"

#define CIPHERTEXT_MAX (128u << 10)

int settings_secrets_check(const struct setting_reader *r, struct err *problem)
{
	size_t i;

	for (i = 0; i < setting_count(r); i++) {
		struct setting_row row = setting_at(r, i);
		struct secret plain = { 0 };
		int rc = row.is_encrypted ? setting_plain(r, &row, &plain, problem) : 0;

		secret_free(&plain);
		if (rc < 0)
			return rc;
	}
	return 0;
}

#define SECRETS "SELECT key, value FROM globalSettings WHERE is_encrypted = 1 ORDER BY key"

/* A row of SECRETS; NULL texts fail to decrypt. */
static int decrypt_row(struct setting_cipher *cipher, const struct result *r, size_t row,
    struct secret *plain, struct err *e)
{
	const char *key = sql_text(r, row, 0), *value = sql_text(r, row, 1);

	if (key == NULL || value == NULL)
		return err_set(e, ERR_CORRUPT, "a stored secret is no text");
	return setting_decrypt(cipher, key, value, plain, e);
}

int settings_key_check(const struct db *db, struct setting_cipher *cipher, struct err *e)
{
	struct result r = { 0 };
	struct secret plain = { 0 };
	size_t i;
	int rc = sql_run(db, &r, e, SECRETS, NULL, 0);

	for (i = 0; rc == 0 && i < r.nrows; i++) {
		if (decrypt_row(cipher, &r, i, &plain, NULL) == 0) {
			setting_cipher_use_salt_of(cipher, sql_text(&r, i, 1));
			break;
		}
	}
	if (rc == 0 && i == r.nrows && r.nrows > 0)
		rc = err_set(e, ERR_CONFIG, "The encryption secret is not the one of the stored "
		    "secrets; restore it, or run `deploystackctl settings rekey`.");
	secret_free(&plain);
	result_free(&r);
	return rc;
}

/* ---- rekey ---- */

static int old_cipher(const struct msg_settings_rekey *in, struct setting_cipher **out,
    struct err *e)
{
	struct secret passphrase = { 0 }, key = { 0 };
	int rc = 0;

	if (in->old_secret.len > 0 &&
	    secret_set(&passphrase, in->old_secret.data, in->old_secret.len) < 0)
		rc = err_set(e, ERR_NOMEM, "not enough locked memory for the old secret");
	if (rc == 0 && in->old_key.len > 0)
		rc = secret_key_parse(in->old_key.data, in->old_key.len, &key, e);
	if (rc == 0)
		rc = setting_cipher_new(out, &passphrase, &key, e);
	secret_free(&passphrase);
	secret_free(&key);
	return rc;
}

static int seal_again(const struct db *db, struct setting_cipher *cipher, const char *key,
    const struct secret *plain, struct err *e)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, CIPHERTEXT_MAX);
	rc = setting_encrypt(cipher, key, plain->data, plain->len, &sealed, e);
	if (rc == 0 && buf_cstr(&sealed) == NULL)
		rc = err_set(e, ERR_NOMEM, "not enough memory for %s", key);
	if (rc == 0)
		rc = SQL(db, NULL, e, "UPDATE globalSettings SET value = ? WHERE key = ?",
		    value_text(buf_cstr(&sealed)), value_text(key));
	buf_free(&sealed);
	return rc;
}

/* One row: left alone, or under the present key afterwards. */
static int rekey_row(struct request *q, struct setting_cipher *old, const struct result *r,
    size_t row, struct err *e)
{
	struct setting_cipher *cipher = q->services->cipher;
	struct msg_settings_rekey_reply *reply = &q->reply.settings_rekey_reply;
	struct secret plain = { 0 };
	int rc = decrypt_row(cipher, r, row, &plain, e);

	if (rc == 0 && setting_cipher_is_current(cipher, sql_text(r, row, 1))) {
		reply->unchanged++;
	} else {
		if (rc == ERR_CORRUPT || rc == ERR_CONFIG)
			rc = decrypt_row(old, r, row, &plain, e);
		if (rc == ERR_CORRUPT || rc == ERR_CONFIG)
			rc = err_set(e, ERR_INVALID, "%s decrypts neither with the key in force nor "
			    "with the old one; nothing was changed.",
			    sql_text(r, row, 0) != NULL ? sql_text(r, row, 0) : "A secret");
		if (rc == 0)
			rc = seal_again(&q->db, cipher, sql_text(r, row, 0), &plain, e);
		reply->rekeyed++;
	}
	secret_free(&plain);
	return rc;
}

void settings_rekey(struct request *q)
{
	const struct msg_settings_rekey *in = &q->in.settings_rekey;
	struct setting_cipher *old = NULL;
	struct result r = { 0 };
	struct err e;
	size_t i;
	int rc;

	msg_init(&q->reply, MSG_settings_rekey_reply, q->in.id);
	rc = old_cipher(in, &old, &e);
	if (rc == 0)
		rc = sql_run(&q->db, &r, &e, SECRETS, NULL, 0);
	/* One salt, one derivation of the key. */
	if (rc == 0 && r.nrows > 0 && sql_text(&r, 0, 1) != NULL)
		setting_cipher_use_salt_of(q->services->cipher, sql_text(&r, 0, 1));
	for (i = 0; rc == 0 && i < r.nrows; i++)
		rc = rekey_row(q, old, &r, i, &e);
	if (rc == 0)
		rc = audit_append(q, "settings.rekey", NULL, in->address, &e);
	if (rc < 0)
		request_fail_with(q, &e);
	setting_cipher_free(old);
	result_free(&r);
	q->changed = CHANGED_SETTINGS;
}

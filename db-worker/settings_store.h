/*
 * Rules and rows of global settings and their groups; what the messages settings_*
 * share.
 */
#ifndef DB_WORKER_SETTINGS_STORE_H
#define DB_WORKER_SETTINGS_STORE_H

#include "db-worker/requests.h"
#include "db-worker/setting_values.h"

#define SETTING_VALUE_MAX 65536 /* bytes */

/* ERR_INVALID with a sentence for the client. */
int setting_check_key(const char *key, struct err *e);
int setting_check_description(const char *text, struct err *e); /* NULL is fine */

/* Fills a record with the plain value; the request fails when it cannot be read. */
void setting_fill(struct request *q, const struct setting_reader *r,
    const struct setting_row *row, struct rec_setting *out);

#define SETTING_GROUP_COLUMNS "id, name, description, icon, sort_order, created_at, updated_at"
void setting_group_fill(struct request *q, const struct result *r, size_t row,
    struct rec_setting_group *out);

/* Creates or changes a setting in the request's transaction and fills *out with what
 * is stored.  ERR_INVALID, ERR_EXISTS, ERR_NOT_FOUND; ERR_CONFIG when the encryption
 * key is not the one of the stored secrets. */
enum setting_act { SETTING_CREATE, SETTING_UPDATE, SETTING_CREATE_OR_UPDATE };
int setting_store(struct request *q, const struct rec_setting *in, enum setting_act act,
    struct rec_setting *out, struct err *e);

/* 0, or the problem with the first stored secret that does not decrypt, and what to
 * do. */
int settings_secrets_check(const struct setting_reader *r, struct err *problem);

/* Whether new secrets may be encrypted: ERR_CONFIG when there are stored ones and
 * none decrypts.  Makes new ones share their salt. */
int settings_key_check(const struct db *db, struct setting_cipher *cipher, struct err *e);

#endif

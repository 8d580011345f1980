/*
 * The values of global settings: one cache of all rows, and typed access for the
 * project's own code.
 *
 * A reader stands on one snapshot, so that several values that are read through it
 * belong together.  The cache is dropped with every commit that changed settings;
 * what was read before is never put into it.
 */
#ifndef DB_WORKER_SETTING_VALUES_H
#define DB_WORKER_SETTING_VALUES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "db-worker/setting_cipher.h"
#include "db-worker/sql.h"

struct setting_values;
struct setting_snapshot;

int setting_values_new(struct setting_values **out, struct err *e);
void setting_values_free(struct setting_values *v);

/* After a commit that changed settings. */
void setting_values_forget(struct setting_values *v);

struct setting_reader {
	struct setting_values *values;
	struct setting_cipher *cipher;
	struct setting_snapshot *snapshot;
};

/* db is read only when the cache is empty, and must not be in a transaction that has
 * written.  With db NULL: 0 without a snapshot (r->snapshot NULL) then.  Codes of the
 * driver. */
int setting_reader_open(struct setting_reader *r, struct setting_values *v,
    struct setting_cipher *cipher, const struct db *db, struct err *e);
void setting_reader_close(struct setting_reader *r);

/* One row; the texts live until the reader is closed. */
struct setting_row {
	const char *key, *value, *type, *description, *group_id; /* the last two may be NULL */
	bool is_encrypted; /* value is a ciphertext */
	int64_t created_at, updated_at;
};

/* Rows are in the order of their keys. */
size_t setting_count(const struct setting_reader *r);
struct setting_row setting_at(const struct setting_reader *r, size_t i);
/* False when there is none. */
bool setting_find(const struct setting_reader *r, const char *key, struct setting_row *out);

/* The plain value of a row, in locked memory.  Codes of setting_decrypt. */
int setting_plain(const struct setting_reader *r, const struct setting_row *row,
    struct secret *out, struct err *e);

/*
 * Typed access.  Each gives the fallback for a setting that does not exist or is
 * empty, and ERR_CORRUPT, with its key, for one whose value is not of that type;
 * codes of setting_decrypt.
 */
int setting_string(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e);
int setting_boolean(const struct setting_reader *r, const char *key, bool fallback, bool *out,
    struct err *e);
int setting_number(const struct setting_reader *r, const char *key, double fallback,
    double *out, struct err *e);
int setting_integer(const struct setting_reader *r, const char *key, int64_t fallback,
    int64_t *out, struct err *e);
int setting_url(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e); /* http or https, with a host */
int setting_email(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e);
/* *out is the caller's (cJSON_Delete); NULL as fallback. */
int setting_json(const struct setting_reader *r, const char *key, cJSON **out, struct err *e);
int setting_array(const struct setting_reader *r, const char *key, cJSON **out, struct err *e);

/* Many at once: out has n places.  The first that fails ends it, and out is empty. */
int setting_strings(const struct setting_reader *r, const char *const *keys, size_t n,
    struct secret *out, struct err *e);

/* A whole group: calls use for each of its settings in order of their keys; use's
 * first value other than 0 ends it and is returned. */
int setting_group_each(const struct setting_reader *r, const char *group_id,
    int (*use)(void *arg, const struct setting_row *row), void *arg);

/* ERR_CONFIG, naming the first of the keys that is missing or empty. */
int setting_require(const struct setting_reader *r, const char *const *keys, size_t n,
    struct err *e);

/* Whether text is a value of that type: string, number or boolean. */
bool setting_fits(const char *type, const char *text);

#endif

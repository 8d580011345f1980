/*
 * The cache of settings: see setting_values.h.
 *
 * Invariant: the cached snapshot was read after the last commit that changed
 * settings.
 */
#include "db-worker/setting_values.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct setting_snapshot {
	unsigned references; /* guarded by the lock of setting_values */
	struct result rows;
};

struct setting_values {
	pthread_mutex_t lock;
	uint64_t generation;
	struct setting_snapshot *current; /* NULL: to be read */
};

enum column { KEY, VALUE, TYPE, ENCRYPTED, DESCRIPTION, GROUP, CREATED, UPDATED };

int setting_values_new(struct setting_values **out, struct err *e)
{
	struct setting_values *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the settings");
	pthread_mutex_init(&v->lock, NULL);
	*out = v;
	return 0;
}

/* With the lock held. */
static void unreference(struct setting_snapshot *s)
{
	if (s == NULL || --s->references > 0)
		return;
	result_free(&s->rows);
	free(s);
}

void setting_values_free(struct setting_values *v)
{
	if (v == NULL)
		return;
	unreference(v->current);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

void setting_values_forget(struct setting_values *v)
{
	pthread_mutex_lock(&v->lock);
	v->generation++;
	unreference(v->current);
	v->current = NULL;
	pthread_mutex_unlock(&v->lock);
}

/* The current snapshot, referenced; NULL when there is none. */
static struct setting_snapshot *take_current(struct setting_values *v, uint64_t *generation)
{
	struct setting_snapshot *s;

	pthread_mutex_lock(&v->lock);
	*generation = v->generation;
	s = v->current;
	if (s != NULL)
		s->references++;
	pthread_mutex_unlock(&v->lock);
	return s;
}

static int check_rows(const struct result *r, struct err *e)
{
	size_t i;

	for (i = 0; i < r->nrows; i++)
		if (sql_text(r, i, KEY) == NULL || sql_text(r, i, VALUE) == NULL ||
		    sql_text(r, i, TYPE) == NULL)
			return err_set(e, ERR_CORRUPT, "the stored setting %.255s is no text",
			    sql_text(r, i, KEY) != NULL ? sql_text(r, i, KEY) : "?");
	return 0;
}

static int load(struct setting_values *v, const struct db *db, uint64_t generation,
    struct setting_snapshot **out, struct err *e)
{
	struct setting_snapshot *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the settings");
	rc = sql_run(db, &s->rows, e, "SELECT key, value, type, is_encrypted, description, "
	    "group_id, created_at, updated_at FROM globalSettings ORDER BY key", NULL, 0);
	if (rc == 0)
		rc = check_rows(&s->rows, e);
	if (rc < 0) {
		result_free(&s->rows);
		free(s);
		return rc;
	}
	s->references = 1;
	pthread_mutex_lock(&v->lock);
	if (generation == v->generation && v->current == NULL) {
		v->current = s;
		s->references++;
	}
	pthread_mutex_unlock(&v->lock);
	*out = s;
	return 0;
}

int setting_reader_open(struct setting_reader *r, struct setting_values *v,
    struct setting_cipher *cipher, const struct db *db, struct err *e)
{
	uint64_t generation;

	r->values = v;
	r->cipher = cipher;
	r->snapshot = take_current(v, &generation);
	if (r->snapshot != NULL || db == NULL)
		return 0;
	return load(v, db, generation, &r->snapshot, e);
}

void setting_reader_close(struct setting_reader *r)
{
	pthread_mutex_lock(&r->values->lock);
	unreference(r->snapshot);
	pthread_mutex_unlock(&r->values->lock);
	r->snapshot = NULL;
}

/* ---- rows ---- */

size_t setting_count(const struct setting_reader *r)
{
	return r->snapshot->rows.nrows;
}

struct setting_row setting_at(const struct setting_reader *r, size_t i)
{
	const struct result *rows = &r->snapshot->rows;

	return (struct setting_row){
		.key = sql_text(rows, i, KEY),
		.value = sql_text(rows, i, VALUE),
		.type = sql_text(rows, i, TYPE),
		.is_encrypted = sql_integer(rows, i, ENCRYPTED) != 0,
		.description = sql_text(rows, i, DESCRIPTION),
		.group_id = sql_text(rows, i, GROUP),
		.created_at = sql_integer(rows, i, CREATED),
		.updated_at = sql_integer(rows, i, UPDATED),
	};
}

bool setting_find(const struct setting_reader *r, const char *key, struct setting_row *out)
{
	size_t low = 0, high = setting_count(r);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(sql_text(&r->snapshot->rows, middle, KEY), key);

		if (order == 0) {
			*out = setting_at(r, middle);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int setting_plain(const struct setting_reader *r, const struct setting_row *row,
    struct secret *out, struct err *e)
{
	if (row->is_encrypted)
		return setting_decrypt(r->cipher, row->key, row->value, out, e);
	if (secret_set(out, row->value, strlen(row->value)) < 0)
		return err_set(e, ERR_NOMEM, "not enough locked memory for %s", row->key);
	return 0;
}

int setting_group_each(const struct setting_reader *r, const char *group_id,
    int (*use)(void *arg, const struct setting_row *row), void *arg)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < setting_count(r); i++) {
		struct setting_row row = setting_at(r, i);

		if (row.group_id != NULL && strcmp(row.group_id, group_id) == 0)
			rc = use(arg, &row);
	}
	return rc;
}

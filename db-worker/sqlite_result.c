/*
 * Copying rows of a statement into a struct result (sqlite_conn.h).
 *
 * Invariant: the names, the data and the table of values together stay within
 * the connection's max_bytes, whatever the statement yields.
 */
#include <stdlib.h>
#include <string.h>

#include "db-worker/sqlite_conn.h"

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "not enough memory for a result");
}

static int too_large(const struct conn *c, struct err *e)
{
	return err_set(e, ERR_FULL, "the result is larger than %lld bytes; ask for less at once",
	    (long long)c->max_bytes);
}

int sqlite_result_start(struct conn *c, sqlite3_stmt *stmt, struct result *r, struct err *e)
{
	size_t i, n;

	r->memory = arena_new((size_t)c->max_bytes);
	if (r->memory == NULL)
		return no_memory(e);
	r->ncols = (size_t)sqlite3_column_count(stmt);
	r->columns = arena_alloc(r->memory, (r->ncols + 1) * sizeof(char *));
	if (r->columns == NULL)
		return too_large(c, e);
	for (i = 0; i < r->ncols; i++) {
		const char *name = sqlite3_column_name(stmt, (int)i);

		if (name == NULL)
			return no_memory(e);
		n = strlen(name) + 1;
		r->columns[i] = arena_alloc(r->memory, n);
		if (r->columns[i] == NULL)
			return too_large(c, e);
		memcpy(r->columns[i], name, n);
	}
	return 0;
}

static int copy_bytes(struct conn *c, sqlite3_stmt *stmt, int col, bool text,
    struct arena *memory, struct value *v, struct err *e)
{
	const void *data = text ? (const void *)sqlite3_column_text(stmt, col) :
	    sqlite3_column_blob(stmt, col);
	size_t len = (size_t)sqlite3_column_bytes(stmt, col);
	char *copy;

	/* An empty blob is NULL, and so is what there was no memory to convert. */
	if (data == NULL && (text || sqlite3_errcode(c->db) == SQLITE_NOMEM))
		return no_memory(e);
	copy = arena_alloc(memory, len + 1);
	if (copy == NULL)
		return too_large(c, e);
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	*v = (struct value){ .kind = text ? VALUE_TEXT : VALUE_BLOB, .data = copy, .len = len };
	return 0;
}

static int copy_value(struct conn *c, sqlite3_stmt *stmt, int col, struct arena *memory,
    struct value *v, struct err *e)
{
	switch (sqlite3_column_type(stmt, col)) {
	case SQLITE_INTEGER:
		*v = value_integer(sqlite3_column_int64(stmt, col));
		return 0;
	case SQLITE_FLOAT:
		*v = value_float(sqlite3_column_double(stmt, col));
		return 0;
	case SQLITE_TEXT:
		return copy_bytes(c, stmt, col, true, memory, v, e);
	case SQLITE_BLOB:
		return copy_bytes(c, stmt, col, false, memory, v, e);
	default:
		*v = value_null();
		return 0;
	}
}

static int grow(struct result *r, size_t *capacity, struct err *e)
{
	size_t want = *capacity == 0 ? r->ncols * 4 : *capacity * 2;
	struct value *grown = reallocarray(r->values, want, sizeof(*grown));

	if (grown == NULL)
		return no_memory(e);
	r->values = grown;
	*capacity = want;
	return 0;
}

int sqlite_result_add(struct conn *c, sqlite3_stmt *stmt, struct result *r, size_t *capacity,
    struct err *e)
{
	size_t i;
	int rc = 0;

	if (r->nrows >= (size_t)c->max_rows)
		return err_set(e, ERR_FULL, "the result has more than %lld rows; ask for less at once",
		    (long long)c->max_rows);
	if (!arena_charge(r->memory, r->ncols * sizeof(struct value)))
		return too_large(c, e);
	if ((r->nrows + 1) * r->ncols > *capacity)
		rc = grow(r, capacity, e);
	for (i = 0; rc == 0 && i < r->ncols; i++)
		rc = copy_value(c, stmt, (int)i, r->memory, &r->values[r->nrows * r->ncols + i], e);
	if (rc == 0)
		r->nrows++;
	return rc;
}

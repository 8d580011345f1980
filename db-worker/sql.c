/*
 * Short forms of driver calls: see sql.h.
 */
#include "db-worker/sql.h"

#include <string.h>

int sql_run(const struct db *db, struct result *out, struct err *e, const char *sql,
    const struct value *args, size_t nargs)
{
	const struct statement s = { .sql = sql, .args = args, .nargs = nargs };

	return db->driver->execute(db->conn, &s, db->deadline_ms, out, e);
}

const char *sql_text(const struct result *r, size_t row, size_t col)
{
	const struct value *v = result_value(r, row, col);

	if (v->kind != VALUE_TEXT || memchr(v->data, '\0', v->len) != NULL)
		return NULL;
	return v->data;
}

int64_t sql_integer(const struct result *r, size_t row, size_t col)
{
	const struct value *v = result_value(r, row, col);

	return v->kind == VALUE_INTEGER ? v->integer : 0;
}

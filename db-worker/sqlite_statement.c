/*
 * Running statements and scripts on a connection: see sqlite_conn.h.
 *
 * Invariant: a statement that returns an error has changed nothing.  SQLite
 * keeps that for its own errors; for ours (a result that is too large) a write
 * that returns rows runs inside a savepoint.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db-worker/sqlite_conn.h"

/* ---- text ---- */

/* The first character that is no white space, semicolon or comment. */
static const char *skip_blank(const char *p)
{
	const char *end;

	for (;;) {
		p += strspn(p, " \t\r\n\f;");
		if (p[0] == '-' && p[1] == '-') {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			end = strstr(p + 2, "*/");
			p = end != NULL ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

/* INSERT, REPLACE, UPDATE, DELETE, also behind WITH. */
static bool is_change(sqlite3_stmt *stmt)
{
	static const char *const words[] = { "insert", "replace", "update", "delete", "with" };
	const char *sql = skip_blank(sqlite3_sql(stmt));
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncasecmp(sql, words[i], strlen(words[i])) == 0)
			return !sqlite3_stmt_readonly(stmt);
	return false;
}

static size_t line_of(const char *sql, const char *at)
{
	size_t line = 1;

	for (; sql < at; sql++)
		line += *sql == '\n';
	return line;
}

/* ---- one statement ---- */

static int prepare_one(struct conn *c, const char *sql, sqlite3_stmt **stmt, struct err *e)
{
	const char *tail;
	int rc = sqlite3_prepare_v2(c->db, skip_blank(sql), -1, stmt, &tail);

	if (rc != SQLITE_OK)
		return sqlite_fail(c, rc, e);
	if (*stmt == NULL)
		return err_set(e, ERR_SQL, "the text holds no statement");
	if (*skip_blank(tail) == '\0')
		return 0;
	sqlite3_finalize(*stmt);
	*stmt = NULL;
	return err_set(e, ERR_SQL, "the text holds more than one statement");
}

static int bind_one(sqlite3_stmt *stmt, int n, const struct value *v)
{
	const char *data = v->data != NULL ? v->data : "";

	switch (v->kind) {
	case VALUE_INTEGER:
		return sqlite3_bind_int64(stmt, n, v->integer);
	case VALUE_FLOAT: /* NaN becomes NULL */
		return sqlite3_bind_double(stmt, n, v->real);
	case VALUE_TEXT:
		return sqlite3_bind_text64(stmt, n, data, v->len, SQLITE_STATIC, SQLITE_UTF8);
	case VALUE_BLOB:
		return sqlite3_bind_blob64(stmt, n, data, v->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(stmt, n);
	}
}

static int bind_all(struct conn *c, sqlite3_stmt *stmt, const struct statement *s, struct err *e)
{
	size_t i;
	int rc = SQLITE_OK;

	if ((size_t)sqlite3_bind_parameter_count(stmt) != s->nargs)
		return err_set(e, ERR_SQL, "the statement has %d parameters and %zu were given",
		    sqlite3_bind_parameter_count(stmt), s->nargs);
	for (i = 0; rc == SQLITE_OK && i < s->nargs; i++)
		rc = bind_one(stmt, (int)i + 1, &s->args[i]);
	return rc == SQLITE_OK ? 0 : sqlite_fail(c, rc, e);
}

static int step_all(struct conn *c, sqlite3_stmt *stmt, struct result *r, struct err *e)
{
	size_t capacity = 0;
	int rc, step;

	rc = sqlite_result_start(c, stmt, r, e);
	while (rc == 0 && (step = sqlite3_step(stmt)) != SQLITE_DONE)
		rc = step == SQLITE_ROW ? sqlite_result_add(c, stmt, r, &capacity, e) :
		    sqlite_fail(c, step, e);
	if (rc < 0)
		return rc;
	r->last_insert_rowid = sqlite3_last_insert_rowid(c->db);
	/* sqlite3_changes64 keeps its value over statements that change no row. */
	if (is_change(stmt))
		r->rows_affected = sqlite3_changes64(c->db);
	return 0;
}

/* ---- the savepoint around a write that returns rows ---- */

#define SAVEPOINT "\"deploystackd statement\""

/* Undoes the statement.  An error may have rolled back everything already. */
static void undo(struct conn *c, bool alone)
{
	if (sqlite3_get_autocommit(c->db))
		return;
	if (alone) {
		sqlite_run_text(c, "ROLLBACK", NULL);
	} else {
		sqlite_run_text(c, "ROLLBACK TO " SAVEPOINT, NULL);
		sqlite_run_text(c, "RELEASE " SAVEPOINT, NULL);
	}
}

/* Without a transaction around it, RELEASE is the commit. */
static int finish(struct conn *c, bool alone, int rc, struct err *e)
{
	if (rc == 0)
		rc = sqlite_run_text(c, "RELEASE " SAVEPOINT, e);
	if (rc < 0)
		undo(c, alone);
	return rc;
}

int sqlite_statement_run(struct conn *c, const struct statement *s, struct result *out,
    struct err *e)
{
	bool alone = sqlite3_get_autocommit(c->db) != 0, guarded = false;
	struct result r = { 0 };
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare_one(c, s->sql, &stmt, e);
	if (rc == 0)
		rc = bind_all(c, stmt, s, e);
	if (rc == 0 && sqlite3_column_count(stmt) > 0 && is_change(stmt)) {
		rc = sqlite_run_text(c, "SAVEPOINT " SAVEPOINT, e);
		guarded = rc == 0;
	}
	if (rc == 0)
		rc = step_all(c, stmt, &r, e);
	sqlite3_finalize(stmt);
	if (guarded)
		rc = finish(c, alone, rc, e);
	if (rc == 0 && out != NULL)
		*out = r;
	else
		result_free(&r);
	return rc;
}

int sqlite_statement_describe(struct conn *c, const char *sql, struct result *out,
    size_t *nparams, struct err *e)
{
	struct result r = { 0 };
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare_one(c, sql, &stmt, e);
	if (rc == 0)
		rc = sqlite_result_start(c, stmt, &r, e);
	if (rc == 0) {
		*nparams = (size_t)sqlite3_bind_parameter_count(stmt);
		*out = r;
	} else {
		result_free(&r);
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* ---- scripts ---- */

/* Runs the statement at *at and moves *at behind it; on failure to where it is wrong. */
static int run_next(struct conn *c, const char **at, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	const char *tail = NULL;
	int rc, offset;

	rc = sqlite3_prepare_v2(c->db, *at, -1, &stmt, &tail);
	if (rc == SQLITE_OK) {
		while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
			;
		rc = sqlite3_finalize(stmt);
	} else if ((offset = sqlite3_error_offset(c->db)) > 0) {
		rc = sqlite_fail(c, rc, e);
		*at += offset;
		return rc;
	}
	if (rc != SQLITE_OK)
		return sqlite_fail(c, rc, e);
	*at = tail;
	return 0;
}

int sqlite_script_run(struct conn *c, const char *sql, size_t len, struct err *e)
{
	const char *at;
	char *copy; /* with a NUL behind it: SQLite copies any other text per statement */
	size_t ordinal = 0;
	int rc = 0;

	if (memchr(sql, '\0', len) != NULL)
		return err_set(e, ERR_SQL, "the text holds a NUL character");
	copy = strndup(sql, len);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for a script");
	at = skip_blank(copy);
	while (rc == 0 && *at != '\0') {
		ordinal++;
		rc = run_next(c, &at, e);
		if (rc < 0)
			err_prefix(e, "statement %zu, line %zu", ordinal, line_of(copy, at));
		else
			at = skip_blank(at);
	}
	free(copy);
	return rc;
}

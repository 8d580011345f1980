/*
 * Applying migrations: see migrate.h.
 */
#include "db-worker/migrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LEDGER "__drizzle_migrations"
/* As drizzle-orm 0.40 to 0.45 makes it; id stays NULL. */
#define LEDGER_SQL "CREATE TABLE IF NOT EXISTS \"" LEDGER "\" (\n" \
	"\tid SERIAL PRIMARY KEY,\n\thash text NOT NULL,\n\tcreated_at numeric\n)"
#define CLOCK_SLACK_MS (24 * 3600 * 1000ll) /* of the machine that made the file */

static int query(const struct driver *driver, struct conn *c, const char *sql,
    struct result *out, struct err *e)
{
	return driver->execute(c, &(struct statement){ .sql = sql }, 0, out, e);
}

int migrate_applied(const struct driver *driver, struct conn *c, struct result *out,
    struct err *e)
{
	struct result r = { 0 };
	bool exists;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = query(driver, c, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND "
	    "lower(name) = '" LEDGER "'", &r, e);
	exists = rc == 0 && r.nrows > 0;
	result_free(&r);
	if (rc < 0 || !exists)
		return rc;
	return query(driver, c, "SELECT hash, created_at FROM \"" LEDGER "\" ORDER BY rowid", out,
	    e);
}

static bool is_text(const struct value *v, const char *text)
{
	return v->kind == VALUE_TEXT && strcmp(v->data, text) == 0;
}

static const struct migration *find_file(const struct migration_files *files,
    const struct value *hash)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		if (is_text(hash, files->items[i].hash))
			return &files->items[i];
	return NULL;
}

static int unknown_hash(const struct migration_files *files, const struct result *applied,
    size_t row, struct err *e)
{
	const struct value *when = result_value(applied, row, 1);
	size_t i;

	for (i = 0; i < files->count; i++)
		if (when->kind == VALUE_INTEGER && when->integer == files->items[i].when)
			return err_set(e, ERR_CONFIG, "%s.sql was changed after it was applied; "
			    "restore the file as it was and put the change into a new migration",
			    files->items[i].tag);
	return err_set(e, ERR_CONFIG, "the database has a migration that this version does not know "
	    "(hash %.12s…); it belongs to a newer version: install that one",
	    result_value(applied, row, 0)->kind == VALUE_TEXT ?
	    result_value(applied, row, 0)->data : "?");
}

/* Marks in `done` which files were applied; refuses what cannot be right. */
static int compare(const struct migration_files *files, const struct result *applied, bool *done,
    struct err *e)
{
	const struct migration *last = NULL;
	int64_t now = clock_wall_ms();
	size_t i;

	for (i = 0; i < applied->nrows; i++) {
		const struct migration *m = find_file(files, result_value(applied, i, 0));

		if (m == NULL)
			return unknown_hash(files, applied, i, e);
		done[m - files->items] = true;
		if (last == NULL || m > last)
			last = m;
	}
	for (i = 0; i < files->count; i++) {
		const struct migration *m = &files->items[i];

		if (done[i])
			continue;
		if (last != NULL && m < last)
			return err_set(e, ERR_CONFIG, "%s.sql is pending although %s.sql, which comes "
			    "after it, was applied; give it a number and time after the last one",
			    m->tag, last->tag);
		if (m->when > now + CLOCK_SLACK_MS)
			return err_set(e, ERR_CONFIG, "%s is dated in the future in the journal; "
			    "correct its `when`, or this machine's clock", m->tag);
	}
	return 0;
}

static int check_foreign_keys(const struct driver *driver, struct conn *c, struct err *e)
{
	struct result r = { 0 };
	int rc = query(driver, c, "PRAGMA foreign_key_check", &r, e);

	if (rc == 0 && r.nrows > 0)
		rc = err_set(e, ERR_CONSTRAINT, "it leaves %zu rows that refer to rows that do not "
		    "exist, the first in table %s", r.nrows,
		    result_value(&r, 0, 0)->kind == VALUE_TEXT ? result_value(&r, 0, 0)->data : "?");
	result_free(&r);
	return rc;
}

static int record(const struct driver *driver, struct conn *c, const struct migration *m,
    struct err *e)
{
	struct value args[] = { value_text(m->hash), value_integer(m->when) };
	struct statement s = { "INSERT INTO \"" LEDGER "\" (\"hash\", \"created_at\") "
	    "VALUES (?, ?)", args, 2 };

	return driver->execute(c, &s, 0, NULL, e);
}

static int run_file(const struct driver *driver, struct conn *c, const struct migration *m,
    struct err *e)
{
	int rc = driver->begin(c, TXN_IMMEDIATE, e);

	if (rc < 0)
		return rc;
	rc = driver->execute_script(c, m->sql, m->len, 0, e);
	if (rc == 0 && !driver->in_transaction(c))
		return err_set(e, ERR_CONFIG, "it ends the transaction that it runs in; remove its "
		    "COMMIT or ROLLBACK");
	if (rc == 0)
		rc = query(driver, c, LEDGER_SQL, NULL, e);
	if (rc == 0)
		rc = record(driver, c, m, e);
	if (rc == 0)
		rc = check_foreign_keys(driver, c, e);
	if (rc == 0)
		rc = driver->commit(c, e);
	if (rc < 0)
		driver->rollback(c, NULL);
	return rc;
}

/* PRAGMA foreign_keys does nothing inside a transaction, so it goes around it:
 * a table that is rebuilt must not take its children with it. */
static int apply(const struct driver *driver, struct conn *c, const struct migration *m,
    struct err *e)
{
	struct err ignored;
	int rc = query(driver, c, "PRAGMA foreign_keys = OFF", NULL, e), on;

	if (rc == 0)
		rc = run_file(driver, c, m, e);
	on = query(driver, c, "PRAGMA foreign_keys = ON", NULL, rc < 0 ? &ignored : e);
	if (rc == 0)
		rc = on;
	if (rc < 0)
		err_prefix(e, "migration %s.sql failed and was undone", m->tag);
	return rc;
}

int migrate(const struct driver *driver, struct conn *c, const struct migration_files *files,
    size_t *applied, struct err *e)
{
	struct result rows = { 0 };
	bool *done = calloc(files->count + 1, sizeof(*done));
	size_t i;
	int rc;

	*applied = 0;
	if (done == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for migrations");
	rc = migrate_applied(driver, c, &rows, e);
	if (rc == 0)
		rc = compare(files, &rows, done, e);
	for (i = 0; rc == 0 && i < files->count; i++) {
		if (done[i])
			continue;
		rc = apply(driver, c, &files->items[i], e);
		*applied += rc == 0;
	}
	result_free(&rows);
	free(done);
	return rc;
}

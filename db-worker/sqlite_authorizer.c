/*
 * The authorizer: see sqlite_authorizer.h.  Asked by SQLite while it compiles a
 * statement, so the text's tricks do not matter.
 *
 * What is not code here is a list of what is allowed, so that a pragma, module
 * or table of a newer SQLite is refused until somebody has looked at it.
 */
#include "db-worker/sqlite_authorizer.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

static bool is_in(const char *name, const char *const *list)
{
	for (; name != NULL && *list != NULL; list++)
		if (strcasecmp(name, *list) == 0)
			return true;
	return false;
}

/* PRAGMAs that only tell, with or without an argument … */
static const char *const telling[] = {
	"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
	"foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
	"collation_list", "function_list", "compile_options", NULL
};

/* … that tell without an argument … */
static const char *const telling_bare[] = {
	"user_version", "application_id", "page_count", "page_size", "freelist_count",
	"schema_version", "journal_mode", "synchronous", "encoding", "foreign_keys",
	"defer_foreign_keys", "data_version", NULL
};

/* … and those that change only this connection's checking, which reset undoes,
 * or a number that belongs to the application. */
static const char *const changing[] = {
	"foreign_keys", "defer_foreign_keys", "user_version", "application_id", NULL
};

static const char *const functions_refused[] = {
	"load_extension", "fts3_tokenizer", "sqlite_log", "writefile", "readfile", "edit", NULL
};

/* Of the tables named sqlite_…: the schema and what belongs to it.  The others
 * are windows to raw pages or to other statements. */
static const char *const own_tables[] = {
	"sqlite_schema", "sqlite_master", "sqlite_temp_schema", "sqlite_temp_master",
	"sqlite_sequence", "sqlite_stat1", "sqlite_stat2", "sqlite_stat3", "sqlite_stat4", NULL
};

static const char *const modules[] = { "fts4", "fts5", "rtree", "rtree_i32", NULL };

static bool is_table_allowed(const char *table)
{
	if (table == NULL)
		return true;
	if (strncasecmp(table, "sqlite_", 7) == 0 &&
	    strncasecmp(table, "sqlite_autoindex_", 17) != 0)
		return is_in(table, own_tables);
	return strcasecmp(table, "dbstat") != 0;
}

static bool is_pragma_allowed(const char *name, const char *argument)
{
	return is_in(name, telling) || (argument == NULL && is_in(name, telling_bare)) ||
	    (argument != NULL && is_in(name, changing));
}

static int refuse(struct sqlite_policy *p, const char *what, const char *name)
{
	snprintf(p->refused, sizeof(p->refused), "%s%s%.40s", what, name != NULL ? " " : "",
	    name != NULL ? name : "");
	return SQLITE_DENY;
}

/* What is temporary would stay in a connection that others lease later, and stand
 * in front of the real tables there. */
static int refuse_if_temporary(struct sqlite_policy *p, const char *db)
{
	if (db == NULL || strcasecmp(db, "temp") != 0)
		return SQLITE_OK;
	return refuse(p, "temporary tables, views, triggers and indexes", NULL);
}

int sqlite_authorize(void *policy, int action, const char *a, const char *b, const char *db,
    const char *trigger)
{
	struct sqlite_policy *p = policy;

	switch (action) {
	case SQLITE_ATTACH: /* also VACUUM and VACUUM INTO */
	case SQLITE_DETACH:
		return refuse(p, "ATTACH, DETACH or VACUUM", NULL);
	case SQLITE_TRANSACTION:
		return p->no_transactions ? refuse(p, a, "inside a batch") : SQLITE_OK;
	case SQLITE_PRAGMA:
		return is_pragma_allowed(a, b) ? SQLITE_OK : refuse(p, "PRAGMA", a);
	case SQLITE_FUNCTION:
		return is_in(b, functions_refused) ? refuse(p, "function", b) : SQLITE_OK;
	case SQLITE_CREATE_VTABLE:
		return is_in(b, modules) ? refuse_if_temporary(p, db) : refuse(p, "module", b);
	case SQLITE_CREATE_TABLE:
	case SQLITE_CREATE_VIEW:
	case SQLITE_CREATE_TRIGGER:
	case SQLITE_CREATE_INDEX:
		return refuse_if_temporary(p, db);
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_CREATE_TEMP_TRIGGER:
	case SQLITE_CREATE_TEMP_INDEX:
		return refuse_if_temporary(p, "temp");
	case SQLITE_READ:
	case SQLITE_UPDATE:
	case SQLITE_INSERT:
	case SQLITE_DELETE:
		return is_table_allowed(a) ? SQLITE_OK : refuse(p, "table", a);
	default:
		return SQLITE_OK;
	}
}

/*
 * The authorizer: see sqlite_authorizer.h.  Asked by SQLite while it compiles a
 * statement, so the text's tricks do not matter.
 */
#include "db-worker/sqlite_authorizer.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
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

/* … and those that change only this connection's checking, or a number that
 * belongs to the application. */
static const char *const changing[] = {
	"foreign_keys", "defer_foreign_keys", "user_version", "application_id", NULL
};

static const char *const functions[] = {
	"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit", NULL
};

static const char *const tables[] = { "sqlite_dbpage", "sqlite_dbdata", "dbstat", NULL };

int sqlite_authorize(void *unused, int action, const char *a, const char *b, const char *db,
    const char *trigger)
{
	switch (action) {
	case SQLITE_ATTACH: /* also VACUUM and VACUUM INTO */
	case SQLITE_DETACH:
		return SQLITE_DENY;
	case SQLITE_PRAGMA:
		if (is_in(a, telling) || (b == NULL && is_in(a, telling_bare)) ||
		    (b != NULL && is_in(a, changing)))
			return SQLITE_OK;
		return SQLITE_DENY;
	case SQLITE_FUNCTION:
		return is_in(b, functions) ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_CREATE_VTABLE:
	case SQLITE_READ:
	case SQLITE_UPDATE:
	case SQLITE_INSERT:
	case SQLITE_DELETE:
		return is_in(a, tables) || (action == SQLITE_CREATE_VTABLE && is_in(b, tables)) ?
		    SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_OK;
	}
}

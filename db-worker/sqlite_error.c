/*
 * SQLite's result codes as codes and sentences of ours: see sqlite_conn.h.
 * Sentences hold SQLite's own text, never a path or a bound value.
 */
#include <errno.h>

#include "db-worker/sqlite_conn.h"

bool sqlite_is_failed_sync(int rc)
{
	return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

static int disk_full(struct err *e)
{
	return err_set(e, ERR_IO, "the disk or the database is full; make room");
}

static int failed_io(int extended, int errnum, struct err *e)
{
	if (sqlite_is_failed_sync(extended)) {
		driver_set_fatal(true);
		return err_set(e, ERR_IO, "the disk could not make a write durable (code %d); "
		    "whether it is kept shows after the restart that follows; check the disk",
		    extended);
	}
	/* A file that cannot grow, such as the index of the write-ahead log. */
	if (errnum == ENOSPC || errnum == EDQUOT)
		return disk_full(e);
	return err_set(e, ERR_IO, "reading or writing the database failed (%s, code %d); check "
	    "the disk", sqlite3_errstr(extended), extended);
}

static int failed_open(int extended, int errnum, struct err *e)
{
	if (extended == SQLITE_CANTOPEN_SYMLINK)
		return err_set(e, ERR_CORRUPT, "the database's path leads through a symbolic link; "
		    "configure its real path");
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return disk_full(e);
	case ENOENT:
	case ENOTDIR:
		return err_set(e, ERR_NOT_FOUND, "the database file or its directory does not exist");
	case EACCES:
	case EPERM:
	case EROFS:
		return err_set_errno(e, ERR_DENIED, errnum, "the database file cannot be opened; "
		    "check owner and mode of the file and its directory");
	case 0:
		return err_set(e, ERR_IO, "the database file cannot be opened; check that its "
		    "directory exists and may be written");
	default:
		return err_set_errno(e, ERR_IO, errnum, "the database file cannot be opened");
	}
}

static int refused(struct conn *c, struct err *e)
{
	/* SQLite's defensive mode refuses some things by itself. */
	if (c->policy.refused[0] == '\0')
		return err_set(e, ERR_DENIED, "%s", sqlite3_errmsg(c->db));
	return err_set(e, ERR_DENIED, "the statement is not allowed: %s", c->policy.refused);
}

static int failed_readonly(struct conn *c, int extended, struct err *e)
{
	if (c->read_only && extended == SQLITE_READONLY)
		return err_set(e, ERR_DENIED, "the statement writes, and this connection is read-only");
	return err_set(e, ERR_IO, "the database cannot be written (%s); check owner, mode and file "
	    "system", sqlite3_errstr(extended));
}

int sqlite_fail(struct conn *c, int rc, struct err *e)
{
	int extended = rc, errnum = 0;

	if (c->db != NULL) {
		errnum = sqlite3_system_errno(c->db);
		if ((sqlite3_extended_errcode(c->db) & 0xff) == rc)
			extended = sqlite3_extended_errcode(c->db);
	}
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return err_set(e, ERR_CONSTRAINT, "%s", sqlite3_errmsg(c->db));
	case SQLITE_NOMEM:
		return err_set(e, ERR_NOMEM, "this needs more memory than the database may use");
	case SQLITE_INTERRUPT:
		return c->timed_out ? err_set(e, ERR_TIMEOUT, "the statement took longer than allowed") :
		    err_set(e, ERR_INTERRUPTED, "the statement was interrupted");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return err_set(e, ERR_UNAVAILABLE, "another program holds the database; close it there, "
		    "or try again");
	case SQLITE_CORRUPT:
		return err_set(e, ERR_CORRUPT, "the database is damaged; restore it from a backup");
	case SQLITE_NOTADB:
		return err_set(e, ERR_CORRUPT, "the file is not an SQLite database");
	case SQLITE_FULL:
		return disk_full(e);
	case SQLITE_IOERR:
		return failed_io(extended, errnum, e);
	case SQLITE_CANTOPEN:
		return failed_open(extended, errnum, e);
	case SQLITE_READONLY:
		return failed_readonly(c, extended, e);
	case SQLITE_AUTH:
	case SQLITE_PERM:
		return refused(c, e);
	case SQLITE_TOOBIG:
		return err_set(e, ERR_FULL, "%s", sqlite3_errmsg(c->db));
	case SQLITE_MISUSE:
		return err_set(e, ERR_INTERNAL, "the database library was used wrongly");
	default:
		/* For a refused function SQLite has no code of its own. */
		if (c->policy.refused[0] != '\0')
			return refused(c, e);
		return err_set(e, ERR_SQL, "%s", c->db != NULL ? sqlite3_errmsg(c->db) :
		    sqlite3_errstr(rc));
	}
}

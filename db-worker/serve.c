/*
 * Serving: see serve.h.
 */
#include "db-worker/serve.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

#define READERS 2
#define LEASE_MS 10000

static int check_file(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "the selected database file is missing; put it back "
		    "from a backup, or move the data directory away to set up anew");
	if (lstat(path, &st) < 0)
		return err_set_errno(e, ERR_IO, errno, "the selected database file cannot be examined");
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(e, ERR_CORRUPT, "the selected database file is a link or no regular "
		    "file; put the real file there");
	if (st.st_size == 0)
		return err_set(e, ERR_CORRUPT, "the selected database file is empty; put it back from "
		    "a backup");
	return 0;
}

/* The process before this one may have failed to make its writes durable. */
static int quick_check(const struct driver *driver, struct conn *c, struct err *e)
{
	struct result r = { 0 };
	int rc = driver->execute(c, &(struct statement){ .sql = "PRAGMA quick_check(1)" }, 0, &r, e);

	if (rc == 0 && (r.nrows != 1 || result_value(&r, 0, 0)->kind != VALUE_TEXT ||
	    strcmp(result_value(&r, 0, 0)->data, "ok") != 0))
		rc = err_set(e, ERR_CORRUPT, "the database is damaged (%s); restore it from a backup",
		    r.nrows > 0 && result_value(&r, 0, 0)->kind == VALUE_TEXT ?
		    result_value(&r, 0, 0)->data : "no answer");
	result_free(&r);
	return rc;
}

int serve_open(struct serve *s, struct err *e)
{
	struct conn_options o = { .path = s->db_path };
	struct conn *c;
	int rc = check_file(s->db_path, e);

	if (rc == 0)
		rc = database_open(&s->database, s->driver, &o, READERS, e);
	if (rc < 0)
		return rc;
	c = database_lease_writer(s->database, clock_monotonic_ms() + LEASE_MS, e);
	rc = c == NULL ? ERR_UNAVAILABLE : s->check ? quick_check(s->driver, c, e) : 0;
	if (rc == 0)
		rc = prepare(s->driver, c, s->installation, s->cipher, e);
	if (c != NULL)
		database_return(s->database, c);
	return rc;
}

void serve_close(struct serve *s)
{
	database_close(s->database);
	s->database = NULL;
}

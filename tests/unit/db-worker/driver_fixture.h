/*
 * A fresh database of the sqlite driver in a directory of its own, and short
 * forms of what tests ask of it.  Header only, as fault_vfs.h.
 */
#ifndef TESTS_DRIVER_FIXTURE_H
#define TESTS_DRIVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db-worker/driver.h"

#define ENDLESS "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) " \
	"SELECT sum(x) FROM r"

static char fixture_dir[64], fixture_path[96];
static const struct driver *d;

static inline int fixture_make(void **state)
{
	d = driver_find("sqlite");
	snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/test-db-XXXXXX");
	if (d == NULL || mkdtemp(fixture_dir) == NULL)
		return -1;
	snprintf(fixture_path, sizeof(fixture_path), "%s/t.db", fixture_dir);
	driver_set_fatal(false);
	return 0;
}

static inline int fixture_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", fixture_dir);
	return system(command);
}

/* Fails the test when it cannot. */
static inline struct conn *fixture_open(bool read_only)
{
	struct conn_options o = { .path = fixture_path, .create = !read_only,
		.read_only = read_only, .max_rows = 1000, .max_bytes = 1 << 20 };
	struct conn *c = NULL;
	struct err e;

	if (d->open(&c, &o, &e) < 0)
		fail_msg("open: %s", e.text);
	return c;
}

static inline int run(struct conn *c, const char *sql, struct result *r, struct err *e)
{
	return d->execute(c, &(struct statement){ .sql = sql }, clock_monotonic_ms() + 5000, r, e);
}

static inline void ok(struct conn *c, const char *sql)
{
	struct err e;

	if (run(c, sql, NULL, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
}

static inline void refused(struct conn *c, const char *sql, int code)
{
	struct err e = { 0 };
	int rc = run(c, sql, NULL, &e);

	if (rc != code || e.text[0] == '\0')
		fail_msg("%s: code %d (%s), not %d", sql, rc, e.text, code);
}

/* The integer of a one-row, one-column answer. */
static inline int64_t number(struct conn *c, const char *sql)
{
	struct result r = { 0 };
	struct err e;
	int64_t n;

	if (run(c, sql, &r, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
	assert_int_equal(r.nrows, 1);
	n = result_value(&r, 0, 0)->integer;
	result_free(&r);
	return n;
}

#endif

/*
 * What the disk gives to one writer: durable-loop DATABASE SECONDS
 *
 * One durable transaction after the other, each the insert of one setting, in this
 * process, with the pragmas that the db-worker uses; prints transactions per second.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(sqlite3 *db, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE)
		return;
	fprintf(stderr, "durable-loop: %s\n", sqlite3_errmsg(db));
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned long done = 0;
	sqlite3_stmt *insert;
	char key[32];
	sqlite3 *db;
	double start;

	if (argc != 3) {
		fputs("usage: durable-loop DATABASE SECONDS\n", stderr);
		return 2;
	}
	check(NULL, sqlite3_open(argv[1], &db));
	check(db, sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
	    "CREATE TABLE globalSettings (key text PRIMARY KEY NOT NULL, value text NOT NULL, "
	    "type text NOT NULL, description text, is_encrypted integer NOT NULL, group_id text, "
	    "created_at integer NOT NULL, updated_at integer NOT NULL);"
	    "CREATE INDEX globalSettings_group_id ON globalSettings (group_id)", NULL, NULL, NULL));
	check(db, sqlite3_prepare_v2(db, "INSERT INTO globalSettings VALUES (?, 'a value of some "
	    "length', 'string', NULL, 0, NULL, 1, 1)", -1, &insert, NULL));
	start = now();
	while (now() - start < strtod(argv[2], NULL)) {
		snprintf(key, sizeof(key), "loop.%lu", done++);
		sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
		check(db, sqlite3_step(insert));
		check(db, sqlite3_reset(insert));
	}
	printf("%.0f\n", (double)done / (now() - start));
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return 0;
}

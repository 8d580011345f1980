/*
 * Serving: opening the selected database at every start.
 */
#ifndef DB_WORKER_SERVE_H
#define DB_WORKER_SERVE_H

#include "db-worker/database.h"
#include "db-worker/prepare.h"

struct serve {
	const struct driver *driver;
	const char *db_path;
	bool check; /* integrity first */
	const struct installation *installation;
	struct setting_cipher *cipher;
	struct database *database; /* after serve_open */
};

/* Opens the database, which must exist, and completes it.  One sentence for the
 * operator on failure; nothing is ever made in place of a missing file. */
int serve_open(struct serve *s, struct err *e);
void serve_close(struct serve *s);

#endif

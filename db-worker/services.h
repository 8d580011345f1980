/*
 * What the services share: the active database, keys, caches and limits.  Made
 * once by db-worker/main.c; every member guards itself.
 */
#ifndef DB_WORKER_SERVICES_H
#define DB_WORKER_SERVICES_H

#include <stdatomic.h>

#include "db-worker/authorize.h"
#include "db-worker/database.h"
#include "db-worker/prepare.h"
#include "db-worker/rate_limit.h"
#include "db-worker/setting_values.h"
#include "db-worker/setup_gate.h"
#include "db-worker/setup_token.h"

struct services {
	const struct driver *driver;
	struct database *database;         /* NULL in setup mode and until it is open */
	const struct installation *installation;
	struct setting_cipher *cipher;
	struct identities *identities;
	struct setting_values *values;
	struct rate_limit *rate_limit;
	struct setup_token setup_token;
	struct setup_gate setup;
	unsigned char engine;              /* enum ipc_engine */
	atomic_bool has_accounts;          /* some account exists: the setup token is over */
};

/* Makes the caches and limits.  ERR_NOMEM. */
int services_init(struct services *s, struct err *e);
void services_free(struct services *s);

/* Serving begins: takes over nothing, but looks at what the database holds.  Codes of
 * the driver. */
int services_open(struct services *s, struct database *database, struct err *e);

/* Derives the encryption key and logs when a stored secret does not decrypt. */
void services_check_secrets(struct services *s);

/* After a commit, while the writer is still leased: the caches forget. */
void services_changed(struct services *s, unsigned changed);

#endif

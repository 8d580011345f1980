/*
 * What the services share: see services.h.
 */
#include "db-worker/services.h"

#include "base/clock.h"
#include "base/log.h"
#include "db-worker/accounts.h"
#include "db-worker/settings_store.h"

#define LEASE_MS 10000

int services_init(struct services *s, struct err *e)
{
	int rc = identities_new(&s->identities, e);

	if (rc == 0)
		rc = setting_values_new(&s->values, e);
	if (rc == 0)
		rc = rate_limit_new(&s->rate_limit, e);
	setup_token_init(&s->setup_token);
	setup_gate_init(&s->setup);
	return rc;
}

void services_free(struct services *s)
{
	identities_free(s->identities);
	setting_values_free(s->values);
	rate_limit_free(s->rate_limit);
}

int services_open(struct services *s, struct database *database, struct err *e)
{
	int64_t deadline = clock_monotonic_ms() + LEASE_MS, accounts = 0;
	struct db db = { s->driver, database_lease_reader(database, deadline, e), deadline };
	int rc;

	if (db.conn == NULL)
		return ERR_UNAVAILABLE;
	rc = account_count(&db, &accounts, e);
	database_return(database, db.conn);
	atomic_store(&s->has_accounts, accounts > 0);
	s->database = database;
	return rc;
}

void services_check_secrets(struct services *s)
{
	int64_t deadline = clock_monotonic_ms() + LEASE_MS;
	struct err e;
	struct db db = { s->driver, database_lease_reader(s->database, deadline, &e), deadline };
	struct setting_reader r;

	if (db.conn == NULL)
		return;
	if (setting_reader_open(&r, s->values, s->cipher, &db, &e) == 0) {
		if (settings_secrets_check(&r, &e) < 0)
			log_error("%s; restore the encryption secret, or run `deploystackctl settings "
			    "rekey`", e.text);
		else if (settings_key_check(&db, s->cipher, &e) < 0)
			log_error("%s", e.text);
		setting_reader_close(&r);
	}
	database_return(s->database, db.conn);
}

void services_changed(struct services *s, unsigned changed)
{
	if (changed & CHANGED_ACCOUNTS)
		identities_forget(s->identities);
	if (changed & CHANGED_HAS_ACCOUNTS)
		atomic_store(&s->has_accounts, true);
	if (changed & CHANGED_SETTINGS)
		setting_values_forget(s->values);
}

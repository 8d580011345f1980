/*
 * Rate limits: token buckets by kind and key.  Memory is fixed: keys share a
 * bucket when their keyed hashes collide, which limits them together and never
 * lets anybody past.
 */
#ifndef DB_WORKER_RATE_LIMIT_H
#define DB_WORKER_RATE_LIMIT_H

#include "base/err.h"

struct rate_limit;

enum rate_kind {
	RATE_ACCOUNT,      /* wrong passwords for one account: 10, then one in 30 s */
	RATE_ADDRESS,      /* wrong passwords from one address: 60, then one a second */
	RATE_REGISTRATION, /* new accounts from one address: 200, then one a second */
	RATE_SETUP_TOKEN,  /* wrong setup tokens from anywhere: 20 a minute */
	RATE_KINDS
};

int rate_limit_new(struct rate_limit **out, struct err *e);
void rate_limit_free(struct rate_limit *r);

/* Takes one from the key's bucket.  ERR_LIMITED, with e->retry_after_s, when it is
 * empty.  Any thread. */
int rate_limit_take(struct rate_limit *r, enum rate_kind kind, const char *key, struct err *e);

/* Gives it back: the attempt was none that counts. */
void rate_limit_return(struct rate_limit *r, enum rate_kind kind, const char *key);

#endif

/*
 * Rate limits: see rate_limit.h.
 *
 * A bucket remembers when it will be full again (the virtual scheduling form of
 * the leaky bucket, ITU-T I.371): one number, right without any timer.
 */
#include "db-worker/rate_limit.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define BUCKETS 8192 /* of each kind, 64 KiB */

static const struct {
	int64_t burst, interval_ms; /* so many at once, then one in each interval */
} limits[RATE_KINDS] = {
	[RATE_ACCOUNT] = { 10, 30000 },
	[RATE_ADDRESS] = { 60, 1000 },
	[RATE_REGISTRATION] = { 200, 1000 },
	[RATE_SETUP_TOKEN] = { 20, 3000 },
};

struct rate_limit {
	pthread_mutex_t lock;
	unsigned char secret[crypto_shorthash_KEYBYTES];
	int64_t full_at_ms[RATE_KINDS][BUCKETS];
};

int rate_limit_new(struct rate_limit **out, struct err *e)
{
	struct rate_limit *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the rate limits");
	pthread_mutex_init(&r->lock, NULL);
	crypto_shorthash_keygen(r->secret);
	*out = r;
	return 0;
}

void rate_limit_free(struct rate_limit *r)
{
	if (r != NULL)
		pthread_mutex_destroy(&r->lock);
	free(r);
}

static int64_t *bucket_of(struct rate_limit *r, enum rate_kind kind, const char *key)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key, strlen(key),
	    r->secret);
	return &r->full_at_ms[kind][hash % BUCKETS];
}

int rate_limit_take(struct rate_limit *r, enum rate_kind kind, const char *key, struct err *e)
{
	int64_t now = clock_monotonic_ms(), interval = limits[kind].interval_ms, wait;
	int64_t *full = bucket_of(r, kind, key);

	pthread_mutex_lock(&r->lock);
	if (*full < now)
		*full = now;
	wait = *full + interval - now - limits[kind].burst * interval;
	if (wait <= 0)
		*full += interval;
	pthread_mutex_unlock(&r->lock);
	if (wait <= 0)
		return 0;
	err_set(e, ERR_LIMITED, "Too many attempts; try again in %d seconds.",
	    (int)((wait + 999) / 1000));
	if (e != NULL)
		e->retry_after_s = (unsigned)((wait + 999) / 1000);
	return ERR_LIMITED;
}

void rate_limit_return(struct rate_limit *r, enum rate_kind kind, const char *key)
{
	int64_t *full = bucket_of(r, kind, key);

	pthread_mutex_lock(&r->lock);
	*full -= limits[kind].interval_ms;
	pthread_mutex_unlock(&r->lock);
}

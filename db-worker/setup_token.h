/*
 * The one-time setup token: whoever sets up or makes the first account over the
 * network shows it.  The supervisor makes it and keeps its file; here is only its
 * hash.
 */
#ifndef DB_WORKER_SETUP_TOKEN_H
#define DB_WORKER_SETUP_TOKEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SETUP_TOKEN_HASH_BYTES 32

struct rate_limit;

struct setup_token {
	pthread_mutex_t lock;
	unsigned char hash[SETUP_TOKEN_HASH_BYTES];
	bool set;
};

void setup_token_init(struct setup_token *t);

/* hash: BLAKE2b-256 of the token's text.  Any other length: there is no token. */
void setup_token_set(struct setup_token *t, const void *hash, size_t len);

/* 0 when text (may be NULL) is the token.  Compares in constant time; wrong ones are
 * limited.  ERR_DENIED, ERR_LIMITED, each with a sentence for the client. */
int setup_token_check(struct setup_token *t, struct rate_limit *r, const char *text,
    struct err *e);

#endif

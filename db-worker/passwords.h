/*
 * Passwords as Argon2id in PHC string form (RFC 9106, by libsodium): 64 MiB, two
 * passes, one lane.  Each call takes some 50 ms and 64 MiB: only on threads of
 * JOB_HASH.
 */
#ifndef DB_WORKER_PASSWORDS_H
#define DB_WORKER_PASSWORDS_H

#include <stdbool.h>

#include "base/err.h"

#define PASSWORD_HASH_SIZE 128

/* 8 to 1024 bytes.  ERR_INVALID with a sentence; member names it. */
int password_check(const char *password, const char *member, struct err *e);

/* ERR_NOMEM. */
int password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *e);

/* Takes as long for hash NULL (there is no such account) as for a wrong password. */
bool password_verify(const char *hash, const char *password);

/* The hash was made with other costs than new ones are. */
bool password_needs_rehash(const char *hash);

#endif

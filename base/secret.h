/*
 * Secrets in memory: locked, guarded, kept out of core files (libsodium's
 * sodium_malloc), and wiped when freed.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *data; /* NULL when unset; len bytes and a NUL behind them */
	size_t len;
};

/* Copies n bytes into locked memory; frees what s held.  ERR_NOMEM. */
int secret_set(struct secret *s, const void *data, size_t n);
void secret_free(struct secret *s);

#endif

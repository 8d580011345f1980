/*
 * Secrets in memory: see secret.h.  Invariant: data is NULL or a block of
 * sodium_malloc with a NUL behind its len bytes.
 */
#include "base/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/err.h"

int secret_set(struct secret *s, const void *data, size_t n)
{
	uint8_t *copy;

	if (sodium_init() < 0 || n == SIZE_MAX)
		return ERR_NOMEM;
	copy = sodium_malloc(n + 1);
	if (!copy)
		return ERR_NOMEM;
	if (n > 0)
		memcpy(copy, data, n);
	copy[n] = '\0';
	/* Only now, since data may be what s holds. */
	secret_free(s);
	s->data = copy;
	s->len = n;
	return 0;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	sodium_free(s->data); /* wipes; NULL is fine */
	s->data = NULL;
	s->len = 0;
}

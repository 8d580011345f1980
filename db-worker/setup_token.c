/*
 * The one-time setup token: see setup_token.h.
 */
#include "db-worker/setup_token.h"

#include <sodium.h>
#include <string.h>

#include "db-worker/rate_limit.h"

void setup_token_init(struct setup_token *t)
{
	pthread_mutex_init(&t->lock, NULL);
	t->set = false;
}

void setup_token_set(struct setup_token *t, const void *hash, size_t len)
{
	pthread_mutex_lock(&t->lock);
	t->set = len == sizeof(t->hash);
	if (t->set)
		memcpy(t->hash, hash, sizeof(t->hash));
	pthread_mutex_unlock(&t->lock);
}

int setup_token_check(struct setup_token *t, struct rate_limit *r, const char *text,
    struct err *e)
{
	unsigned char hash[SETUP_TOKEN_HASH_BYTES];
	bool right;
	int rc;

	if (text == NULL || text[0] == '\0')
		return err_set(e, ERR_DENIED, "Over the network this needs the setup token: run "
		    "`deploystackctl setup-token` on the host and send it as X-Setup-Token.");
	rc = rate_limit_take(r, RATE_SETUP_TOKEN, "", e);
	if (rc < 0)
		return rc;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
	pthread_mutex_lock(&t->lock);
	right = t->set && sodium_memcmp(hash, t->hash, sizeof(hash)) == 0;
	pthread_mutex_unlock(&t->lock);
	if (!right)
		return err_set(e, ERR_DENIED, "The setup token is wrong or was used already; "
		    "`deploystackctl setup-token` on the host prints the one in force.");
	rate_limit_return(r, RATE_SETUP_TOKEN, "");
	return 0;
}

/*
 * Passwords: see passwords.h.
 */
#include "db-worker/passwords.h"

#include <sodium.h>
#include <string.h>

#define OPSLIMIT 2u
#define MEMLIMIT (64u << 20)
#define SHORTEST 8
#define LONGEST 1024

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_argon2id_STRBYTES, "a PHC string fits");

/* Of the same costs, of no password: the salt and the hash are zeros. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int password_check(const char *password, const char *member, struct err *e)
{
	size_t len = strlen(password);

	if (len < SHORTEST)
		return err_set(e, ERR_INVALID, "%s must have at least %d characters.", member,
		    SHORTEST);
	if (len > LONGEST)
		return err_set(e, ERR_INVALID, "%s must have at most %d bytes.", member, LONGEST);
	return 0;
}

int password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *e)
{
	if (crypto_pwhash_argon2id_str(out, password, strlen(password), OPSLIMIT, MEMLIMIT) != 0)
		return err_set(e, ERR_NOMEM, "Not enough memory to hash the password; try again.");
	return 0;
}

bool password_verify(const char *hash, const char *password)
{
	char text[PASSWORD_HASH_SIZE] = { 0 }; /* libsodium reads all of its STRBYTES */
	bool known = hash != NULL && strncmp(hash, "$argon2id$", 10) == 0 &&
	    strlen(hash) < sizeof(text);

	memcpy(text, known ? hash : nobody, strlen(known ? hash : nobody));
	return crypto_pwhash_argon2id_str_verify(text, password, strlen(password)) == 0 && known;
}

bool password_needs_rehash(const char *hash)
{
	char text[PASSWORD_HASH_SIZE] = { 0 };

	if (strlen(hash) >= sizeof(text))
		return false;
	memcpy(text, hash, strlen(hash));
	return crypto_pwhash_argon2id_str_needs_rehash(text, OPSLIMIT, MEMLIMIT) == 1;
}

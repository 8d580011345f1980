/*
 * Encryption of setting values at rest.
 *
 *   v1.<salt>.<nonce and ciphertext>   key: Argon2id of
 *                                      DEPLOYSTACK_ENCRYPTION_SECRET and salt
 *   k1.<nonce and ciphertext>          key: the file secret.key
 *
 * Parts are base64, URL-safe, without padding.  XChaCha20-Poly1305-IETF with
 * the setting's key as associated data, so that a ciphertext that is moved to
 * another row does not decrypt.  What does not decrypt is an error, never an
 * empty value.
 */
#ifndef DB_WORKER_SETTING_CIPHER_H
#define DB_WORKER_SETTING_CIPHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define SECRET_KEY_FILE "secret.key"
#define SETTING_PLAIN_MAX (64u << 10) /* bytes of a value that can be encrypted */

struct setting_cipher;

/*
 * passphrase: DEPLOYSTACK_ENCRYPTION_SECRET, may be unset; file_key: the 32
 * bytes of secret.key, may be unset.  Both are copied.  The passphrase, when
 * set, encrypts; either decrypts what was made with it.  Derives nothing yet.
 * May be used by several threads.  ERR_NOMEM.
 */
int setting_cipher_new(struct setting_cipher **out, const struct secret *passphrase,
    const struct secret *file_key, struct err *e);
void setting_cipher_free(struct setting_cipher *c); /* wipes */

/* True when it has a key to encrypt with. */
bool setting_cipher_can_encrypt(const struct setting_cipher *c);

/* Makes new ciphertexts share the salt of an existing one, so that one key
 * derivation serves all.  Anything but a v1 ciphertext is ignored. */
void setting_cipher_use_salt_of(struct setting_cipher *c, const char *ciphertext);

/* True when new ciphertexts are of the same kind (v1 or k1). */
bool setting_cipher_is_current(const struct setting_cipher *c, const char *ciphertext);

/* Appends the ciphertext of len bytes to out.  ERR_CONFIG without a key,
 * ERR_INVALID when too long, ERR_NOMEM.  The first call with a passphrase takes
 * some 100 ms and 64 MiB (Argon2id). */
int setting_encrypt(struct setting_cipher *c, const char *setting_key, const void *plain,
    size_t len, struct buf *out, struct err *e);

/* Sets *out to the plain text.  ERR_CORRUPT when it was changed, moved, cut or
 * made with another key; ERR_CONFIG when the kind of key that it needs is not
 * configured; ERR_NOMEM.  *out is untouched on failure. */
int setting_decrypt(struct setting_cipher *c, const char *setting_key,
    const char *ciphertext, struct secret *out, struct err *e);

/*
 * secret.key below the data directory: 64 hexadecimal digits and a newline,
 * mode 0600 or narrower, one name, a regular file.
 * Load: ERR_NOT_FOUND, ERR_CORRUPT, ERR_DENIED (mode), ERR_IO.
 * Create: makes a random one, durable, never over an existing one (ERR_EXISTS).
 */
/* The digits themselves (what follows them is not looked at).  ERR_CORRUPT, ERR_NOMEM. */
int secret_key_parse(const void *text, size_t len, struct secret *out, struct err *e);
int secret_key_load(int data_dirfd, struct secret *out, struct err *e);
int secret_key_create(int data_dirfd, struct secret *out, struct err *e);

#endif

/*
 * Encryption of setting values: see setting_cipher.h.
 *
 * Invariants: keys and plain texts live in locked memory only; the associated
 * data of every ciphertext is its setting's key; a derived key is remembered
 * for the salt that it was derived with.
 */
#include "db-worker/setting_cipher.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SALT_BYTES crypto_pwhash_argon2id_SALTBYTES
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define SALT_TEXT_LEN 22 /* base64 of SALT_BYTES */

/* Fixed for the format v1; other costs need another version. */
#define V1_OPSLIMIT 2u
#define V1_MEMLIMIT (64u << 20)

_Static_assert(SALT_BYTES == 16, "v1 has 16 bytes of salt");

struct setting_cipher {
	pthread_mutex_t lock; /* guards what follows */
	struct secret passphrase;
	struct secret file_key;
	struct secret derived; /* for derived_salt; unset until needed */
	unsigned char derived_salt[SALT_BYTES];
	unsigned char salt[SALT_BYTES]; /* of new ciphertexts */
	bool has_salt;
};

void setting_cipher_free(struct setting_cipher *c)
{
	if (!c)
		return;
	secret_free(&c->passphrase);
	secret_free(&c->file_key);
	secret_free(&c->derived);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int copy_secret(struct secret *to, const struct secret *from)
{
	return from && from->len > 0 ? secret_set(to, from->data, from->len) : 0;
}

int setting_cipher_new(struct setting_cipher **out, const struct secret *passphrase,
    const struct secret *file_key, struct err *e)
{
	struct setting_cipher *c;

	if (sodium_init() < 0)
		return err_set(e, ERR_INTERNAL, "libsodium does not start");
	if (file_key && file_key->len > 0 && file_key->len != KEY_BYTES)
		return err_set(e, ERR_INTERNAL, "a key of %zu bytes", file_key->len);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ERR_NOMEM, "not enough memory for the encryption");
	pthread_mutex_init(&c->lock, NULL);
	if (copy_secret(&c->passphrase, passphrase) < 0 ||
	    copy_secret(&c->file_key, file_key) < 0) {
		setting_cipher_free(c);
		return err_set(e, ERR_NOMEM, "not enough locked memory for the encryption key; "
		    "raise RLIMIT_MEMLOCK");
	}
	*out = c;
	return 0;
}

bool setting_cipher_can_encrypt(const struct setting_cipher *c)
{
	return c->passphrase.len > 0 || c->file_key.len > 0;
}

bool setting_cipher_is_current(const struct setting_cipher *c, const char *ciphertext)
{
	return strncmp(ciphertext, c->passphrase.len > 0 ? "v1." : "k1.", 3) == 0;
}

/* The salt of a v1 ciphertext; *rest is what follows it. */
static bool salt_of(const char *text, unsigned char salt[SALT_BYTES], const char **rest)
{
	size_t n;

	if (strncmp(text, "v1.", 3) != 0 || strnlen(text + 3, SALT_TEXT_LEN) < SALT_TEXT_LEN ||
	    text[3 + SALT_TEXT_LEN] != '.')
		return false;
	if (sodium_base642bin(salt, SALT_BYTES, text + 3, SALT_TEXT_LEN, NULL, &n, NULL,
	    BASE64) != 0 || n != SALT_BYTES)
		return false;
	*rest = text + 3 + SALT_TEXT_LEN + 1;
	return true;
}

void setting_cipher_use_salt_of(struct setting_cipher *c, const char *ciphertext)
{
	unsigned char salt[SALT_BYTES];
	const char *rest;

	if (!salt_of(ciphertext, salt, &rest))
		return;
	pthread_mutex_lock(&c->lock);
	memcpy(c->salt, salt, sizeof(salt));
	c->has_salt = true;
	pthread_mutex_unlock(&c->lock);
}

/* With the lock held: makes c->derived the key of that salt. */
static int derive(struct setting_cipher *c, const unsigned char salt[SALT_BYTES],
    struct err *e)
{
	static const unsigned char zeros[KEY_BYTES];
	struct secret key = { 0 };

	if (c->derived.len > 0 && memcmp(c->derived_salt, salt, SALT_BYTES) == 0)
		return 0;
	if (secret_set(&key, zeros, sizeof(zeros)) < 0)
		return err_set(e, ERR_NOMEM, "not enough locked memory for the encryption key");
	if (crypto_pwhash_argon2id(key.data, KEY_BYTES, (const char *)c->passphrase.data,
	    c->passphrase.len, salt, V1_OPSLIMIT, V1_MEMLIMIT,
	    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
		secret_free(&key);
		return err_set(e, ERR_NOMEM, "not enough memory to derive the encryption key "
		    "(64 MiB are needed for a moment)");
	}
	secret_free(&c->derived);
	c->derived = key;
	memcpy(c->derived_salt, salt, SALT_BYTES);
	return 0;
}

static int put_base64(struct buf *out, const unsigned char *data, size_t len)
{
	size_t room = sodium_base64_encoded_len(len, BASE64); /* with its NUL */
	int rc = buf_reserve(out, room);

	if (rc < 0)
		return rc;
	sodium_bin2base64((char *)out->data + out->len, room, data, len, BASE64);
	out->len += room - 1;
	return 0;
}

/* Nonce and ciphertext under key, as base64. */
static int seal(const struct secret *key, const char *ad, const void *plain, size_t len,
    struct buf *out)
{
	unsigned char *sealed;
	int rc;

	sealed = malloc(NONCE_BYTES + len + TAG_BYTES);
	if (!sealed)
		return ERR_NOMEM;
	randombytes_buf(sealed, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, plain, len,
	    (const unsigned char *)ad, strlen(ad), NULL, sealed, key->data);
	rc = put_base64(out, sealed, NONCE_BYTES + len + TAG_BYTES);
	free(sealed);
	return rc;
}

int setting_encrypt(struct setting_cipher *c, const char *setting_key, const void *plain,
    size_t len, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int rc = 0;

	if (len > SETTING_PLAIN_MAX)
		return err_set(e, ERR_INVALID, "the value of %s is too long to be encrypted "
		    "(at most %u bytes)", setting_key, SETTING_PLAIN_MAX);
	if (!setting_cipher_can_encrypt(c))
		return err_set(e, ERR_CONFIG, "there is no encryption key; restore %s or set "
		    "DEPLOYSTACK_ENCRYPTION_SECRET", SECRET_KEY_FILE);
	pthread_mutex_lock(&c->lock);
	if (c->passphrase.len > 0) {
		if (!c->has_salt) {
			randombytes_buf(c->salt, sizeof(c->salt));
			c->has_salt = true;
		}
		rc = derive(c, c->salt, e);
		if (rc < 0)
			goto out;
		if (buf_puts(out, "v1.") < 0 || put_base64(out, c->salt, SALT_BYTES) < 0 ||
		    buf_putc(out, '.') < 0 ||
		    seal(&c->derived, setting_key, plain, len, out) < 0)
			rc = err_set(e, ERR_NOMEM, "no room for the encrypted %s", setting_key);
	} else if (buf_puts(out, "k1.") < 0 ||
	    seal(&c->file_key, setting_key, plain, len, out) < 0) {
		rc = err_set(e, ERR_NOMEM, "no room for the encrypted %s", setting_key);
	}
out:
	pthread_mutex_unlock(&c->lock);
	if (rc < 0)
		out->len = start;
	return rc;
}

static int not_decrypted(const char *setting_key, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the stored value of %s cannot be decrypted: it was "
	    "changed, or the encryption key is not the one that it was made with",
	    setting_key);
}

static int open_sealed(const struct secret *key, const char *ad, const char *text,
    struct secret *out, struct err *e)
{
	size_t len = strlen(text), n;
	unsigned char *sealed;
	struct secret plain = { 0 };
	int rc;

	if (len > (SETTING_PLAIN_MAX + NONCE_BYTES + TAG_BYTES) / 3 * 4 + 8)
		return not_decrypted(ad, e);
	sealed = malloc(len + 1);
	if (!sealed)
		return err_set(e, ERR_NOMEM, "not enough memory to decrypt %s", ad);
	rc = not_decrypted(ad, e);
	if (sodium_base642bin(sealed, len + 1, text, len, NULL, &n, NULL, BASE64) == 0 &&
	    n >= NONCE_BYTES + TAG_BYTES) {
		n -= NONCE_BYTES + TAG_BYTES;
		/* Takes the ciphertext's length of anything, then is overwritten. */
		if (secret_set(&plain, sealed, n) < 0)
			rc = err_set(e, ERR_NOMEM, "not enough locked memory to decrypt %s", ad);
		else if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data, NULL, NULL,
		    sealed + NONCE_BYTES, n + TAG_BYTES, (const unsigned char *)ad, strlen(ad),
		    sealed, key->data) == 0)
			rc = 0;
	}
	free(sealed);
	if (rc < 0) {
		secret_free(&plain);
		return rc;
	}
	secret_free(out);
	*out = plain;
	return 0;
}

int setting_decrypt(struct setting_cipher *c, const char *setting_key,
    const char *ciphertext, struct secret *out, struct err *e)
{
	unsigned char salt[SALT_BYTES];
	const char *rest;
	int rc;

	pthread_mutex_lock(&c->lock);
	if (strncmp(ciphertext, "k1.", 3) == 0) {
		rc = c->file_key.len > 0 ?
		    open_sealed(&c->file_key, setting_key, ciphertext + 3, out, e) :
		    err_set(e, ERR_CONFIG, "the stored value of %s needs %s, which is missing; "
		    "restore it from a backup", setting_key, SECRET_KEY_FILE);
	} else if (salt_of(ciphertext, salt, &rest)) {
		if (c->passphrase.len == 0)
			rc = err_set(e, ERR_CONFIG, "the stored value of %s needs "
			    "DEPLOYSTACK_ENCRYPTION_SECRET, which is not set", setting_key);
		else {
			rc = derive(c, salt, e);
			if (rc == 0)
				rc = open_sealed(&c->derived, setting_key, rest, out, e);
		}
	} else {
		rc = not_decrypted(setting_key, e);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

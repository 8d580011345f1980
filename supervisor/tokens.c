/*
 * Tokens for people on the host: see tokens.h.
 */
#include "supervisor/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/sys.h"

#define RANDOM_BYTES 32
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define TEXT_LEN 43 /* base64 of RANDOM_BYTES */

static void make_text(const char *prefix, char out[TEXT_LEN + 8])
{
	uint8_t bytes[RANDOM_BYTES];
	size_t len = strlen(prefix);

	randombytes_buf(bytes, sizeof(bytes));
	memcpy(out, prefix, len);
	sodium_bin2base64(out + len, TEXT_LEN + 8 - len, bytes, sizeof(bytes), BASE64);
	sodium_memzero(bytes, sizeof(bytes));
}

static void hash_text(const char *text, size_t len, uint8_t hash[TOKEN_HASH_BYTES])
{
	crypto_generichash(hash, TOKEN_HASH_BYTES, (const uint8_t *)text, len, NULL, 0);
}

/* text with a newline behind it. */
static int write_line(int dirfd, const char *name, char *text, struct err *e)
{
	size_t len = strlen(text);
	int rc;

	text[len] = '\n';
	rc = fs_write_file(dirfd, name, text, len + 1, 0600, e);
	text[len] = '\0';
	return rc;
}

int operator_token_make(int data_dirfd, uint8_t hash[TOKEN_HASH_BYTES], struct err *e)
{
	char text[TEXT_LEN + 8];
	int rc;

	make_text("dso_", text);
	hash_text(text, strlen(text), hash);
	rc = write_line(data_dirfd, OPERATOR_TOKEN_FILE, text, e);
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* True when the file holds a whole token. */
static bool read_setup_token(int data_dirfd, uint8_t hash[TOKEN_HASH_BYTES])
{
	struct buf text;
	struct err e;
	bool whole;

	buf_init(&text, TEXT_LEN + 1);
	whole = fs_read_file(data_dirfd, SETUP_TOKEN_FILE, &text, &e) == 0 &&
	    text.len == TEXT_LEN + 1 && text.data[TEXT_LEN] == '\n';
	if (whole)
		hash_text((const char *)text.data, TEXT_LEN, hash);
	buf_free_secret(&text);
	return whole;
}

void setup_token_keep(int data_dirfd, uint8_t hash[TOKEN_HASH_BYTES])
{
	char text[TEXT_LEN + 8];
	struct err e;

	if (read_setup_token(data_dirfd, hash))
		return;
	make_text("", text);
	hash_text(text, strlen(text), hash);
	if (write_line(data_dirfd, SETUP_TOKEN_FILE, text, &e) == 0)
		log_info("the first setup and account over the network need the setup token: "
		    "`deploystackctl setup-token` prints it");
	else
		log_warn("%s; the setup token is %s", e.text, text);
	sodium_memzero(text, sizeof(text));
}

void setup_token_remove(int data_dirfd)
{
	if (sys.unlinkat(data_dirfd, SETUP_TOKEN_FILE, 0) < 0 && errno != ENOENT)
		log_warn("cannot remove " SETUP_TOKEN_FILE ": %s", strerror(errno));
}

/*
 * The file secret.key: see setting_cipher.h.
 *
 * Invariant: an existing file is never replaced; it may be the only key to
 * what is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "db-worker/setting_cipher.h"

#define KEY_BYTES 32
#define FILE_BYTES (2 * KEY_BYTES + 1)
#define REMEDY "restore it from a backup"

static int check_mode(int dirfd, struct err *e)
{
	struct stat st;

	if (fstatat(dirfd, SECRET_KEY_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", SECRET_KEY_FILE);
	if ((st.st_mode & 07177) != 0)
		return err_set(e, ERR_DENIED, "%s is open to others (mode %04o); set mode 0600 "
		    "and consider its key as known", SECRET_KEY_FILE, st.st_mode & 07777u);
	return 0;
}

int secret_key_parse(const void *text, size_t len, struct secret *out, struct err *e)
{
	static const unsigned char zeros[KEY_BYTES];
	struct secret key = { 0 };
	size_t n = 0;

	if (secret_set(&key, zeros, sizeof(zeros)) < 0)
		return err_set(e, ERR_NOMEM, "not enough locked memory for %s", SECRET_KEY_FILE);
	if (len < 2 * KEY_BYTES || sodium_hex2bin(key.data, KEY_BYTES, text, 2 * KEY_BYTES, NULL,
	    &n, NULL) != 0 || n != KEY_BYTES) {
		secret_free(&key);
		return err_set(e, ERR_CORRUPT, "the key is not %d hexadecimal digits",
		    2 * KEY_BYTES);
	}
	secret_free(out);
	*out = key;
	return 0;
}

int secret_key_load(int data_dirfd, struct secret *out, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_BYTES);
	rc = fs_read_file(data_dirfd, SECRET_KEY_FILE, &text, e);
	if (rc == 0)
		rc = check_mode(data_dirfd, e);
	if (rc == 0 && (text.len != FILE_BYTES || text.data[FILE_BYTES - 1] != '\n' ||
	    secret_key_parse(text.data, text.len, out, NULL) < 0))
		rc = err_set(e, ERR_CORRUPT, "%s is damaged (it must be %d hexadecimal digits "
		    "and a newline); " REMEDY, SECRET_KEY_FILE, 2 * KEY_BYTES);
	buf_free_secret(&text);
	return rc;
}


int secret_key_create(int data_dirfd, struct secret *out, struct err *e)
{
	static const unsigned char zeros[FILE_BYTES];
	struct secret key = { 0 }, text = { 0 };
	int rc;

	rc = fs_exists(data_dirfd, SECRET_KEY_FILE, e);
	if (rc != 0)
		return rc < 0 ? rc : err_set(e, ERR_EXISTS, "%s exists already",
		    SECRET_KEY_FILE);
	if (secret_set(&key, zeros, KEY_BYTES) < 0 || secret_set(&text, zeros, FILE_BYTES) < 0) {
		rc = err_set(e, ERR_NOMEM, "not enough locked memory for %s", SECRET_KEY_FILE);
	} else {
		randombytes_buf(key.data, KEY_BYTES);
		sodium_bin2hex((char *)text.data, FILE_BYTES, key.data, KEY_BYTES);
		text.data[FILE_BYTES - 1] = '\n';
		rc = fs_write_file(data_dirfd, SECRET_KEY_FILE, text.data, FILE_BYTES, 0600, e);
	}
	secret_free(&text);
	if (rc < 0) {
		secret_free(&key);
		return rc;
	}
	secret_free(out);
	*out = key;
	return 0;
}

/*
 * The setup act: see setup.h.
 *
 *   1. key          secret.key exists, or the passphrase is given
 *   2. build        .NAME.setup, complete: migrations, roles, settings; closed
 *   3. name         renamed to NAME, never over an existing file; durable
 *   4. selection    db.selection.json
 *   5. marker       db.setup-complete
 *
 * Invariants: an existing file at the final name is never written over; what a
 * killed setup left behind under the temporary name is removed by the next one.
 */
#include "db-worker/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/selection.h"
#include "base/sys.h"
#include "db-worker/audit.h"

static int make_cipher(const struct setup *s, struct setting_cipher **out, struct err *e)
{
	struct secret key = { 0 };
	int rc = 0;

	if (s->passphrase->len == 0) {
		rc = secret_key_load(s->data_dirfd, &key, e);
		if (rc == ERR_NOT_FOUND)
			rc = secret_key_create(s->data_dirfd, &key, e);
	}
	if (rc == 0)
		rc = setting_cipher_new(out, s->passphrase, &key, e);
	secret_free(&key);
	return rc;
}

static int remove_file(int dirfd, const char *name, struct err *e)
{
	if (sys.unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return err_set_errno(e, ERR_IO, errno, "cannot remove %s, which an earlier setup left",
		    name);
	return 0;
}

static int remove_leftovers(const struct setup *s, const char *temporary, struct err *e)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[NAME_MAX + 1];
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if ((size_t)snprintf(name, sizeof(name), "%s%s", temporary, suffixes[i]) >=
		    sizeof(name))
			return err_set(e, ERR_CONFIG, "the database's file name is too long");
		rc = remove_file(s->db_dirfd, name, e);
	}
	return rc;
}

/* Opens name, completes it, closes it.  Closing checkpoints too, but tells
 * nobody when that fails, and the file is about to lose its WAL by its rename. */
static int complete(const struct setup *s, const char *name, bool create,
    struct setting_cipher *cipher, struct err *e)
{
	char path[PATH_MAX];
	struct conn_options o = { .path = path, .create = create };
	struct conn *c = NULL;
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", s->db_dir, name) >= sizeof(path))
		return err_set(e, ERR_CONFIG, "the database's path is too long");
	rc = s->driver->open(&c, &o, e);
	if (rc == 0)
		rc = prepare(s->driver, c, s->installation, cipher, e);
	if (rc == 0)
		rc = audit_append_as(&(struct db){ s->driver, c, 0 }, "setup", NULL, NULL, "db.setup",
		    s->driver->name, NULL, e);
	if (rc == 0)
		rc = s->driver->checkpoint(c, e);
	if (c != NULL)
		s->driver->close(c);
	if (rc == 0 && driver_is_fatal())
		rc = err_set(e, ERR_IO, "the database could not be made durable");
	return rc;
}

static int make_durable(const struct setup *s, const char *name, struct err *e)
{
	int fd = sys.openat_beneath(s->db_dirfd, name, O_RDWR, 0), rc = 0;

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot open the new database");
	if (sys.fsync(fd) < 0)
		rc = err_set_errno(e, ERR_IO, errno, "cannot make the new database durable");
	sys.close(fd);
	return rc;
}

static int build(const struct setup *s, struct setting_cipher *cipher, struct err *e)
{
	char temporary[NAME_MAX + 1];
	struct err ignored;
	int rc;

	if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.setup", s->db_name) >=
	    sizeof(temporary) - 8)
		return err_set(e, ERR_CONFIG, "the database's file name is too long");
	rc = remove_leftovers(s, temporary, e);
	if (rc == 0)
		rc = complete(s, temporary, true, cipher, e);
	if (rc == 0)
		rc = make_durable(s, temporary, e);
	if (rc == 0 && renameat2(s->db_dirfd, temporary, s->db_dirfd, s->db_name,
	    RENAME_NOREPLACE) < 0)
		rc = err_set_errno(e, ERR_IO, errno, "cannot give the new database its name");
	if (rc == 0 && sys.fsync(s->db_dirfd) < 0)
		rc = err_set_errno(e, ERR_IO, errno, "cannot make the new database durable");
	if (rc < 0)
		remove_leftovers(s, temporary, &ignored);
	return rc;
}

/* An existing file: a regular one with one name, then what SQLite says of it. */
static int adopt(const struct setup *s, struct setting_cipher *cipher, struct err *e)
{
	struct stat st;
	int rc;

	if (fstatat(s->db_dirfd, s->db_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", s->db_name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(e, ERR_CORRUPT, "%s is a link or no regular file; remove it or choose "
		    "another SQLITE_DB_PATH", s->db_name);
	log_info("adopting the existing database %s", s->db_name);
	rc = complete(s, s->db_name, false, cipher, e);
	if (rc < 0)
		err_prefix(e, "the existing file %s was left as it is", s->db_name);
	return rc;
}

static int check_not_selected(const struct setup *s, struct err *e)
{
	struct selection selection;
	int rc = selection_read(s->data_dirfd, &selection, e);

	if (rc == 0)
		rc = selection_marker_exists(s->data_dirfd, e);
	if (rc > 0)
		return err_set(e, ERR_EXISTS, "setup has already been performed");
	return rc;
}

int setup_run(const struct setup *s, struct err *e)
{
	struct setting_cipher *cipher = NULL;
	struct err ignored;
	int rc, exists;

	rc = check_not_selected(s, e);
	if (rc == 0)
		rc = make_cipher(s, &cipher, e);
	if (rc == 0) {
		exists = fs_exists(s->db_dirfd, s->db_name, e);
		rc = exists < 0 ? exists : exists ? adopt(s, cipher, e) : build(s, cipher, e);
	}
	setting_cipher_free(cipher);
	if (rc == 0)
		rc = selection_write(s->data_dirfd, s->driver->name, e);
	/* The selection counts; the supervisor makes the marker if this fails. */
	if (rc == 0 && selection_marker_write(s->data_dirfd, &ignored) < 0)
		log_warn("cannot remember that setup was completed: %s", ignored.text);
	return rc;
}

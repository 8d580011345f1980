/*
 * Setup in process: complete, repeatable, and with every disk call failing in
 * turn, SQLite's by a VFS and ours by the table of base/sys.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/selection.h"
#include "base/sys.h"
#include "db-worker/setup.h"
#include "tests/unit/db-worker/fault_vfs.h"

static char dir[64];
static struct setup setup;
static struct installation installation;
static struct secret no_passphrase;
static char db_dir[96];

__attribute__((format(printf, 1, 2)))
static void command(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert_int_equal(system(line), 0);
}

static int fresh(void **state)
{
	struct err e;

	snprintf(dir, sizeof(dir), "/tmp/test-setup-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(db_dir, sizeof(db_dir), "%s/database", dir);
	if (mkdir(db_dir, 0700) < 0)
		return -1;
	if (installation_load(&installation, "migrations_sqlite", "global-settings", &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	setup = (struct setup){ .driver = driver_find("sqlite"),
		.data_dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.db_dirfd = open(db_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .db_dir = db_dir,
		.db_name = "deploystack.db", .installation = &installation,
		.passphrase = &no_passphrase };
	fault_arm(0, false, FAULT_IO);
	sys_reset();
	driver_set_fatal(false);
	return 0;
}

static int clean(void **state)
{
	sys_reset();
	fault_arm(0, false, FAULT_IO);
	close(setup.data_dirfd);
	close(setup.db_dirfd);
	installation_free(&installation);
	command("rm -rf %s", dir);
	return 0;
}

/* Starts over in the same directory. */
static void wipe(void)
{
	command("rm -rf %s/db.* %s/secret.key %s/.*.tmp %s/* %s/.deploy*", dir, dir, dir, db_dir,
	    db_dir);
}

static int64_t number(const char *sql)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n = -1;

	snprintf(path, sizeof(path), "%s/deploystack.db", db_dir);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
		if (sqlite3_step(stmt) == SQLITE_ROW)
			n = sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
	}
	sqlite3_close(db);
	return n;
}

static void assert_complete(void)
{
	struct selection s;
	struct err e;

	assert_int_equal(number("SELECT count(*) FROM pragma_integrity_check "
	    "WHERE integrity_check = 'ok'"), 1);
	assert_int_equal(number("SELECT count(*) FROM roles"), 4);
	assert_int_equal(number("SELECT count(*) FROM globalSettings"), 17);
	assert_int_equal(number("SELECT count(*) FROM globalSettings WHERE is_encrypted = 1"), 2);
	assert_int_equal(number("SELECT count(*) FROM __drizzle_migrations"),
	    (int64_t)installation.migrations.count);
	assert_int_equal(selection_read(setup.data_dirfd, &s, &e), 1);
}

static void assert_not_selected(void)
{
	struct err e;

	assert_int_equal(fs_exists(setup.data_dirfd, SELECTION_FILE, &e), 0);
	assert_int_equal(fs_exists(setup.data_dirfd, SELECTION_MARKER, &e), 0);
}

static void makes_a_complete_database(void **state)
{
	struct err e;
	struct stat st;

	assert_int_equal(setup_run(&setup, &e), 0);
	assert_complete();
	assert_int_equal(fs_exists(setup.data_dirfd, SELECTION_MARKER, &e), 1);
	assert_int_equal(fstatat(setup.data_dirfd, "secret.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(setup_run(&setup, &e), ERR_EXISTS);
	assert_complete();
}

static void settings_with_a_passphrase_need_no_key_file(void **state)
{
	struct secret passphrase = { 0 };
	struct err e;

	assert_int_equal(sodium_init() >= 0, 1);
	assert_int_equal(secret_set(&passphrase, "a long enough secret", 20), 0);
	setup.passphrase = &passphrase;
	assert_int_equal(setup_run(&setup, &e), 0);
	assert_complete();
	assert_int_equal(fs_exists(setup.data_dirfd, "secret.key", &e), 0);
	assert_int_equal(number("SELECT count(*) FROM globalSettings WHERE value LIKE 'v1.%'"), 2);
	secret_free(&passphrase);
}

/* With the N-th call failing until none does: an error selects nothing and can
 * be repeated; success is complete. */
static void every_sqlite_call_fails(bool persistent, enum fault_kind kind)
{
	long n;
	int rc;
	struct err e;

	for (n = 1;; n++) {
		wipe();
		fault_arm(n, persistent, kind);
		rc = setup_run(&setup, &e);
		fault_arm(0, false, kind);
		if (rc < 0) {
			assert_true(strlen(e.text) > 10);
			assert_not_selected();
			/* The worker ends after a failed fsync; the next one starts clean. */
			driver_set_fatal(false);
			assert_int_equal(setup_run(&setup, &e), 0);
		}
		assert_complete();
		if (rc == 0 && n > fault.calls && n > 100)
			break;
		if (n > 5000)
			fail();
	}
}

static void any_database_call_may_fail_once(void **state) { every_sqlite_call_fails(false, FAULT_IO); }
static void any_database_call_may_fail_for_good(void **state) { every_sqlite_call_fails(true, FAULT_IO); }
static void the_disk_may_be_full_at_any_call(void **state) { every_sqlite_call_fails(true, FAULT_FULL); }
static void any_write_may_be_torn(void **state) { every_sqlite_call_fails(false, FAULT_TORN); }

/* ---- our own calls ---- */

static long sys_calls, sys_fail_at;
static struct sys_ops real;

static bool sys_hits(int errnum)
{
	if (++sys_calls != sys_fail_at)
		return false;
	errno = errnum;
	return true;
}

static int sys_open(int d, const char *p, int f, mode_t m) { return sys_hits(EIO) ? -1 : real.openat_beneath(d, p, f, m); }
static ssize_t sys_read(int fd, void *p, size_t n) { return sys_hits(EIO) ? -1 : real.read(fd, p, n); }
static ssize_t sys_write(int fd, const void *p, size_t n) { return sys_hits(ENOSPC) ? -1 : real.write(fd, p, n); }
static int sys_fsync(int fd) { return sys_hits(EIO) ? -1 : real.fsync(fd); }
static int sys_rename(int a, const char *b, int c, const char *d) { return sys_hits(EIO) ? -1 : real.renameat(a, b, c, d); }
static int sys_unlink(int a, const char *b, int f) { return sys_hits(EIO) ? -1 : real.unlinkat(a, b, f); }

static void any_call_of_ours_may_fail(void **state)
{
	struct selection s;
	struct err e;
	long n;
	int rc;

	for (n = 1;; n++) {
		wipe();
		sys_reset();
		real = sys;
		sys.openat_beneath = sys_open;
		sys.read = sys_read;
		sys.write = sys_write;
		sys.fsync = sys_fsync;
		sys.renameat = sys_rename;
		sys.unlinkat = sys_unlink;
		sys_calls = 0;
		sys_fail_at = n;
		rc = setup_run(&setup, &e);
		sys_reset();
		if (rc < 0) {
			/* The fsync of the directory after the rename may fail: then the
			 * selection is there, but was not acknowledged. */
			if (selection_read(setup.data_dirfd, &s, &e) == 0)
				assert_int_equal(setup_run(&setup, &e), 0);
		}
		assert_complete();
		if (rc == 0 && sys_calls < n)
			break;
		assert_true(n < 500);
	}
	assert_true(n > 10);
}

static void adopts_a_database_of_ours(void **state)
{
	struct err e;

	assert_int_equal(setup_run(&setup, &e), 0);
	assert_int_equal(unlinkat(setup.data_dirfd, SELECTION_FILE, 0), 0);
	assert_int_equal(unlinkat(setup.data_dirfd, SELECTION_MARKER, 0), 0);
	number("INSERT INTO globalSettings (key, value, created_at, updated_at) "
	    "VALUES ('mine', 'kept', 0, 0)");
	assert_int_equal(setup_run(&setup, &e), 0);
	assert_int_equal(number("SELECT count(*) FROM globalSettings WHERE key = 'mine'"), 1);
}

static void leaves_a_foreign_file_alone(void **state)
{
	char path[128], content[32] = "";
	struct err e;
	int fd;

	snprintf(path, sizeof(path), "%s/deploystack.db", db_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "this is somebody's letter", 25), 25);
	assert_true(setup_run(&setup, &e) < 0);
	assert_not_selected();
	assert_int_equal(pread(fd, content, sizeof(content), 0), 25);
	assert_string_equal(content, "this is somebody's letter");
	close(fd);
}

static void refuses_links_in_place_of_the_database(void **state)
{
	char path[128];
	struct err e;

	snprintf(path, sizeof(path), "%s/deploystack.db", db_dir);
	assert_int_equal(symlink("/tmp/nowhere.db", path), 0);
	assert_int_equal(setup_run(&setup, &e), ERR_CORRUPT);
	assert_not_selected();
	assert_int_equal(access("/tmp/nowhere.db", F_OK), -1);
}

static void a_lost_selection_does_not_open_setup_again(void **state)
{
	struct err e;

	assert_int_equal(setup_run(&setup, &e), 0);
	assert_int_equal(unlinkat(setup.data_dirfd, SELECTION_FILE, 0), 0);
	assert_int_equal(setup_run(&setup, &e), ERR_EXISTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clean)
		T(makes_a_complete_database),
		T(settings_with_a_passphrase_need_no_key_file),
		T(any_database_call_may_fail_once),
		T(any_database_call_may_fail_for_good),
		T(the_disk_may_be_full_at_any_call),
		T(any_write_may_be_torn),
		T(any_call_of_ours_may_fail),
		T(adopts_a_database_of_ours),
		T(leaves_a_foreign_file_alone),
		T(refuses_links_in_place_of_the_database),
		T(a_lost_selection_does_not_open_setup_again),
	};

	if (sodium_init() < 0)
		return 1;
	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * State files: bounds, links, and "fail the N-th": whatever call of a write
 * fails, the content is the old or the new one and no temporary file stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sys.h"

static char path[PATH_MAX];
static int dir = -1;

static int count_entries(const char *of)
{
	DIR *d = opendir(of);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int count_fds(void)
{
	return count_entries("/proc/self/fd");
}

static void put(const char *name, const char *content)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void expect(const char *name, const char *content)
{
	struct buf b;

	buf_init(&b, 100000);
	assert_int_equal(fs_read_file(dir, name, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), content);
	buf_free(&b);
}

static int setup(void **state)
{
	struct err e;
	char real[PATH_MAX];

	snprintf(path, sizeof(path), "/tmp/test_fs.XXXXXX");
	if (!mkdtemp(path) || !realpath(path, real))
		return -1;
	strcpy(path, real);
	dir = fs_open_dir(path, &e);
	return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char command[PATH_MAX + 20];

	sys_reset();
	close(dir);
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	return system(command) == 0 ? 0 : -1;
}

/* ---- directories ---- */

static void test_open_dir(void **state)
{
	char name[PATH_MAX + 64];
	struct err e;
	int fd, fds = count_fds();

	fd = fs_open_dir("/proc/self", &e); /* a link */
	assert_int_equal(fd, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "symbolic link"));

	assert_int_equal(mkdirat(dir, "real", 0700), 0);
	assert_int_equal(symlinkat("real", dir, "link"), 0);
	assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
	assert_int_equal(mkdirat(dir, "real/below", 0700), 0);
	put("file", "x");

	snprintf(name, sizeof(name), "%s/link/below", path);
	assert_int_equal(fs_open_dir(name, &e), ERR_CORRUPT);
	snprintf(name, sizeof(name), "%s/real/below instead", path);
	assert_non_null(strstr(e.text, name)); /* what to configure */
	snprintf(name, sizeof(name), "%s/link", path);
	assert_int_equal(fs_open_dir(name, &e), ERR_CORRUPT);
	snprintf(name, sizeof(name), "%s/dangling", path);
	assert_int_equal(fs_open_dir(name, &e), ERR_CORRUPT);
	snprintf(name, sizeof(name), "%s/file", path);
	assert_int_equal(fs_open_dir(name, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.text, "not a directory"));
	snprintf(name, sizeof(name), "%s/none", path);
	assert_int_equal(fs_open_dir(name, &e), ERR_NOT_FOUND);
	assert_int_equal(fs_open_dir("", &e), ERR_NOT_FOUND);

	snprintf(name, sizeof(name), "%s/real/../real/below", path);
	fd = fs_open_dir(name, &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = fs_open_subdir(dir, "real", &e);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fs_open_subdir(dir, "link", &e), ERR_CORRUPT);
	assert_int_equal(fs_open_subdir(dir, "file", &e), ERR_CORRUPT);
	assert_int_equal(fs_open_subdir(dir, "none", &e), ERR_NOT_FOUND);
	assert_int_equal(fs_open_subdir(dir, "..", &e), ERR_INVALID);
	assert_int_equal(fs_open_subdir(dir, "real/below", &e), ERR_INVALID);
	assert_int_equal(count_fds(), fds);
}

static void test_make_dir(void **state)
{
	struct stat st;
	struct err e;
	int fds = count_fds();

	assert_int_equal(fs_make_dir(dir, "new", 0700, &e), 0);
	assert_int_equal(fstatat(dir, "new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fs_make_dir(dir, "new", 0700, &e), 0);
	assert_int_equal(symlinkat("new", dir, "link"), 0);
	put("file", "x");
	assert_int_equal(fs_make_dir(dir, "link", 0700, &e), ERR_CORRUPT);
	assert_int_equal(fs_make_dir(dir, "file", 0700, &e), ERR_CORRUPT);
	assert_int_equal(fs_make_dir(dir, "", 0700, &e), ERR_INVALID);
	assert_int_equal(fs_make_dir(dir, ".", 0700, &e), ERR_INVALID);
	assert_int_equal(fs_make_dir(dir, "a/b", 0700, &e), ERR_INVALID);
	assert_int_equal(count_fds(), fds);
}

static void test_real_path(void **state)
{
	char name[PATH_MAX + 64];
	struct buf b;

	assert_int_equal(mkdirat(dir, "real", 0700), 0);
	assert_int_equal(symlinkat("real", dir, "link"), 0);
	buf_init(&b, PATH_MAX);
	snprintf(name, sizeof(name), "%s/link/..//link", path);
	assert_int_equal(fs_real_path(name, &b), 0);
	snprintf(name, sizeof(name), "%s/real", path);
	assert_string_equal(buf_cstr(&b), name);
	snprintf(name, sizeof(name), "%s/none", path);
	assert_int_equal(fs_real_path(name, &b), ERR_NOT_FOUND);
	buf_free(&b);
	buf_init(&b, 3);
	assert_int_equal(fs_real_path(path, &b), ERR_FULL);
	buf_free(&b);
}

/* ---- reading ---- */

static void test_read_bounds(void **state)
{
	struct buf b;
	struct err e;
	size_t n;

	put("empty", "");
	put("ten", "0123456789");
	buf_init(&b, 10);
	assert_int_equal(fs_read_file(dir, "empty", &b, &e), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(fs_read_file(dir, "ten", &b, &e), 0);
	assert_memory_equal(b.data, "0123456789", 10);
	assert_int_equal(fs_read_file(dir, "ten", &b, &e), ERR_CORRUPT); /* appends */
	assert_int_equal(b.len, 10);
	assert_int_equal(fs_read_file(dir, "none", &b, &e), ERR_NOT_FOUND);
	assert_int_equal(b.len, 10);
	buf_free(&b);
	for (n = 0; n < 10; n++) {
		buf_init(&b, n);
		assert_int_equal(fs_read_file(dir, "ten", &b, &e), ERR_CORRUPT);
		assert_int_equal(b.len, 0);
		assert_false(b.failed);
		buf_free(&b);
	}
	/* /proc files say that they are empty: the bound holds while reading. */
	n = (size_t)openat(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY);
	buf_init(&b, 20);
	assert_int_equal(fs_read_file((int)n, "status", &b, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.text, "larger"));
	assert_int_equal(b.len, 0);
	buf_free(&b);
	close((int)n);
}

static void test_read_refuses_what_is_no_plain_file(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fds = count_fds(), s;
	struct buf b;
	struct err e;

	put("file", "x");
	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	put("sub/inner", "y");
	assert_int_equal(symlinkat("file", dir, "link"), 0);
	assert_int_equal(symlinkat("sub", dir, "sublink"), 0);
	assert_int_equal(symlinkat("none", dir, "dangling"), 0);
	assert_int_equal(linkat(dir, "file", dir, "second", 0), 0);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(fchdir(dir), 0);
	strcpy(a.sun_path, "socket");
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	close(s);

	buf_init(&b, 100);
	assert_int_equal(fs_read_file(dir, "link", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "dangling", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "sublink/inner", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "sub", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "fifo", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "socket", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "../etc/passwd", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "/etc/passwd", &b, &e), ERR_CORRUPT);
	assert_int_equal(fs_read_file(dir, "file", &b, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.text, "hard links"));
	assert_int_equal(fs_read_file(dir, "file/x", &b, &e), ERR_CORRUPT);
	assert_int_equal(b.len, 0);
	assert_int_equal(fs_read_file(dir, "sub/inner", &b, &e), 0);
	buf_free(&b);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(count_fds(), fds);
}

static void test_exists(void **state)
{
	struct err e;
	int fds = count_fds();

	put("file", "x");
	assert_int_equal(symlinkat("none", dir, "dangling"), 0);
	assert_int_equal(fs_exists(dir, "file", &e), 1);
	assert_int_equal(fs_exists(dir, "dangling", &e), 1);
	assert_int_equal(fs_exists(dir, "none", &e), 0);
	assert_true(fs_exists(dir, "file/x", &e) < 0);
	assert_true(fs_exists(-1, "x", &e) < 0);
	assert_int_equal(count_fds(), fds);
}

/* ---- writing ---- */

static void test_write_and_replace(void **state)
{
	struct stat st;
	struct err e;
	mode_t mask = umask(0777);

	assert_int_equal(fs_write_file(dir, "f", "one", 3, 0600, &e), 0);
	umask(mask);
	expect("f", "one");
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	put(".f.tmp", "left by a crash");
	assert_int_equal(fs_write_file(dir, "f", "", 0, 0640, &e), 0);
	expect("f", "");
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_entries(path), 1);
}

static void test_write_never_goes_through_a_link(void **state)
{
	struct err e;

	put("target", "untouched");
	assert_int_equal(symlinkat("target", dir, "f"), 0);
	assert_int_equal(symlinkat("target", dir, ".f.tmp"), 0);
	assert_int_equal(fs_write_file(dir, "f", "new", 3, 0600, &e), 0);
	expect("target", "untouched");
	expect("f", "new");
}

static void test_write_refusals(void **state)
{
	char name[NAME_MAX + 2];
	struct err e;

	assert_int_equal(fs_write_file(dir, "../f", "x", 1, 0600, &e), ERR_INVALID);
	assert_int_equal(fs_write_file(dir, "", "x", 1, 0600, &e), ERR_INVALID);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fs_write_file(dir, name, "x", 1, 0600, &e), ERR_INVALID);
	name[NAME_MAX] = '\0'; /* fits, but the temporary name does not */
	assert_int_equal(fs_write_file(dir, name, "x", 1, 0600, &e), ERR_INVALID);
	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	assert_int_equal(fs_write_file(dir, "sub", "x", 1, 0600, &e), ERR_IO);
	assert_int_equal(mkdirat(dir, ".f.tmp", 0700), 0);
	assert_int_equal(fs_write_file(dir, "f", "x", 1, 0600, &e), ERR_IO);
	assert_int_equal(count_entries(path), 2);
}

/* ---- fail the N-th ---- */

static struct sys_ops real;
static int calls, fail_at, fail_with, forever;
static size_t write_limit;

static int fires(void)
{
	calls++;
	if (calls == fail_at || (forever && calls > fail_at)) {
		errno = fail_with;
		return 1;
	}
	return 0;
}

static int f_open(int d, const char *p, int flags, mode_t mode)
{
	return fires() ? -1 : real.openat_beneath(d, p, flags, mode);
}

static ssize_t f_read(int fd, void *data, size_t n)
{
	return fires() ? -1 : real.read(fd, data, n > 3 ? 3 : n);
}

static ssize_t f_write(int fd, const void *data, size_t n)
{
	return fires() ? -1 : real.write(fd, data, n > write_limit ? write_limit : n);
}

static int f_fsync(int fd)
{
	return fires() ? -1 : real.fsync(fd);
}

static int f_rename(int a, const char *from, int b, const char *to)
{
	return fires() ? -1 : real.renameat(a, from, b, to);
}

static int f_unlink(int d, const char *p, int flags)
{
	return fires() ? -1 : real.unlinkat(d, p, flags);
}

static int f_mkdir(int d, const char *p, mode_t mode)
{
	return fires() ? -1 : real.mkdirat(d, p, mode);
}

/* As the kernel's: the descriptor is gone, whatever close returns. */
static int f_close(int fd)
{
	int failed = fires(), rc = real.close(fd);

	if (failed) {
		errno = fail_with;
		return -1;
	}
	return rc;
}

static void inject(int at, int with, int persistent)
{
	sys_reset();
	real = sys;
	sys = (struct sys_ops){ f_open, f_read, f_write, f_fsync, f_rename, f_unlink, f_mkdir,
		f_close };
	calls = 0;
	fail_at = at;
	fail_with = with;
	forever = persistent;
	write_limit = 2; /* every write is short */
}

static void fail_each_call_of_write(int with, int persistent)
{
	int n, rc, fds = count_fds();
	struct err e;

	for (n = 1;; n++) {
		struct buf b;

		assert_int_equal(fs_write_file(dir, "state", "the old one", 11, 0600, &e), 0);
		inject(n, with, persistent);
		rc = fs_write_file(dir, "state", "the new one!", 12, 0600, &e);
		sys_reset();
		if (calls < n) {
			assert_int_equal(rc, 0);
			break;
		}
		buf_init(&b, 100);
		assert_int_equal(fs_read_file(dir, "state", &b, NULL), 0);
		if (rc == 0)
			assert_string_equal(buf_cstr(&b), "the new one!");
		else if (strcmp(buf_cstr(&b), "the new one!") != 0)
			assert_string_equal(buf_cstr(&b), "the old one");
		else /* only the last step may fail with the new content in place */
			assert_non_null(strstr(e.text, "directory"));
		buf_free(&b);
		/* With a disk that refuses all, the temporary file may stay; the
		 * next write replaces it. */
		if (!persistent)
			assert_int_equal(count_entries(path), 1);
		assert_int_equal(count_fds(), fds);
	}
	assert_true(n > 8);
	expect("state", "the new one!");
	assert_int_equal(count_entries(path), 1);
}

static void test_write_with_the_nth_call_failing(void **state)
{
	static const int with[] = { EIO, ENOSPC, EROFS, EDQUOT };
	size_t i;

	for (i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		fail_each_call_of_write(with[i], 0);
		fail_each_call_of_write(with[i], 1);
	}
}

static void test_interrupted_calls_are_repeated(void **state)
{
	struct err e;
	struct buf b;
	int n;

	/* 1: unlink, 2: open, 3 … : writes of two bytes, then fsync. */
	for (n = 3; n < 9; n++) {
		inject(n, EINTR, 0);
		assert_int_equal(fs_write_file(dir, "f", "0123456789ab", 12, 0600, &e), 0);
		sys_reset();
		expect("f", "0123456789ab");
	}
	for (n = 2; n < 6; n++) {
		inject(n, EINTR, 0);
		buf_init(&b, 100);
		assert_int_equal(fs_read_file(dir, "f", &b, &e), 0);
		sys_reset();
		assert_string_equal(buf_cstr(&b), "0123456789ab");
		buf_free(&b);
	}
}

static void test_read_and_make_with_the_nth_call_failing(void **state)
{
	int n, rc, fds = count_fds();
	struct err e;
	struct buf b;

	put("f", "0123456789");
	for (n = 1;; n++) {
		buf_init(&b, 100);
		inject(n, EIO, 0);
		rc = fs_read_file(dir, "f", &b, &e);
		sys_reset();
		if (rc == 0)
			assert_int_equal(b.len, 10);
		else
			assert_int_equal(b.len, 0);
		buf_free(&b);
		assert_int_equal(count_fds(), fds);
		if (calls < n)
			break;
		assert_true(rc == ERR_IO || rc == 0);
	}
	assert_true(n > 5);
	for (n = 1;; n++) {
		inject(n, EIO, 0);
		rc = fs_make_dir(dir, "d", 0700, &e);
		sys_reset();
		assert_int_equal(count_fds(), fds);
		if (calls < n)
			break;
		assert_int_equal(rc, ERR_IO);
		unlinkat(dir, "d", AT_REMOVEDIR);
	}
	inject(1, EIO, 0);
	assert_int_equal(fs_exists(dir, "f", &e), ERR_IO);
	inject(1, EACCES, 0);
	assert_int_equal(fs_exists(dir, "f", &e), ERR_DENIED);
	inject(1, EACCES, 0);
	assert_int_equal(fs_open_subdir(dir, "d", &e), ERR_DENIED);
	buf_init(&b, 10);
	inject(1, EACCES, 0);
	assert_int_equal(fs_read_file(dir, "f", &b, &e), ERR_IO);
	inject(1, ENXIO, 0);
	assert_int_equal(fs_read_file(dir, "f", &b, &e), ERR_CORRUPT);
	inject(1, EMFILE, 0);
	assert_int_equal(fs_read_file(dir, "f", &b, &e), ERR_IO);
	buf_free(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_dir),
		TEST(test_make_dir),
		TEST(test_real_path),
		TEST(test_read_bounds),
		TEST(test_read_refuses_what_is_no_plain_file),
		TEST(test_exists),
		TEST(test_write_and_replace),
		TEST(test_write_never_goes_through_a_link),
		TEST(test_write_refusals),
		TEST(test_write_with_the_nth_call_failing),
		TEST(test_interrupted_calls_are_repeated),
		TEST(test_read_and_make_with_the_nth_call_failing),
	};

	return cmocka_run_group_tests_name("base/fs", tests, NULL, NULL);
}

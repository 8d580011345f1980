/*
 * Each role can still do its work: sockets that it has, its database, its
 * state files.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/selection.h"
#include "tests/escape/escape.h"

#define CHECK(condition) do { if (!(condition)) return __LINE__; } while (0)

static int use_database(const struct scene *s)
{
	char path[400];
	sqlite3 *db = NULL, *reader = NULL;

	snprintf(path, sizeof(path), "%s/work.db", s->db_seen);
	CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	    "CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1);", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	CHECK(sqlite3_exec(reader, "SELECT * FROM t", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "INSERT INTO t SELECT a FROM t ORDER BY a; "
	    "PRAGMA wal_checkpoint(TRUNCATE); BEGIN; DELETE FROM t; ROLLBACK;",
	    NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_close(reader) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	return 0;
}

static int use_state_files(const struct scene *s)
{
	struct selection selection;
	struct err e;

	CHECK(fs_write_file(s->data_dirfd, "state", "x", 1, 0600, &e) == 0);
	CHECK(selection_write(s->data_dirfd, "sqlite", &e) == 0);
	CHECK(selection_read(s->data_dirfd, &selection, &e) == 1);
	CHECK(selection_marker_write(s->data_dirfd, &e) == 0);
	return 0;
}

/* The pair is descriptors 0 and 1, made before the sandbox closed. */
static int use_channel(void)
{
	char c = 'x';
	struct iovec iov = { &c, 1 };
	union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int fd = 1;

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	CHECK(sendmsg(0, &m, MSG_NOSIGNAL) == 1);
	CHECK(recvmsg(1, &m, MSG_CMSG_CLOEXEC) == 1);
	cm = CMSG_FIRSTHDR(&m);
	CHECK(cm != NULL && cm->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	CHECK(write(fd, "y", 1) == 1 && read(0, &c, 1) == 1 && c == 'y');
	CHECK(close(fd) == 0);
	return 0;
}

int positive_run(const struct scene *s)
{
	int line = use_channel();

	if (line == 0 && s->role != SANDBOX_API)
		line = use_database(s);
	if (line == 0 && s->role == SANDBOX_DB_SETUP)
		line = use_state_files(s);
	return line;
}

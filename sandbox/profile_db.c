/*
 * What the db-worker's roles share: the calls of SQLite's Unix VFS and of
 * base/fs.h.  Where they reach is Landlock's business.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sandbox/profile.h"

GROUP(group_database_files, "SQLite's files",
	ALLOW("open"), ALLOW("openat"), ALLOW("openat2"),
	ALLOW("pread64"), ALLOW("pwrite64"), ALLOW("lseek"),
	ALLOW("fstat"), ALLOW("stat"), ALLOW("lstat"), ALLOW("newfstatat"), ALLOW("statx"),
	ALLOW("access"), ALLOW("faccessat"), ALLOW("faccessat2"),
	ALLOW("readlink"), ALLOW("readlinkat"), ALLOW("getcwd"),
	ALLOW("ftruncate"), ALLOW("fallocate"), ALLOW("fsync"), ALLOW("fdatasync"),
	ALLOW("unlink"), ALLOW("unlinkat"),
	ALLOW("fchmod"), /* the journal gets the database's mode */
	ALLOW_IF("fcntl", 1, F_SETLK), ALLOW_IF("fcntl", 1, F_SETLKW),
	ALLOW_IF("fcntl", 1, F_GETLK),
	ALLOW("flock"),  /* one daemon per database directory */
	ALLOW("statfs"), ALLOW("fstatfs"),
);

GROUP(group_setup_files, "setup: the selection file, the key, the database's final name",
	ALLOW("rename"), ALLOW("renameat"), ALLOW("renameat2"),
	ALLOW("getdents64"), /* leftovers of a setup that was cut off */
	ALLOW("fadvise64"),
);

GROUP(group_outgoing, "one server; Landlock holds the port",
	ALLOW_IF2("socket", 0, AF_INET, 1, SOCK_STREAM | SOCK_CLOEXEC),
	ALLOW_IF2("socket", 0, AF_INET6, 1, SOCK_STREAM | SOCK_CLOEXEC),
	ALLOW_IF2("socket", 0, AF_INET, 1, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK),
	ALLOW_IF2("socket", 0, AF_INET6, 1, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK),
	ALLOW("connect"), ALLOW("getsockname"), ALLOW("getpeername"),
	ALLOW_IF("setsockopt", 1, IPPROTO_TCP),
	ALLOW_IF2("setsockopt", 1, SOL_SOCKET, 2, SO_KEEPALIVE),
);

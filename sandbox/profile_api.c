/*
 * The api-worker: connections from inherited listeners, channels, nothing else.
 * No file, no new socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sandbox/profile.h"

GROUP(group_connections, "connections of clients",
	ALLOW("accept4"),
	ALLOW("getpeername"), ALLOW("getsockname"),
	ALLOW_IF2("setsockopt", 1, IPPROTO_TCP, 2, TCP_NODELAY), /* answers leave at once */
	ALLOW_IF2("setsockopt", 1, SOL_SOCKET, 2, SO_LINGER),
);

GROUP(group_no_files, "files: libc probes some, there are none",
	FAIL("open", EACCES), FAIL("openat", EACCES), FAIL("openat2", EACCES),
	FAIL("stat", EACCES), FAIL("lstat", EACCES), FAIL("newfstatat", EACCES),
	FAIL("statx", EACCES), FAIL("access", EACCES), FAIL("faccessat", EACCES),
	FAIL("faccessat2", EACCES), FAIL("readlink", EACCES), FAIL("readlinkat", EACCES),
	ALLOW("fstat"), /* stdio and log look at descriptors that they have */
);

const struct profile profile_api = {
	.groups = { &group_process, &group_clock, &group_memory, &group_threads,
	    &group_event_loop, &group_messages, &group_connections, &group_no_files,
	    &group_never },
};

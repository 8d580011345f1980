/*
 * Listening sockets: see listen.h.
 */
#include "supervisor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
#define FIRST_INHERITED 3

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24 == 127;
	if (sa->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)sa)->sin6_addr);
	return false;
}

static int add(struct listeners *l, int fd, enum ipc_listener_kind kind, struct err *e)
{
	struct listener *item = &l->item[l->count];
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char host[64] = "", port[16] = "";

	if (l->count == LISTENERS_MAX)
		return err_set(e, ERR_CONFIG, "more than %d listening sockets", LISTENERS_MAX);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine a listening socket");
	item->fd = fd;
	item->kind = kind;
	item->loopback = kind == IPC_LISTEN_CONTROL || is_loopback((struct sockaddr *)&ss);
	if (kind == IPC_LISTEN_TCP) {
		getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
		snprintf(item->name, sizeof(item->name), ss.ss_family == AF_INET6 ?
		    "[%s]:%s" : "%s:%s", host, port);
	} else {
		snprintf(item->name, sizeof(item->name), "%s", CONTROL_SOCKET);
	}
	l->count++;
	return 0;
}

static bool listens(int fd, int *domain)
{
	int accepting = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len) == 0 && accepting &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, domain, &len) == 0;
}

int listen_inherited(struct listeners *l, struct err *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n, i, domain, rc;

	if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	n = (int)strtol(fds, NULL, 10);
	for (i = 0; i < n; i++) {
		int fd = FIRST_INHERITED + i;

		if (!listens(fd, &domain) || (domain != AF_INET && domain != AF_INET6))
			return err_set(e, ERR_CONFIG, "descriptor %d from the service manager is not "
			    "a listening TCP socket; correct ListenStream= of the socket unit", fd);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return err_set_errno(e, ERR_IO, errno, "cannot prepare descriptor %d", fd);
		rc = add(l, fd, IPC_LISTEN_TCP, e);
		if (rc < 0)
			return rc;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return n;
}

static int listen_address(struct listeners *l, const struct addrinfo *ai, const char *host,
    uint16_t port, struct err *e)
{
	int one = 1, rc;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set_errno(e, ERR_CONFIG, errno, "cannot make a socket for HOST %s", host);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int errnum = errno;

		close(fd);
		return err_set_errno(e, ERR_CONFIG, errnum, "cannot listen on HOST %s PORT %u; "
		    "choose another, or stop what uses it", host, (unsigned)port);
	}
	rc = add(l, fd, IPC_LISTEN_TCP, e);
	if (rc < 0)
		close(fd);
	return rc;
}

int listen_tcp(struct listeners *l, const char *host, uint16_t port, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list, *ai;
	char service[8];
	size_t before = l->count;
	int rc;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return err_set(e, ERR_CONFIG, "HOST %s: %s; use an address of this machine", host,
		    gai_strerror(rc));
	rc = 0;
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		rc = listen_address(l, ai, host, port, e);
		/* A name with an address that this machine lacks (IPv6 switched off) is
		 * served on the others; a port chosen by the kernel is chosen once. */
		if (rc == 0 && port == 0)
			break;
	}
	freeaddrinfo(list);
	return l->count > before ? 0 : rc;
}

/* bind() takes a path, which may be too long for sun_path: the descriptor's
 * name in /proc is not. */
int listen_control(struct listeners *l, int data_dirfd, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, rc;

	if (fstatat(data_dirfd, CONTROL_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s in the data directory is not a socket; remove it",
		    CONTROL_SOCKET);
	if (unlinkat(data_dirfd, CONTROL_SOCKET, 0) < 0 && errno != ENOENT)
		return err_set_errno(e, ERR_CONFIG, errno, "cannot replace %s in the data directory",
		    CONTROL_SOCKET);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", data_dirfd,
	    CONTROL_SOCKET);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot make the control socket");
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (rc < 0 || listen(fd, 64) < 0) {
		int errnum = errno;

		close(fd);
		return err_set_errno(e, ERR_CONFIG, errnum, "cannot make %s in the data directory",
		    CONTROL_SOCKET);
	}
	rc = add(l, fd, IPC_LISTEN_CONTROL, e);
	if (rc < 0)
		close(fd);
	return rc;
}

void listen_close(struct listeners *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		close(l->item[i].fd);
	l->count = 0;
}

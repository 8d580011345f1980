/*
 * The service manager: see notify.h.  Lost messages are lost: the daemon does
 * not depend on them.
 */
#include "supervisor/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_len;
static int64_t watchdog_ms;

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	address_len = 0;
	watchdog_ms = 0;
	if (path != NULL && (path[0] == '/' || path[0] == '@') &&
	    strlen(path) < sizeof(address.sun_path)) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, path, strlen(path));
		if (path[0] == '@')
			address.sun_path[0] = '\0';
		address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	if (usec != NULL && (pid == NULL || strtol(pid, NULL, 10) == (long)getpid()))
		watchdog_ms = strtoll(usec, NULL, 10) / 2000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int64_t notify_watchdog_ms(void)
{
	return watchdog_ms;
}

void notify_send(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int fd;

	if (address_len == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
	    address_len);
	close(fd);
}

/*
 * Listening sockets: TCP from HOST and PORT or from the service manager, and
 * the control socket in the data directory.  They belong to the supervisor and
 * outlive every worker.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/messages.h"

#define LISTENERS_MAX 16
#define CONTROL_SOCKET "control.sock"

struct listener {
	int fd; /* close-on-exec, non-blocking */
	enum ipc_listener_kind kind;
	bool loopback;
	char name[80]; /* "127.0.0.1:3000", "[::1]:3000", "control.sock" */
};

struct listeners {
	struct listener item[LISTENERS_MAX];
	size_t count;
};

/* Takes over sockets that a service manager passed (sd_listen_fds(3):
 * LISTEN_PID, LISTEN_FDS; descriptors from 3 on).  Returns how many;
 * ERR_CONFIG for one that is not a listening stream socket. */
int listen_inherited(struct listeners *l, struct err *e);

/* Listens on every address of host.  ERR_CONFIG with what to do. */
int listen_tcp(struct listeners *l, const char *host, uint16_t port, struct err *e);

/* Makes control.sock (0600) in the data directory, replacing one that a killed
 * daemon left; the caller holds the directory's lock. */
int listen_control(struct listeners *l, int data_dirfd, struct err *e);

void listen_close(struct listeners *l);

#endif

/*
 * The sending half of a channel: encoded frames and descriptors that wait for
 * the socket.  Only ipc/channel.c uses it.
 */
#ifndef IPC_SENDQ_H
#define IPC_SENDQ_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/messages.h"

struct sendq_chunk;
struct sendq_fd;

struct sendq {
	size_t max;    /* bytes that may wait */
	size_t queued; /* bytes that wait */
	uint64_t sent; /* bytes sent since the start */
	struct sendq_chunk *first, *last;
	struct sendq_fd *first_fd, *last_fd;
	unsigned nfds;
};

void sendq_init(struct sendq *q, size_t max);

/* Wipes and forgets what waits, closes descriptors that wait. */
void sendq_free(struct sendq *q);

/* Appends a frame with m.  fd, or -1, goes with its first byte; it is taken
 * over on success only.  ERR_FULL, ERR_NOMEM, ERR_INTERNAL (see msg_encode);
 * the queue is then as before. */
int sendq_put(struct sendq *q, const struct msg *m, int fd, struct err *e);

/* Sends until all is sent or the socket takes no more.  ERR_CLOSED, ERR_IO. */
int sendq_write(struct sendq *q, int sock, struct err *e);

#endif

/*
 * The receiving half of a channel: bytes and descriptors that have arrived and
 * are not yet taken.  Only ipc/channel.c uses it.
 */
#ifndef IPC_RECVQ_H
#define IPC_RECVQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RECVQ_FDS 4 /* that may wait for their frame */

struct recvq_fd {
	int fd;
	uint64_t from, to; /* it came with the bytes [from, to) of the stream */
};

struct recvq {
	uint8_t *data;
	size_t cap;
	size_t pos, end;   /* what waits is data[pos] … data[end - 1] */
	uint64_t taken;    /* stream offset of data[pos] */
	struct recvq_fd fds[RECVQ_FDS];
	unsigned nfds;
	bool eof;
};

void recvq_init(struct recvq *q);

/* Wipes the buffer, closes descriptors that nobody took. */
void recvq_free(struct recvq *q);

/* Reads once.  need: how many bytes the caller waits for in all, which is how
 * far the buffer may grow.  1: something came, or the end (eof is set); 2: the
 * same, and the socket is empty now; 0: nothing to read; ERR_PROTOCOL for more
 * descriptors than there is room for; ERR_NOMEM, ERR_IO. */
int recvq_fill(struct recvq *q, int sock, size_t need, struct err *e);

/* Bytes that wait, and the first of them. */
size_t recvq_len(const struct recvq *q);
const uint8_t *recvq_at(const struct recvq *q);

/* Drops and wipes n bytes. */
void recvq_take(struct recvq *q, size_t n);

/* True when a descriptor came with bytes that are all taken: it belongs to no
 * frame. */
bool recvq_has_stray_fd(const struct recvq *q);

/* The descriptor that came with the first byte that waits, for the caller to
 * close; -1 when there is none. */
int recvq_take_fd(struct recvq *q);

#endif

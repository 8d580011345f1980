/*
 * The receiving half of a channel: see recvq.h.
 *
 * The kernel ends a recvmsg after the segment that carried descriptors, so the
 * bytes of one recvmsg [from, to) contain the first byte of the segment that
 * they came with; the sender puts the first byte of the frame there.
 *
 * Invariants: pos <= end <= cap; bytes outside [pos, end) were wiped; the
 * capacity is BUFFER_SIZE, or that of the one larger frame that is awaited.
 */
#include "ipc/recvq.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

void recvq_init(struct recvq *q)
{
	*q = (struct recvq){ 0 };
}

static void free_data(struct recvq *q)
{
	if (q->end > q->pos)
		sodium_memzero(q->data + q->pos, q->end - q->pos);
	free(q->data);
	q->data = NULL;
	q->cap = q->pos = q->end = 0;
}

void recvq_free(struct recvq *q)
{
	unsigned i;

	free_data(q);
	for (i = 0; i < q->nfds; i++)
		close(q->fds[i].fd);
	q->nfds = 0;
}

size_t recvq_len(const struct recvq *q)
{
	return q->end - q->pos;
}

const uint8_t *recvq_at(const struct recvq *q)
{
	return q->data + q->pos;
}

void recvq_take(struct recvq *q, size_t n)
{
	sodium_memzero(q->data + q->pos, n);
	q->pos += n;
	q->taken += n;
	if (q->pos == q->end)
		q->pos = q->end = 0;
}

bool recvq_has_stray_fd(const struct recvq *q)
{
	return q->nfds > 0 && q->fds[0].to <= q->taken;
}

int recvq_take_fd(struct recvq *q)
{
	int fd;

	if (q->nfds == 0 || q->taken < q->fds[0].from || q->taken >= q->fds[0].to)
		return -1;
	fd = q->fds[0].fd;
	q->nfds--;
	memmove(&q->fds[0], &q->fds[1], q->nfds * sizeof(q->fds[0]));
	return fd;
}

static int move_to(struct recvq *q, size_t cap)
{
	const size_t len = q->end - q->pos;
	uint8_t *data = malloc(cap);

	if (!data)
		return ERR_NOMEM;
	if (len > 0)
		memcpy(data, q->data + q->pos, len);
	free_data(q);
	q->data = data;
	q->cap = cap;
	q->end = len;
	return 0;
}

/* Makes the buffer fit for `need` bytes in all. */
static int make_room(struct recvq *q, size_t need)
{
	const size_t cap = need > BUFFER_SIZE ? need : BUFFER_SIZE;
	const size_t len = q->end - q->pos;

	if (cap > q->cap || (cap < q->cap && len <= cap))
		return move_to(q, cap);
	if (q->pos > 0 && (q->cap - q->pos < need || q->cap - q->end < q->cap / 2)) {
		/* Where the bytes start that the move leaves behind. */
		const size_t tail = q->pos > len ? q->pos : len;

		memmove(q->data, q->data + q->pos, len);
		sodium_memzero(q->data + tail, q->end - tail);
		q->pos = 0;
		q->end = len;
	}
	return 0;
}

/* Keeps the descriptors of one SCM_RIGHTS message, closes those too many. */
static int keep_fds(struct recvq *q, struct cmsghdr *c, uint64_t from, uint64_t to)
{
	const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	size_t i;
	int fd, rc = 0;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (q->nfds < RECVQ_FDS) {
			q->fds[q->nfds++] = (struct recvq_fd){ .fd = fd, .from = from, .to = to };
		} else {
			close(fd);
			rc = ERR_PROTOCOL;
		}
	}
	return rc;
}

int recvq_fill(struct recvq *q, int sock, size_t need, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(RECVQ_FDS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	uint64_t from;
	ssize_t n;
	int rc = 0;

	if (make_room(q, need) < 0)
		return err_set(e, ERR_NOMEM, "not enough memory to receive a message");
	do {
		iov.iov_base = q->data + q->end;
		iov.iov_len = q->cap - q->end;
		h.msg_control = control.space;
		h.msg_controllen = sizeof(control.space);
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		q->eof = true;
		return 1;
	}
	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot receive on a channel");

	from = q->taken + (q->end - q->pos);
	q->end += (size_t)n;
	for (c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    keep_fds(q, c, from, from + (uint64_t)n) < 0)
			rc = ERR_PROTOCOL;
	}
	if (rc < 0 || (h.msg_flags & MSG_CTRUNC))
		return err_set(e, ERR_PROTOCOL, "the peer sent too many descriptors");
	return (size_t)n < iov.iov_len && h.msg_controllen == 0 ? 2 : 1;
}

/*
 * The sending half of a channel: see sendq.h.
 *
 * Frames lie one behind the other in chunks; a chunk is closed for appending
 * once it holds CHUNK_FULL bytes, so that no byte is ever moved because of
 * what is sent before it, and one sendmsg takes many frames.
 *
 * Invariants: queued is the sum of len - pos of all chunks, and at most max;
 * only the first chunk has pos > 0; a descriptor's `at` is the stream offset
 * of its frame's first byte, and no sendmsg goes across that offset, so that
 * the descriptor travels with exactly that byte; sent bytes are wiped.
 */
#include "ipc/sendq.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "ipc/codec.h"

#define CHUNK_FULL 32768
#define CHUNK_KEEP 65536 /* a drained chunk up to this size is used again */
#define IOV_COUNT 16
#define FDS_MAX 256

struct sendq_chunk {
	struct sendq_chunk *next;
	struct buf b;
	size_t pos; /* sent of it */
};

struct sendq_fd {
	struct sendq_fd *next;
	uint64_t at;
	int fd;
};

void sendq_init(struct sendq *q, size_t max)
{
	*q = (struct sendq){ .max = max };
}

static void drop_chunk(struct sendq *q)
{
	struct sendq_chunk *c = q->first;

	q->first = c->next;
	if (!q->first)
		q->last = NULL;
	buf_free_secret(&c->b);
	free(c);
}

static void drop_fd(struct sendq *q)
{
	struct sendq_fd *f = q->first_fd;

	q->first_fd = f->next;
	if (!q->first_fd)
		q->last_fd = NULL;
	q->nfds--;
	close(f->fd);
	free(f);
}

void sendq_free(struct sendq *q)
{
	while (q->first)
		drop_chunk(q);
	while (q->first_fd)
		drop_fd(q);
	q->queued = 0;
}

/* The chunk that takes the next frame; a new one is not yet in the list. */
static struct sendq_chunk *chunk_for_append(struct sendq *q)
{
	struct sendq_chunk *c = q->last;

	if (c && c->b.len < CHUNK_FULL)
		return c;
	c = calloc(1, sizeof(*c));
	if (c)
		buf_init(&c->b, 0);
	return c;
}

static void append_fd(struct sendq *q, struct sendq_fd *f)
{
	if (q->last_fd)
		q->last_fd->next = f;
	else
		q->first_fd = f;
	q->last_fd = f;
	q->nfds++;
}

int sendq_put(struct sendq *q, const struct msg *m, int fd, struct err *e)
{
	struct sendq_chunk *c = chunk_for_append(q);
	struct sendq_fd *f = NULL;
	size_t before;
	int rc;

	if (fd >= 0) {
		if (q->nfds >= FDS_MAX) {
			rc = err_set(e, ERR_FULL, "too many descriptors wait to be sent");
			goto fail;
		}
		f = calloc(1, sizeof(*f));
	}
	if (!c || (fd >= 0 && !f)) {
		rc = err_set(e, ERR_NOMEM, "not enough memory to send a message");
		goto fail;
	}
	before = c->b.len;
	/* The encoder's own check of the buffer's maximum is what bounds the
	 * queue. */
	c->b.max = before + (q->max - q->queued);
	rc = msg_encode(&c->b, m, e);
	if (rc < 0)
		goto fail;
	if (f) {
		f->fd = fd;
		f->at = q->sent + q->queued;
		append_fd(q, f);
	}
	q->queued += c->b.len - before;
	if (c != q->last) {
		if (q->last)
			q->last->next = c;
		else
			q->first = c;
		q->last = c;
	}
	return 0;
fail:
	free(f);
	if (c && c != q->last) {
		buf_free_secret(&c->b);
		free(c);
	}
	return rc;
}

/* The unsent bytes up to the next descriptor's frame, as vectors. */
static size_t gather(const struct sendq *q, struct iovec iov[IOV_COUNT])
{
	const struct sendq_fd *f = q->first_fd;
	size_t room = q->queued, n = 0;
	const struct sendq_chunk *c;

	if (f && f->at == q->sent)
		f = f->next;
	if (f)
		room = (size_t)(f->at - q->sent);
	for (c = q->first; c && room > 0 && n < IOV_COUNT; c = c->next) {
		size_t len = c->b.len - c->pos;

		if (len == 0)
			continue;
		if (len > room)
			len = room;
		iov[n].iov_base = c->b.data + c->pos;
		iov[n].iov_len = len;
		room -= len;
		n++;
	}
	return n;
}

static ssize_t send_some(const struct sendq *q, int sock)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[IOV_COUNT];
	struct msghdr h = { .msg_iov = iov };
	struct cmsghdr *c;
	ssize_t n;

	h.msg_iovlen = gather(q, iov);
	if (q->first_fd && q->first_fd->at == q->sent) {
		memset(&control, 0, sizeof(control));
		h.msg_control = control.space;
		h.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &q->first_fd->fd, sizeof(int));
	}
	do {
		n = sendmsg(sock, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void sent(struct sendq *q, size_t n)
{
	if (n > 0 && q->first_fd && q->first_fd->at == q->sent)
		drop_fd(q);
	q->sent += n;
	q->queued -= n;
	while (n > 0) {
		struct sendq_chunk *c = q->first;
		size_t some = c->b.len - c->pos < n ? c->b.len - c->pos : n;

		if (some > 0)
			sodium_memzero(c->b.data + c->pos, some);
		c->pos += some;
		n -= some;
		if (c->pos < c->b.len)
			return;
		if (c == q->last && c->b.cap <= CHUNK_KEEP) {
			buf_clear(&c->b);
			c->pos = 0;
			return;
		}
		drop_chunk(q);
	}
}

int sendq_write(struct sendq *q, int sock, struct err *e)
{
	while (q->queued > 0) {
		ssize_t n = send_some(q, sock);

		if (n >= 0) {
			sent(q, (size_t)n);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
			return err_set(e, ERR_CLOSED, "the peer has closed the channel");
		return err_set_errno(e, ERR_IO, errno, "cannot send on a channel");
	}
	return 0;
}

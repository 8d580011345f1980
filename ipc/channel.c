/*
 * A channel: see channel.h.  Bytes and descriptors are the business of
 * sendq.c and recvq.c; here is what may be said in which direction and when.
 *
 * Invariants: a message reaches the owner only if the table lets `peer` send it
 * to `self`, and memory for it is reserved only after that and its size were
 * checked in the header; after a protocol error nothing is received any more;
 * after the peer is gone nothing waits to be sent.
 */
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/codec.h"
#include "ipc/frame.h"
#include "ipc/recvq.h"
#include "ipc/sendq.h"

enum once { ONCE_SENT = 1, ONCE_RECEIVED = 2 };

struct channel {
	int fd;
	unsigned self, peer;
	struct sendq out;
	struct recvq in;
	uint8_t *once;     /* by position in msg_table: mask of enum once */
	size_t need;       /* bytes until the next frame is complete */
	bool broken;       /* the peer broke the protocol */
	bool send_ends;    /* channel_shutdown_send was called */
	bool send_ended;   /* … and has been done, or the peer is gone */
};

int channel_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot make a channel");
	return 0;
}

static int check_socket(int fd, struct err *e)
{
	int domain = 0, type = 0, flags;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    domain != AF_UNIX || type != SOCK_STREAM)
		return err_set(e, ERR_INVALID, "descriptor %d is not a Unix stream socket", fd);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot prepare descriptor %d", fd);
	return 0;
}

int channel_new(struct channel **out, int fd, unsigned self, unsigned peer,
    size_t max_queued, struct err *e)
{
	struct channel *c;
	int rc;

	rc = check_socket(fd, e);
	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	c->once = calloc(msg_table_count, 1);
	if (!c->once) {
		free(c);
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	}
	c->fd = fd;
	c->self = self;
	c->peer = peer;
	c->need = FRAME_HEADER_SIZE;
	sendq_init(&c->out, max_queued);
	recvq_init(&c->in);
	*out = c;
	return 0;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	close(c->fd);
	sendq_free(&c->out);
	recvq_free(&c->in);
	free(c->once);
	free(c);
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

bool channel_wants_write(const struct channel *c)
{
	return c->out.queued > 0;
}

bool channel_may_read(const struct channel *c)
{
	return c->out.queued <= c->out.max / 2;
}

/* ---- sending ---- */

static int check_send(const struct channel *c, const struct msg *m,
    const struct msg_info *info, struct err *e)
{
	if (!info)
		return err_set(e, ERR_INTERNAL, "message type %u does not exist",
		    (unsigned)m->type);
	if (!(info->from & c->self) || !(info->to & c->peer))
		return err_set(e, ERR_INTERNAL, "message %s may not be sent here",
		    info->body.name);
	if ((info->properties & MSG_ONCE) && (c->once[info - msg_table] & ONCE_SENT))
		return err_set(e, ERR_INTERNAL, "message %s may be sent only once",
		    info->body.name);
	if (!!(info->properties & MSG_FD) != (m->fd >= 0))
		return err_set(e, ERR_INTERNAL, "message %s %s a descriptor", info->body.name,
		    m->fd >= 0 ? "cannot carry" : "lacks");
	if (c->send_ends || c->send_ended)
		return err_set(e, ERR_CLOSED, "the sending direction of a channel has ended");
	return 0;
}

int channel_queue(struct channel *c, const struct msg *m, struct err *e)
{
	const struct msg_info *info = msg_info(m->type);
	int fd = -1, rc;

	rc = check_send(c, m, info, e);
	if (rc < 0)
		return rc;
	if (m->fd >= 0) {
		fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return err_set_errno(e, ERR_IO, errno,
			    "cannot duplicate the descriptor for message %s", info->body.name);
	}
	rc = sendq_put(&c->out, m, fd, e);
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (info->properties & MSG_ONCE)
		c->once[info - msg_table] |= ONCE_SENT;
	return 0;
}

int channel_flush(struct channel *c, struct err *e)
{
	int rc;

	rc = sendq_write(&c->out, c->fd, e);
	if (rc < 0) {
		/* Nobody will read it, and the owner must not go on trying. */
		sendq_free(&c->out);
		c->send_ended = true;
		return rc;
	}
	if (c->send_ends && !c->send_ended && c->out.queued == 0) {
		shutdown(c->fd, SHUT_WR);
		c->send_ended = true;
	}
	return 0;
}

int channel_send(struct channel *c, const struct msg *m, struct err *e)
{
	int rc;

	rc = channel_queue(c, m, e);
	if (rc == ERR_FULL) {
		rc = channel_flush(c, e);
		if (rc == 0)
			rc = channel_queue(c, m, e);
	}
	if (rc < 0)
		return rc;
	return channel_flush(c, e);
}

void channel_shutdown_send(struct channel *c)
{
	c->send_ends = true;
	channel_flush(c, NULL);
}

/* ---- receiving ---- */

static int break_off(struct channel *c)
{
	c->broken = true;
	recvq_free(&c->in);
	return ERR_PROTOCOL;
}

/* What can be refused by the header alone. */
static int check_header(const struct channel *c, const struct frame_header *h,
    const struct msg_info *info, struct err *e)
{
	if (!info)
		return err_set(e, ERR_PROTOCOL, "message type %u does not exist", h->type);
	if (!(info->from & c->peer) || !(info->to & c->self))
		return err_set(e, ERR_PROTOCOL, "message %s may not come from this peer",
		    info->body.name);
	if (h->length > info->max_payload)
		return err_set(e, ERR_PROTOCOL, "message %s of %lu bytes; its limit is %lu",
		    info->body.name, (unsigned long)h->length,
		    (unsigned long)info->max_payload);
	if ((info->properties & MSG_ONCE) && (c->once[info - msg_table] & ONCE_RECEIVED))
		return err_set(e, ERR_PROTOCOL, "message %s came a second time",
		    info->body.name);
	return 0;
}

/* The next frame of the buffer as a message: 1, 0 when it is not complete. */
static int take_frame(struct channel *c, struct msg *out, struct err *e)
{
	const struct msg_info *info;
	struct frame_header h;
	int fd = -1, rc;

	if (recvq_has_stray_fd(&c->in))
		return err_set(e, ERR_PROTOCOL, "a descriptor came without its message");
	c->need = FRAME_HEADER_SIZE;
	if (recvq_len(&c->in) < c->need)
		return 0;
	rc = frame_get_header(recvq_at(&c->in), &h, e);
	if (rc < 0)
		return rc;
	info = msg_info(h.type);
	rc = check_header(c, &h, info, e);
	if (rc < 0)
		return rc;
	c->need = FRAME_HEADER_SIZE + (size_t)h.length;
	if (recvq_len(&c->in) < c->need)
		return 0;
	rc = msg_decode(out, h.type, h.id, recvq_at(&c->in) + FRAME_HEADER_SIZE, h.length, e);
	if (rc < 0)
		return rc;
	if (info->properties & MSG_FD) {
		fd = recvq_take_fd(&c->in);
		if (fd < 0) {
			msg_free(out);
			return err_set(e, ERR_PROTOCOL, "message %s came without its descriptor",
			    info->body.name);
		}
	}
	out->fd = fd;
	recvq_take(&c->in, c->need);
	c->need = FRAME_HEADER_SIZE;
	if (info->properties & MSG_ONCE)
		c->once[info - msg_table] |= ONCE_RECEIVED;
	return 1;
}

int channel_receive(struct channel *c, struct msg *out, struct err *e)
{
	bool empty = false;
	int rc;

	if (c->broken)
		return err_set(e, ERR_PROTOCOL, "the peer broke the protocol before");
	for (;;) {
		rc = take_frame(c, out, e);
		if (rc == ERR_PROTOCOL)
			return break_off(c);
		if (rc != 0)
			return rc;
		if (c->in.eof)
			return err_set(e, ERR_CLOSED, recvq_len(&c->in) > 0 ?
			    "the peer closed the channel in the middle of a message" :
			    "the peer closed the channel");
		if (empty)
			return 0;
		rc = recvq_fill(&c->in, c->fd, c->need, e);
		if (rc == ERR_PROTOCOL)
			return break_off(c);
		if (rc <= 0)
			return rc;
		empty = rc == 2;
	}
}

/* ---- waiting ---- */

/* Until the socket is ready for `events`, or an error is to be fetched. */
static int wait_for(struct channel *c, short events, int64_t deadline_ms, struct err *e)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int64_t left = deadline_ms - clock_monotonic_ms();
	int n;

	if (left <= 0)
		return err_set(e, ERR_TIMEOUT, "the peer did not answer in time");
	n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	if (n < 0 && errno != EINTR)
		return err_set_errno(e, ERR_IO, errno, "cannot wait for a channel");
	return 0;
}

int channel_send_wait(struct channel *c, const struct msg *m, int64_t deadline_ms,
    struct err *e)
{
	int rc;

	rc = channel_send(c, m, e);
	while (rc == ERR_FULL && channel_wants_write(c)) {
		rc = wait_for(c, POLLOUT, deadline_ms, e);
		if (rc == 0)
			rc = channel_send(c, m, e);
	}
	while (rc == 0 && channel_wants_write(c)) {
		rc = wait_for(c, POLLOUT, deadline_ms, e);
		if (rc == 0)
			rc = channel_flush(c, e);
	}
	return rc;
}

int channel_receive_wait(struct channel *c, struct msg *out, int64_t deadline_ms,
    struct err *e)
{
	int rc;

	while ((rc = channel_receive(c, out, e)) == 0) {
		/* A failure to send is found out by receiving. */
		channel_flush(c, NULL);
		rc = wait_for(c, channel_wants_write(c) ? POLLIN | POLLOUT : POLLIN,
		    deadline_ms, e);
		if (rc < 0)
			return rc;
	}
	return rc;
}

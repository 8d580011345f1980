/*
 * A channel: messages over one end of a Unix stream socketpair.
 *
 * Non-blocking and independent of any event loop: the owner watches
 * channel_fd() for reading, and for writing while channel_wants_write().
 *
 * Flow control: at most `max_queued` bytes wait to be sent.  channel_send then
 * answers ERR_FULL and queues nothing; an owner that answers requests stops
 * reading (channel_may_read) while its own replies are not taken, so a slow
 * reader stops its peer instead of growing it.
 *
 * Whatever breaks the protocol (frame, type, direction, size, payload, an
 * unexpected or missing descriptor, a second MSG_ONCE) makes channel_receive
 * return ERR_PROTOCOL: the owner closes the channel and logs the peer.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/messages.h"

struct channel;

#define CHANNEL_QUEUE_DEFAULT (8u << 20)

/* A pair of connected close-on-exec, non-blocking sockets. */
int channel_pair(int fds[2], struct err *e);

/* Takes over fd (closed by channel_free; still the caller's when this fails)
 * and makes it close-on-exec and non-blocking.  self and peer are one role
 * each; they decide which messages may pass in which direction.  max_queued:
 * bytes; a message larger than that can never be sent.  ERR_INVALID when fd is
 * no Unix stream socket; ERR_NOMEM, ERR_IO. */
int channel_new(struct channel **out, int fd, unsigned self, unsigned peer,
    size_t max_queued, struct err *e);
void channel_free(struct channel *c);

int channel_fd(const struct channel *c);
bool channel_wants_write(const struct channel *c);

/* False while more than half of max_queued waits to be sent. */
bool channel_may_read(const struct channel *c);

/* Queues m (its fd, if any, is duplicated) and tries to send.  ERR_FULL;
 * ERR_CLOSED when the peer is gone or channel_shutdown_send was called;
 * ERR_INTERNAL for a message that this side may not send (direction, a second
 * MSG_ONCE, a limit of the table, m->fd set or unset against the table). */
int channel_send(struct channel *c, const struct msg *m, struct err *e);

/* Queues m without a system call: for a batch ended by channel_flush. */
int channel_queue(struct channel *c, const struct msg *m, struct err *e);

/* Sends what the socket takes now.  0, or ERR_CLOSED, ERR_IO: what waited is
 * then dropped, and messages that came before can still be received. */
int channel_flush(struct channel *c, struct err *e);

/* 1 and a message (free it with msg_free), 0 when none is complete yet,
 * ERR_CLOSED at the end of the stream, ERR_PROTOCOL, ERR_NOMEM, ERR_IO.  Several
 * messages may have come at once, and readiness of the fd is not seen again
 * for those: call it until it returns something other than 1. */
int channel_receive(struct channel *c, struct msg *out, struct err *e);

/* Ends the sending direction after what is queued has been sent: the peer
 * reads to the end, this side can still receive. */
void channel_shutdown_send(struct channel *c);

/* For phases without a loop: sends all, or waits for one message, until the
 * deadline (monotonic ms).  ERR_TIMEOUT besides the codes above; a message that
 * could not be sent in time stays queued. */
int channel_send_wait(struct channel *c, const struct msg *m, int64_t deadline_ms,
    struct err *e);
int channel_receive_wait(struct channel *c, struct msg *out, int64_t deadline_ms,
    struct err *e);

#endif

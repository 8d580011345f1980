/*
 * A channel on an event loop.
 */
#ifndef API_WORKER_IPC_LINK_H
#define API_WORKER_IPC_LINK_H

#include <event2/event.h>

#include "base/err.h"
#include "ipc/channel.h"

struct ipc_link;

struct ipc_link_ops {
	/* One message; may keep m->fd by setting it to -1.  Must not free the
	 * link. */
	void (*message)(void *arg, struct msg *m);
	/* The last call: the peer is gone (ERR_CLOSED), or broke the protocol.
	 * May free the link. */
	void (*closed)(void *arg, const struct err *e);
};

/* Takes over the channel (also when it fails) and watches it. */
int ipc_link_new(struct ipc_link **out, struct event_base *base, struct channel *c,
    const struct ipc_link_ops *ops, void *arg, struct err *e);
void ipc_link_free(struct ipc_link *l);

/* As channel_send.  Never calls the link's functions: a peer that is gone is
 * noticed when the loop goes on. */
int ipc_link_send(struct ipc_link *l, const struct msg *m, struct err *e);

/* No message is sent any more; what the peer sends is still received. */
void ipc_link_shutdown_send(struct ipc_link *l);

/* From inside message(): the peer broke a rule that the table does not know;
 * closed() follows. */
void ipc_link_break(struct ipc_link *l, const char *reason);

#endif

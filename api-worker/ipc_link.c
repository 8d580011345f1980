/*
 * A channel on an event loop: see ipc_link.h.
 */
#include "api-worker/ipc_link.h"

#include <stdlib.h>

#define BATCH 256 /* messages, then others have their turn */

struct ipc_link {
	struct channel *channel;
	const struct ipc_link_ops *ops;
	void *arg;
	struct event *readable, *writable;
	const char *broken;
};

static void watch_writing(struct ipc_link *l)
{
	if (channel_wants_write(l->channel))
		event_add(l->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_link *l = arg;

	/* A failure is seen by reading. */
	if (channel_flush(l->channel, NULL) == 0)
		watch_writing(l);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_link *l = arg;
	struct msg m;
	struct err e;
	int i, rc = 1;

	for (i = 0; i < BATCH; i++) {
		rc = channel_receive(l->channel, &m, &e);
		if (rc <= 0)
			break;
		l->ops->message(l->arg, &m);
		msg_free(&m);
		if (l->broken) {
			rc = err_set(&e, ERR_PROTOCOL, "%s", l->broken);
			break;
		}
	}
	if (rc < 0) {
		event_del(l->readable);
		event_del(l->writable);
		l->ops->closed(l->arg, &e);
		return;
	}
	/* What has been read into memory makes no descriptor readable. */
	if (rc > 0)
		event_active(l->readable, EV_READ, 0);
}

int ipc_link_new(struct ipc_link **out, struct event_base *base, struct channel *c,
    const struct ipc_link_ops *ops, void *arg, struct err *e)
{
	struct ipc_link *l = calloc(1, sizeof(*l));

	if (!l) {
		channel_free(c);
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	}
	l->channel = c;
	l->ops = ops;
	l->arg = arg;
	l->readable = event_new(base, channel_fd(c), EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(base, channel_fd(c), EV_WRITE, on_writable, l);
	if (!l->readable || !l->writable || event_add(l->readable, NULL) < 0) {
		ipc_link_free(l);
		return err_set(e, ERR_NOMEM, "not enough memory for a channel");
	}
	/* Messages may have come before there was a loop. */
	event_active(l->readable, EV_READ, 0);
	*out = l;
	return 0;
}

void ipc_link_free(struct ipc_link *l)
{
	if (!l)
		return;
	if (l->readable)
		event_free(l->readable);
	if (l->writable)
		event_free(l->writable);
	channel_free(l->channel);
	free(l);
}

int ipc_link_send(struct ipc_link *l, const struct msg *m, struct err *e)
{
	int rc = channel_send(l->channel, m, e);

	if (rc == 0)
		watch_writing(l);
	return rc;
}

void ipc_link_shutdown_send(struct ipc_link *l)
{
	channel_shutdown_send(l->channel);
	watch_writing(l);
}

void ipc_link_break(struct ipc_link *l, const char *reason)
{
	l->broken = reason;
}

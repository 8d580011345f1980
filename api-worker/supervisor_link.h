/*
 * The control channel: what the supervisor tells this worker, and what this
 * worker asks of it.
 */
#ifndef API_WORKER_SUPERVISOR_LINK_H
#define API_WORKER_SUPERVISOR_LINK_H

#include "base/err.h"
#include "ipc/channel.h"

struct worker;
struct supervisor_link;

/* Takes over the channel (also when it fails). */
int supervisor_link_new(struct supervisor_link **out, struct worker *w, struct channel *c,
    struct err *e);
void supervisor_link_free(struct supervisor_link *s);

/* Sends a request without fields.  done is called exactly once, from the event
 * loop, unless this failed: with the reply of that type, or NULL and a sentence
 * when none came in time.  ERR_FULL, ERR_CLOSED, ERR_NOMEM. */
int supervisor_link_ask(struct supervisor_link *s, enum ipc_type type,
    enum ipc_type reply_type, uint32_t timeout_ms,
    void (*done)(void *arg, const struct msg *reply, const struct err *e), void *arg,
    struct err *e);

#endif

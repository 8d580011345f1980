/*
 * Asking the db-worker on behalf of a request, and answering its failures.
 */
#ifndef API_WORKER_ASK_H
#define API_WORKER_ASK_H

#include "api-worker/exchange.h"
#include "base/err.h"

enum ask_flags {
	ASK_CONFLICT_400 = 1, /* what exists already is 400, not 409 */
};

/* Sends m, with the request's credential when it carries one.  on_reply is called with
 * a reply of that type; every failure is answered here. */
void ask(struct exchange *x, struct msg *m, enum ipc_type reply_type,
    void (*on_reply)(struct exchange *x, const struct msg *reply), unsigned flags);

/* May the sender do what the request's route needs?  If so calls go_on, else
 * answers. */
void ask_permission(struct exchange *x, exchange_handler *go_on);

/* The status and sentence for a failure of the db-worker. */
void answer_failure(struct exchange *x, const struct err *e, unsigned flags);

/* Without a session or token, or with one that is not valid. */
void answer_unknown_caller(struct exchange *x);

/* The route's parameter as a text, cut at size - 1. */
void route_param(const struct exchange *x, char *out, size_t size);

#endif

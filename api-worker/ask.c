/*
 * Asking the db-worker: see ask.h.
 */
#include "api-worker/ask.h"

#include <stdio.h>

#include "api-worker/credential.h"
#include "api-worker/routes.h"
#include "api-worker/worker.h"

#define TIMEOUT_MS 30000

void answer_unknown_caller(struct exchange *x)
{
	struct credential c;

	credential_read(x, &c);
	if (c.kind == IPC_CREDENTIAL_SESSION)
		credential_set_cookie(x, "");
	answer_refused(x, 401, "Authentication required");
}

static void limited(struct exchange *x, const struct err *e)
{
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%u", e->retry_after_s > 0 ? e->retry_after_s : 1);
	answer_field(x, "Retry-After", seconds);
	answer_refused(x, 429, e->text);
}

void answer_failure(struct exchange *x, const struct err *e, unsigned flags)
{
	switch (e->code) {
	case ERR_UNKNOWN_CALLER:
		answer_unknown_caller(x);
		break;
	case ERR_DENIED:
		answer_refused(x, 403, e->text);
		break;
	case ERR_NOT_FOUND:
		answer_refused(x, 404, e->text);
		break;
	case ERR_EXISTS:
		answer_refused(x, flags & ASK_CONFLICT_400 ? 400 : 409, e->text);
		break;
	case ERR_WRONG_PASSWORD:
		answer_refused(x, 400, e->text);
		break;
	case ERR_INVALID:
		answer_invalid(x, "%s", e->text);
		break;
	case ERR_LIMITED:
		limited(x, e);
		break;
	case ERR_UNAVAILABLE:
	case ERR_FULL:
	case ERR_NOMEM:
		answer_error(x, 503, "%s", e->text);
		break;
	case ERR_TIMEOUT:
		answer_error(x, 504, "%s", e->text);
		break;
	case ERR_CLOSED:
		answer_error(x, 500, "%s", e->text);
		break;
	case ERR_CORRUPT:
	case ERR_CONFIG:
	case ERR_IO:
		answer_refused(x, 500, e->text);
		break;
	default:
		answer_refused(x, 500, "The request failed; the log says why.");
		break;
	}
}

static void on_done(void *arg, const struct msg *reply, const struct err *e)
{
	struct exchange *x = arg;

	if (reply == NULL)
		answer_failure(x, e, x->ask_flags);
	else
		x->on_reply(x, reply);
}

void ask(struct exchange *x, struct msg *m, enum ipc_type reply_type,
    void (*on_reply)(struct exchange *x, const struct msg *reply), unsigned flags)
{
	const struct db_request request = {
		.done = on_done,
		.arg = x,
		.reply_type = reply_type,
		.timeout_ms = TIMEOUT_MS,
	};
	struct credential credential;
	enum permission needed;
	struct err e;

	x->on_reply = on_reply;
	x->ask_flags = flags;
	if (msg_has_credential(m->type, &needed)) {
		credential_read(x, &credential);
		msg_set_credential(m, credential.kind, credential.text);
	}
	if (db_client_send(worker_of(x)->db, m, &request, &e) < 0)
		answer_failure(x, &e, flags);
	/* The message was encoded. */
	explicit_bzero(&credential, sizeof(credential));
}

static void on_permitted(struct exchange *x, const struct msg *reply)
{
	x->go_on(x);
}

void ask_permission(struct exchange *x, exchange_handler *go_on)
{
	const struct route *route = x->route;
	struct msg m;

	x->go_on = go_on;
	msg_init(&m, MSG_auth_check, 0);
	m.auth_check.permission = (uint8_t)route->permission;
	ask(x, &m, MSG_auth_check_reply, on_permitted, 0);
}

void route_param(const struct exchange *x, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)x->param.len, x->param.at != NULL ? x->param.at : "");
}

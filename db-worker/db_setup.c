/*
 * Message db_setup: the setup act.
 */
#include "db-worker/handlers.h"
#include "db-worker/services.h"

void setup_gate_init(struct setup_gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
}

static int run_setup(struct setup_gate *g, enum ipc_engine engine, struct err *e)
{
	int rc;

	if (!g->open || g->done)
		return err_set(e, ERR_EXISTS, "setup has already been performed");
	if (engine != IPC_ENGINE_SQLITE)
		return err_set(e, ERR_UNSUPPORTED, "the turso engine is not available in this "
		    "version; choose sqlite");
	if (g->problem_code < 0) {
		*e = g->problem;
		g->problem_told = true;
		return g->problem_code;
	}
	rc = setup_run(&g->setup, e);
	g->done = rc == 0;
	return rc;
}

void db_setup(struct request *q)
{
	const struct msg_db_setup *in = &q->in.db_setup;
	struct setup_gate *g = &q->services->setup;
	struct err e;
	int rc = 0;

	if (!in->local)
		rc = setup_token_check(&q->services->setup_token, q->services->rate_limit,
		    in->setup_token, &e);
	if (rc == 0) {
		pthread_mutex_lock(&g->lock);
		rc = run_setup(g, (enum ipc_engine)in->engine, &e);
		pthread_mutex_unlock(&g->lock);
		/* To the client, "denied" would be about the token. */
		if (rc == ERR_DENIED)
			rc = e.code = ERR_IO;
	}
	if (rc < 0) {
		request_fail_with(q, &e);
		return;
	}
	msg_init(&q->reply, MSG_db_setup_reply, q->in.id);
	q->reply.db_setup_reply.engine = in->engine;
}

/*
 * The parts of an api-worker put together: see worker.h.
 */
#include "api-worker/worker.h"

#include "api-worker/access_log.h"
#include "api-worker/db_setup.h"
#include "api-worker/limits.h"
#include "api-worker/routes.h"
#include "base/log.h"

void worker_init(struct worker *w)
{
	memset(w, 0, sizeof(*w));
	TAILQ_INIT(&w->setups);
	db_view_init(&w->view);
}

void worker_stop(struct worker *w, int exit_status)
{
	w->stop = true;
	w->exit_status = exit_status;
	event_base_loopbreak(w->base);
}

static void on_db_channel_change(void *arg)
{
	struct worker *w = arg;

	db_view_set_connected(&w->view, db_client_connected(w->db));
	db_setup_state_changed(w);
}

/* Nothing from the environment, no locks. */
static struct event_base *make_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && event_config_set_flag(c,
	    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return base;
}

int worker_open(struct worker *w, struct err *e)
{
	const struct http_app app = { .route = route_exchange, .answered = access_log,
		.arg = w };
	const struct msg_api_config *config = w->config.message;
	struct http_limits limits;
	uint32_t i;
	int rc;

	w->base = make_base();
	if (!w->base)
		return err_set(e, ERR_NOMEM, "cannot make an event loop");
	limits_of(config, &limits);
	rc = http_server_new(&w->server, w->base, &app, &limits, e);
	for (i = 0; rc == 0 && i < config->listeners.count; i++) {
		const struct rec_listener *l = &config->listeners.items[i];

		rc = http_server_add_listener(w->server, (int)l->fd,
		    (enum ipc_listener_kind)(l->kind == IPC_LISTEN_CONTROL ?
		    IPC_LISTEN_CONTROL : IPC_LISTEN_TCP), l->loopback, e);
	}
	if (rc == 0)
		rc = db_client_new(&w->db, w->base, config->hold_timeout_ms, e);
	if (rc == 0)
		db_client_on_change(w->db, on_db_channel_change, w);
	return rc;
}

int worker_loop(struct worker *w, struct channel *control, struct err *e)
{
	int rc = supervisor_link_new(&w->supervisor, w, control, e);

	if (rc < 0)
		return rc;
	while (!w->stop) {
		if (event_base_loop(w->base, EVLOOP_ONCE) < 0)
			return err_set(e, ERR_IO, "the event loop failed");
		log_flush();
	}
	return 0;
}

void worker_free(struct worker *w)
{
	supervisor_link_free(w->supervisor);
	db_client_free(w->db);
	http_server_free(w->server);
	if (w->base)
		event_base_free(w->base);
	config_free(&w->config);
}

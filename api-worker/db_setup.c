/*
 * POST /api/db/setup: choose the engine.
 *
 * The setup-mode db-worker builds and selects the database and ends; the answer
 * then waits until the supervisor says that the serving one is ready, or until
 * the setup timeout, and says which of the two it was.
 *
 * Invariant: a struct setup_wait is in worker->setups exactly while its answer
 * waits for the database.
 */
#include "api-worker/db_setup.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "api-worker/ask.h"
#include "api-worker/credential.h"
#include "api-worker/handlers.h"
#include "api-worker/worker.h"
#include "base/json.h"

#define BUILD_TIMEOUT_MS 120000 /* for the db-worker's work; slow disks exist */

struct setup_wait {
	TAILQ_ENTRY(setup_wait) entry;
	struct exchange *x;
	struct event *timer;
	enum ipc_engine engine;
};

/* ---- answers ---- */

static void already_done(struct exchange *x)
{
	answer_json(x, 409, "{\"message\":\"Database setup has already been performed.\","
	    "\"error\":\"Conflict\",\"statusCode\":409}");
}

static void setup_failed(struct exchange *x, const char *cause)
{
	char text[1400];
	struct buf b;

	snprintf(text, sizeof(text), "Database setup failed: %s", cause);
	buf_init(&b, 16384);
	buf_puts(&b, "{\"error\":");
	json_put_string(&b, text, strlen(text));
	buf_puts(&b, ",\"statusCode\":500}");
	if (b.failed)
		answer_error(x, 500, "Database setup failed; see the log.");
	else
		answer_json(x, 500, buf_cstr(&b));
	buf_free(&b);
}

static void done(struct exchange *x, enum ipc_engine engine, bool ready)
{
	char json[256];

	snprintf(json, sizeof(json), "{\"message\":\"Database setup successful%s\","
	    "\"restart_required\":%s,\"database_type\":\"%s\"}",
	    ready ? ". All services have been initialized and are ready to use." :
	    ", but some services may require a server restart to function properly.",
	    ready ? "false" : "true", db_engine_name(engine));
	answer_json(x, 200, json);
}

/* ---- after the database was selected ---- */

static void finish_wait(struct worker *w, struct setup_wait *wait, bool ready)
{
	struct exchange *x = wait->x;
	enum ipc_engine engine = wait->engine;

	TAILQ_REMOVE(&w->setups, wait, entry);
	event_free(wait->timer);
	free(wait);
	done(x, engine, ready);
}

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	struct setup_wait *wait = arg;

	finish_wait(worker_of(wait->x), wait, false);
}

void db_setup_state_changed(struct worker *w)
{
	struct setup_wait *wait;

	while (w->view.initialized && (wait = TAILQ_FIRST(&w->setups)) != NULL)
		finish_wait(w, wait, true);
}

static void wait_for_database(struct exchange *x, enum ipc_engine engine)
{
	struct worker *w = worker_of(x);
	uint32_t ms = w->config.message->setup_timeout_ms;
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct setup_wait *wait = calloc(1, sizeof(*wait));

	if (wait)
		wait->timer = evtimer_new(w->base, on_too_late, wait);
	if (!wait || !wait->timer) {
		free(wait);
		done(x, engine, false);
		return;
	}
	wait->x = x;
	wait->engine = engine;
	TAILQ_INSERT_TAIL(&w->setups, wait, entry);
	evtimer_add(wait->timer, &tv);
	db_setup_state_changed(w);
}

/* ---- the request to the db-worker ---- */

static int still_wanted(void *arg, struct err *e)
{
	const struct exchange *x = arg;

	if (worker_of(x)->view.configured)
		return err_set(e, ERR_EXISTS, "Database setup has already been performed.");
	return 0;
}

static void answer_setup_failure(struct exchange *x, const struct err *e)
{
	switch (e->code) {
	case ERR_EXISTS:
		already_done(x);
		break;
	case ERR_UNAVAILABLE:
	case ERR_FULL:
	case ERR_NOMEM:
	case ERR_LIMITED:
	case ERR_DENIED:
		answer_failure(x, e, 0);
		break;
	case ERR_CLOSED:
	case ERR_TIMEOUT:
		setup_failed(x, "the database process ended or did not answer, so the outcome is "
		    "unknown; ask GET /api/db/status, and repeat this if it says that nothing "
		    "is configured.");
		break;
	default:
		setup_failed(x, e->text);
		break;
	}
}

static void on_reply(void *arg, const struct msg *reply, const struct err *e)
{
	struct exchange *x = arg;

	if (!reply)
		answer_setup_failure(x, e);
	else
		wait_for_database(x, (enum ipc_engine)reply->db_setup_reply.engine);
}

static void ask_database(struct exchange *x, enum ipc_engine engine)
{
	const struct db_request request = {
		.done = on_reply,
		.still_wanted = still_wanted,
		.arg = x,
		.reply_type = MSG_db_setup_reply,
		.timeout_ms = BUILD_TIMEOUT_MS,
	};
	char token[256];
	struct msg m;
	struct err e;

	msg_init(&m, MSG_db_setup, 0);
	m.db_setup.engine = (uint8_t)engine;
	m.db_setup.local = exchange_is_local(x);
	m.db_setup.setup_token = credential_setup_token(x, token, sizeof(token));
	if (db_client_send(worker_of(x)->db, &m, &request, &e) < 0)
		answer_setup_failure(x, &e);
}

/* ---- the body ---- */

/* The engine that the body names; IPC_ENGINE_NONE when it was answered. */
static enum ipc_engine read_engine(struct exchange *x)
{
	const struct http_request *r = exchange_request(x);
	enum ipc_engine engine = IPC_ENGINE_NONE;
	const cJSON *type;
	cJSON *root = NULL;
	struct err e;

	if (r->body.len == 0) {
		answer_error(x, 400, "The body is missing; send {\"type\":\"sqlite\"}.");
		return engine;
	}
	if (json_parse((const char *)r->body.data, r->body.len, NULL, &root, &e) < 0) {
		answer_error(x, e.code == ERR_NOMEM ? 503 : 400, "The body has %s.",
		    e.text);
		return engine;
	}
	type = cJSON_GetObjectItemCaseSensitive(root, "type");
	if (!cJSON_IsObject(root))
		answer_error(x, 400, "The body must be a JSON object; send {\"type\":\"sqlite\"}.");
	else if (!type)
		answer_error(x, 400, "The member \"type\" is missing; it must be \"sqlite\" or "
		    "\"turso\".");
	else if (cJSON_IsString(type) && strcmp(type->valuestring, "sqlite") == 0)
		engine = IPC_ENGINE_SQLITE;
	else if (cJSON_IsString(type) && strcmp(type->valuestring, "turso") == 0)
		engine = IPC_ENGINE_TURSO;
	else
		answer_error(x, 400, "The member \"type\" must be \"sqlite\" or \"turso\".");
	cJSON_Delete(root);
	return engine;
}

/* Names the variables that turso lacks; true when it did. */
static bool lacks_turso(struct exchange *x)
{
	const struct msg_api_config *c = worker_of(x)->config.message;
	const char *missing = "TURSO_DATABASE_URL and TURSO_AUTH_TOKEN";

	if (c->turso_url_set && c->turso_token_set)
		return false;
	if (c->turso_url_set)
		missing = "TURSO_AUTH_TOKEN";
	else if (c->turso_token_set)
		missing = "TURSO_DATABASE_URL";
	answer_error(x, 400, "The engine turso needs %s; set it in the daemon's environment and "
	    "reload.", missing);
	return true;
}

void handle_db_setup(struct exchange *x)
{
	const struct db_view *v = &worker_of(x)->view;
	enum ipc_engine engine;

	engine = read_engine(x);
	if (engine == IPC_ENGINE_NONE)
		return;
	if (v->configured && v->problem[0] != '\0')
		answer_error(x, 503, "The database cannot be used now, and setup does not start "
		    "again; the log and `deploystackctl status` say what to do.");
	else if (v->configured)
		already_done(x);
	else if (engine != IPC_ENGINE_TURSO || !lacks_turso(x))
		ask_database(x, engine);
}

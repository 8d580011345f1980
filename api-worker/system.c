/*
 * GET /api/system/status and POST /api/system/reload: for the operator, on the
 * control socket only.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "api-worker/handlers.h"
#include "api-worker/worker.h"

#define STATUS_TIMEOUT_MS 5000
#define INFO_TIMEOUT_MS 5000
#define RELOAD_TIMEOUT_MS 60000

/* ---- JSON ---- */

/* cJSON_Add… with NULL for memory; the whole is checked when it is printed. */
static void add_text(cJSON *o, const char *name, const char *text)
{
	if (text)
		cJSON_AddStringToObject(o, name, text);
	else
		cJSON_AddNullToObject(o, name);
}

static cJSON *process_json(const struct rec_process *p)
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "role", p->role);
	add_text(o, "mode", p->mode);
	add_text(o, "state", p->state);
	cJSON_AddNumberToObject(o, "pid", p->pid);
	cJSON_AddNumberToObject(o, "restarts", p->restarts);
	cJSON_AddNumberToObject(o, "uptime_ms", (double)p->uptime_ms);
	cJSON_AddNumberToObject(o, "rss_bytes", (double)p->rss_bytes);
	cJSON_AddNumberToObject(o, "uid", p->uid);
	cJSON_AddNumberToObject(o, "gid", p->gid);
	add_text(o, "capabilities", p->capabilities);
	cJSON_AddNumberToObject(o, "seccomp_mode", p->seccomp_mode);
	cJSON_AddBoolToObject(o, "no_new_privs", p->no_new_privs);
	add_text(o, "sandbox", p->sandbox);
	add_text(o, "last_exit", p->last_exit);
	return o;
}

static cJSON *status_json(const struct msg_system_status_reply *s)
{
	cJSON *o = cJSON_CreateObject(), *processes;
	uint32_t i;

	add_text(o, "version", s->version);
	add_text(o, "sandbox_mode", s->sandbox_mode);
	add_text(o, "data_dir", s->data_dir);
	cJSON_AddBoolToObject(o, "crash_loop", s->crash_loop);
	processes = cJSON_AddArrayToObject(o, "processes");
	for (i = 0; i < s->processes.count; i++)
		cJSON_AddItemToArray(processes, process_json(&s->processes.items[i]));
	return o;
}

static void add_info(cJSON *o, const struct msg_db_info_reply *info)
{
	cJSON *migrations, *item;
	uint32_t i;

	add_text(o, "engine_version", info ? info->engine_version : NULL);
	if (info && info->size_bytes > 0)
		cJSON_AddNumberToObject(o, "size_bytes", (double)info->size_bytes);
	else
		cJSON_AddNullToObject(o, "size_bytes");
	migrations = cJSON_AddArrayToObject(o, "migrations");
	for (i = 0; info && i < info->migrations.count; i++) {
		item = cJSON_CreateObject();
		add_text(item, "tag", info->migrations.items[i].tag);
		add_text(item, "hash", info->migrations.items[i].hash);
		cJSON_AddNumberToObject(item, "created_at",
		    (double)info->migrations.items[i].created_at);
		cJSON_AddItemToArray(migrations, item);
	}
}

/* ---- status: first the supervisor, then the db-worker ---- */

struct status {
	struct exchange *x;
	cJSON *root;
};

static void answer_status(struct status *s, const struct msg_db_info_reply *info,
    const char *problem)
{
	const struct db_view *v = &worker_of(s->x)->view;
	cJSON *database = cJSON_AddObjectToObject(s->root, "database");
	struct exchange *x = s->x;
	char *text;

	cJSON_AddBoolToObject(database, "configured", v->configured);
	add_text(database, "engine", db_engine_name(v->engine));
	cJSON_AddBoolToObject(database, "initialized", v->initialized);
	add_text(database, "problem", problem);
	add_info(database, info);
	text = database ? cJSON_PrintUnformatted(s->root) : NULL;
	cJSON_Delete(s->root);
	free(s);
	if (text)
		answer_json(x, 200, text);
	else
		answer_error(x, 503, "Not enough memory; try again.");
	cJSON_free(text);
}

static void on_info(void *arg, const struct msg *reply, const struct err *e)
{
	answer_status(arg, reply ? &reply->db_info_reply : NULL, reply ? NULL : e->text);
}

static void on_status(void *arg, const struct msg *reply, const struct err *e)
{
	const struct db_request request = {
		.done = on_info,
		.reply_type = MSG_db_info_reply,
		.timeout_ms = INFO_TIMEOUT_MS,
	};
	struct exchange *x = arg;
	const struct db_view *v = &worker_of(x)->view;
	struct db_request ask = request;
	struct status *s;
	struct msg m;
	struct err failure;

	if (!reply) {
		answer_error(x, 503, "%s", e->text);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s)
		s->root = status_json(&reply->system_status_reply);
	if (!s || !s->root) {
		free(s);
		answer_error(x, 503, "Not enough memory; try again.");
		return;
	}
	s->x = x;
	/* While the db-worker is being replaced the question waits for the next one. */
	if (!v->configured || v->problem[0] != '\0') {
		answer_status(s, NULL, v->problem[0] != '\0' ? v->problem : NULL);
		return;
	}
	ask.arg = s;
	msg_init(&m, MSG_db_info, 0);
	if (db_client_send(worker_of(x)->db, &m, &ask, &failure) < 0)
		answer_status(s, NULL, failure.text);
}

void handle_system_status(struct exchange *x)
{
	struct err e;

	if (supervisor_link_ask(worker_of(x)->supervisor, MSG_system_status,
	    MSG_system_status_reply, STATUS_TIMEOUT_MS, on_status, x, &e) < 0)
		answer_error(x, 503, "%s", e.text);
}

/* ---- reload ---- */

static void on_reload(void *arg, const struct msg *reply, const struct err *e)
{
	struct exchange *x = arg;

	if (!reply)
		answer_error(x, 503, "%s", e->text);
	else if (reply->system_reload_reply.ok)
		answer_json(x, 200, "{\"success\":true,"
		    "\"message\":\"The configuration was reloaded.\"}");
	else
		answer_refused(x, 400, reply->system_reload_reply.problem ?
		    reply->system_reload_reply.problem : "The reload failed; see the log.");
}

void handle_system_reload(struct exchange *x)
{
	struct err e;

	if (supervisor_link_ask(worker_of(x)->supervisor, MSG_system_reload,
	    MSG_system_reload_reply, RELOAD_TIMEOUT_MS, on_reload, x, &e) < 0)
		answer_error(x, 503, "%s", e.text);
}

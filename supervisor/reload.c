/*
 * Reload: configuration and selection are read again, the db-worker is replaced,
 * and whoever asked is told when the new one is ready.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/internal.h"
#include "supervisor/notify.h"

void reload_finished(struct supervisor *s, const char *problem)
{
	struct msg m;
	size_t i;

	s->reloading = false;
	for (i = 0; i < s->nwaiters; i++) {
		msg_init(&m, MSG_system_reload_reply, s->waiters[i].id);
		m.system_reload_reply.ok = problem == NULL;
		m.system_reload_reply.problem = problem;
		worker_send(s->waiters[i].worker, &m);
	}
	s->nwaiters = 0;
	notify_send("READY=1");
	if (problem == NULL)
		log_info("reloaded");
	if (s->reload_again) {
		s->reload_again = false;
		supervisor_reload(s);
	}
}

static int read_config_again(struct supervisor *s)
{
	struct config_errors errors = { .count = 0 };
	struct config fresh;
	char fixed[256];
	size_t i;
	int rc = config_load(&fresh, &errors);

	for (i = 0; i < errors.count; i++)
		log_error("the new configuration is refused: %s", errors.text[i]);
	if (rc < 0) {
		snprintf(s->reload_problem, sizeof(s->reload_problem), "%s",
		    errors.count ? errors.text[0] : "the configuration cannot be read");
		config_errors_free(&errors);
		return rc;
	}
	config_fixed_changes(&s->config, &fresh, fixed, sizeof(fixed));
	if (fixed[0] != '\0')
		log_warn("a restart is needed for the change of %s", fixed);
	/* What a reload cannot change stays as it is. */
	fresh.api_workers = s->config.api_workers;
	fresh.sandbox = s->config.sandbox;
	fresh.db_uid = s->config.db_uid;
	fresh.db_gid = s->config.db_gid;
	fresh.api_uid = s->config.api_uid;
	fresh.api_gid = s->config.api_gid;
	config_free(&s->config);
	s->config = fresh;
	log_set_level(fresh.log_level);
	return 0;
}

void supervisor_reload(struct supervisor *s)
{
	struct db_state before = s->database;
	struct err e;
	size_t i;

	if (s->phase != PHASE_RUN)
		return;
	if (s->reloading) {
		s->reload_again = true;
		return;
	}
	s->reloading = true;
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	if (read_config_again(s) < 0) {
		reload_finished(s, s->reload_problem);
		return;
	}
	for (i = 0; i < s->napi; i++)
		if (worker_is_locked(&s->api[i]) && configure_api(s, &s->api[i], &e) < 0)
			log_error("cannot send the configuration: %s", e.text);
	/* A selection that cannot be read leaves the one in force, if there is one. */
	db_state_look(&s->database, s->data_dir.fd);
	if (!s->database.readable && before.ready) {
		char problem[sizeof(s->database.problem)];

		memcpy(problem, s->database.problem, sizeof(problem));
		s->database = before;
		reload_finished(s, problem);
		return;
	}
	supervisor_tell_all(s);
	worker_event(&s->db, EVENT_DRAIN);
	if (s->db.pid == 0) {
		s->db.state = LIFE_ABSENT;
		worker_event(&s->db, EVENT_START);
	}
}

void reload_forget(struct supervisor *s, const struct worker *w)
{
	size_t i, kept = 0;

	for (i = 0; i < s->nwaiters; i++)
		if (s->waiters[i].worker != w)
			s->waiters[kept++] = s->waiters[i];
	s->nwaiters = kept;
}

void system_reload(struct supervisor *s, struct worker *w, const struct msg *request)
{
	struct msg m;

	if (s->nwaiters == RELOAD_WAITERS_MAX || s->phase != PHASE_RUN) {
		msg_init(&m, MSG_system_reload_reply, request->id);
		m.system_reload_reply.problem = s->phase != PHASE_RUN ? "the daemon is stopping" :
		    "too many reloads at once; try again";
		worker_send(w, &m);
		return;
	}
	s->waiters[s->nwaiters++] = (struct reload_waiter){ w, request->id };
	log_info("reload asked for on the control socket");
	supervisor_reload(s);
}

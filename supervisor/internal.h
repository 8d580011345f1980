/*
 * What the supervisor's own files share: its structure, and the parts that have
 * files of their own.
 */
#ifndef SUPERVISOR_INTERNAL_H
#define SUPERVISOR_INTERNAL_H

#include "supervisor/db_state.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"
#include "supervisor/worker.h"

#define RELOAD_WAITERS_MAX 32

enum phase { PHASE_RUN, PHASE_STOP_API, PHASE_STOP_DB, PHASE_END };

struct reload_waiter {
	struct worker *worker;
	uint64_t id;
};

struct supervisor {
	struct event_base *base;
	struct config config;
	struct data_dir data_dir;
	struct listeners listeners;
	struct db_state database;
	uint8_t operator_hash[TOKEN_HASH_BYTES];
	struct worker db;
	struct worker *api;
	size_t napi;
	enum phase phase;
	bool announced;                /* READY=1 was sent */
	bool check_database;           /* the next db-worker does before it serves */
	bool reloading, reload_again;
	char reload_problem[1024];     /* of the running reload */
	struct reload_waiter waiters[RELOAD_WAITERS_MAX];
	size_t nwaiters;
	uint64_t ping_seq;
	int64_t last_tick_ms, started_ms;
};

/* configure.c: the first message to a worker; to an api-worker also a later one. */
int configure_api(struct supervisor *s, struct worker *w, struct err *e);
int configure_db(struct supervisor *s, struct worker *w, struct err *e);

/* reload.c: tells all who wait; problem is NULL when it worked. */
void reload_finished(struct supervisor *s, const char *problem);
/* An api-worker that waited is gone. */
void reload_forget(struct supervisor *s, const struct worker *w);

/* The requests of api-workers (status.c, reload.c). */
void system_status(struct supervisor *s, struct worker *w, const struct msg *request);
void system_reload(struct supervisor *s, struct worker *w, const struct msg *request);

/* supervisor.c: sends db_state to every api-worker. */
void supervisor_tell_all(struct supervisor *s);

#endif

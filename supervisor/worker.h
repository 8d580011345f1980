/*
 * A worker as the supervisor sees it: a row of the process table, its life, its
 * control channel.  What messages mean is the supervisor's business
 * (supervisor.c), by way of struct worker_events.
 */
#ifndef SUPERVISOR_WORKER_H
#define SUPERVISOR_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/channel.h"
#include "supervisor/life.h"

struct event;
struct event_base;
struct supervisor;
struct worker;

/* One row of the process table (supervisor.c). */
struct worker_kind {
	const char *role;      /* in logs and status, argv[0] */
	const char *installed; /* path relative to the executable's folder */
	const char *build;     /* the same in a build tree */
	unsigned ipc_role;
	/* Sends the configuration, before anything else. */
	int (*configure)(struct supervisor *s, struct worker *w, struct err *e);
};

struct worker {
	const struct worker_kind *kind;
	struct supervisor *supervisor;
	struct event_base *base;
	char *path;
	enum life_state state;
	pid_t pid; /* 0: none */
	struct channel *control;
	struct event *readable, *writable, *timer; /* timer: backoff or drain deadline */
	struct backoff backoff;
	uint32_t restarts;
	bool started_before;
	bool planned;          /* it was told to end: the next start is no respawn after a death */
	int64_t started_ms; /* monotonic */
	int64_t asked_ms;   /* when the oldest unanswered ping was sent; 0: none is */
	char sandbox[1024];    /* from hello */
	char last_exit[160];
};

/* Frees all that the worker holds; the process is not touched. */
int worker_init(struct worker *w, const struct worker_kind *kind, struct supervisor *s,
    struct event_base *base, struct err *e);
void worker_free(struct worker *w);

/* Applies an event of the life table. */
void worker_event(struct worker *w, enum life_event event);

/* Waits before the next EVENT_START; replaces any other deadline. */
void worker_start_after(struct worker *w, uint32_t ms);

/* Sends one message; a worker that does not take its messages is killed. */
void worker_send(struct worker *w, const struct msg *m);

/* The process has ended with this wait status. */
void worker_exited(struct worker *w, int wait_status);

/* Sends a ping; kills the worker when one has not been answered for longer than
 * timeout_ms.  pause_ms: how long this process itself slept since the last call,
 * which is not the worker's fault. */
void worker_heartbeat(struct worker *w, uint64_t seq, uint32_t timeout_ms, int64_t pause_ms);

static inline bool worker_is_locked(const struct worker *w)
{
	return w->state == LIFE_LOCKED || w->state == LIFE_READY;
}

/* ---- provided by supervisor.c ---- */

/* A message other than hello, ready and pong. */
void supervisor_message(struct supervisor *s, struct worker *w, struct msg *m);
/* Descriptors that the process inherits from 4 on; returns how many. */
size_t supervisor_inherited(struct supervisor *s, const struct worker *w, int *fds, size_t max);
/* After ACTION_WELCOME, ACTION_CONNECT, ACTION_BURY. */
void supervisor_welcomed(struct supervisor *s, struct worker *w);
void supervisor_ready(struct supervisor *s, struct worker *w);
void supervisor_buried(struct supervisor *s, struct worker *w, int exit_status, bool planned,
    uint32_t wait_ms);
/* May it be started now?  False leaves it in backoff. */
bool supervisor_may_start(struct supervisor *s, struct worker *w);
uint32_t supervisor_drain_timeout_ms(const struct supervisor *s);

#endif

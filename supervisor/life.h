/*
 * The life of a worker as a table: state × event → new state and action.
 * Pure: no process, no clock.
 */
#ifndef SUPERVISOR_LIFE_H
#define SUPERVISOR_LIFE_H

#include <stdint.h>

enum life_state {
	LIFE_ABSENT,   /* not wanted, or not yet started */
	LIFE_STARTING, /* executed; configuration sent */
	LIFE_LOCKED,   /* said hello: the sandbox is in force */
	LIFE_READY,    /* does its job */
	LIFE_DRAINING, /* told to finish what it accepted */
	LIFE_DYING,    /* killed; not yet gone */
	LIFE_BACKOFF,  /* died; waits before the next start */
	LIFE_STATES
};

enum life_event {
	EVENT_START,   /* wanted, or the wait is over */
	EVENT_HELLO,
	EVENT_READY,
	EVENT_DRAIN,   /* a reload or the end */
	EVENT_SILENT,  /* no heartbeat, or a deadline passed, or it broke the protocol */
	EVENT_EXIT,
	EVENT_WAIT,    /* could not be started, or must not be now */
	LIFE_EVENTS
};

enum life_action {
	ACTION_NONE,
	ACTION_SPAWN,
	ACTION_WELCOME, /* hello: record the report */
	ACTION_CONNECT, /* ready: make its data channels */
	ACTION_DRAIN,   /* send drain, start its deadline */
	ACTION_KILL,
	ACTION_BURY,    /* decide by the exit status what comes next */
	ACTION_REFUSE   /* said something in the wrong state: kill */
};

struct life_step {
	enum life_state state;
	enum life_action action;
};

struct life_step life_next(enum life_state state, enum life_event event);
const char *life_state_name(enum life_state state);

/*
 * Backoff: the first respawn at once, then 100 ms, doubling up to 5 s; forgotten
 * after ten seconds of life.  A crash loop is five deaths within ten seconds.
 */
#define LIFE_DEATHS 5

struct backoff {
	int64_t death_ms[LIFE_DEATHS]; /* the last ones, newest first; 0: none */
	uint32_t wait_ms;
};

/* Records a death at now_ms of a process that lived for lived_ms; returns how
 * long to wait before the next start. */
uint32_t backoff_death(struct backoff *b, int64_t now_ms, int64_t lived_ms);

/* Non-zero while the last five deaths lie within ten seconds of each other and
 * the newest is not older than that. */
int backoff_is_crash_loop(const struct backoff *b, int64_t now_ms);

#endif

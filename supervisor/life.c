/*
 * The life of a worker: see life.h.
 */
#include "supervisor/life.h"

#include <string.h>

#define STAY(s) { LIFE_##s, ACTION_NONE }
#define STEP(s, a) { LIFE_##s, ACTION_##a }

static const struct life_step table[LIFE_STATES][LIFE_EVENTS] = {
	[LIFE_ABSENT] = {
		[EVENT_START] = STEP(STARTING, SPAWN),
		[EVENT_HELLO] = STAY(ABSENT),
		[EVENT_READY] = STAY(ABSENT),
		[EVENT_DRAIN] = STAY(ABSENT),
		[EVENT_SILENT] = STAY(ABSENT),
		[EVENT_EXIT] = STAY(ABSENT),
		[EVENT_WAIT] = STAY(BACKOFF),
	},
	[LIFE_STARTING] = {
		[EVENT_START] = STAY(STARTING),
		[EVENT_HELLO] = STEP(LOCKED, WELCOME),
		[EVENT_READY] = STEP(DYING, REFUSE),
		[EVENT_DRAIN] = STEP(DRAINING, DRAIN),
		[EVENT_SILENT] = STEP(DYING, KILL),
		[EVENT_EXIT] = STEP(ABSENT, BURY),
		[EVENT_WAIT] = STAY(BACKOFF),
	},
	[LIFE_LOCKED] = {
		[EVENT_START] = STAY(LOCKED),
		[EVENT_HELLO] = STEP(DYING, REFUSE),
		[EVENT_READY] = STEP(READY, CONNECT),
		[EVENT_DRAIN] = STEP(DRAINING, DRAIN),
		[EVENT_SILENT] = STEP(DYING, KILL),
		[EVENT_EXIT] = STEP(ABSENT, BURY),
		[EVENT_WAIT] = STAY(LOCKED),
	},
	[LIFE_READY] = {
		[EVENT_START] = STAY(READY),
		[EVENT_HELLO] = STEP(DYING, REFUSE),
		[EVENT_READY] = STEP(DYING, REFUSE),
		[EVENT_DRAIN] = STEP(DRAINING, DRAIN),
		[EVENT_SILENT] = STEP(DYING, KILL),
		[EVENT_EXIT] = STEP(ABSENT, BURY),
		[EVENT_WAIT] = STAY(READY),
	},
	[LIFE_DRAINING] = {
		[EVENT_START] = STAY(DRAINING),
		[EVENT_HELLO] = STEP(DRAINING, WELCOME),
		[EVENT_READY] = STAY(DRAINING),
		[EVENT_DRAIN] = STAY(DRAINING),
		[EVENT_SILENT] = STEP(DYING, KILL),
		[EVENT_EXIT] = STEP(ABSENT, BURY),
		[EVENT_WAIT] = STAY(DRAINING),
	},
	[LIFE_DYING] = {
		[EVENT_START] = STAY(DYING),
		[EVENT_HELLO] = STAY(DYING),
		[EVENT_READY] = STAY(DYING),
		[EVENT_DRAIN] = STAY(DYING),
		[EVENT_SILENT] = STEP(DYING, KILL),
		[EVENT_EXIT] = STEP(ABSENT, BURY),
		[EVENT_WAIT] = STAY(DYING),
	},
	[LIFE_BACKOFF] = {
		[EVENT_START] = STEP(STARTING, SPAWN),
		[EVENT_HELLO] = STAY(BACKOFF),
		[EVENT_READY] = STAY(BACKOFF),
		[EVENT_DRAIN] = STAY(ABSENT),
		[EVENT_SILENT] = STAY(BACKOFF),
		[EVENT_EXIT] = STAY(BACKOFF),
		[EVENT_WAIT] = STAY(BACKOFF),
	},
};

struct life_step life_next(enum life_state state, enum life_event event)
{
	return table[state][event];
}

const char *life_state_name(enum life_state state)
{
	static const char *const names[] = {
		[LIFE_ABSENT] = "absent",
		[LIFE_STARTING] = "starting",
		[LIFE_LOCKED] = "locked",
		[LIFE_READY] = "ready",
		[LIFE_DRAINING] = "draining",
		[LIFE_DYING] = "dying",
		[LIFE_BACKOFF] = "backoff",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == LIFE_STATES, "every state has a name");
	return names[state];
}

#define WAIT_FIRST_MS 100
#define WAIT_MAX_MS 5000
#define STABLE_MS 10000

uint32_t backoff_death(struct backoff *b, int64_t now_ms, int64_t lived_ms)
{
	uint32_t wait;

	memmove(b->death_ms + 1, b->death_ms, sizeof(b->death_ms) - sizeof(b->death_ms[0]));
	b->death_ms[0] = now_ms;
	if (lived_ms >= STABLE_MS)
		b->wait_ms = 0;
	wait = b->wait_ms;
	b->wait_ms = wait == 0 ? WAIT_FIRST_MS : wait * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : wait * 2;
	return wait;
}

int backoff_is_crash_loop(const struct backoff *b, int64_t now_ms)
{
	return b->death_ms[LIFE_DEATHS - 1] != 0 &&
	    b->death_ms[0] - b->death_ms[LIFE_DEATHS - 1] <= STABLE_MS &&
	    now_ms - b->death_ms[0] < STABLE_MS;
}

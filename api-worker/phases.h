/*
 * Phases with a time limit.  All members of a phase have the same limit, so
 * each phase is a queue in the order of entry, entering and leaving cost
 * nothing, and one timer watches the heads of the queues.
 */
#ifndef API_WORKER_PHASES_H
#define API_WORKER_PHASES_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum phase {
	PHASE_NONE,   /* in no queue */
	PHASE_IDLE,   /* no byte of a request yet */
	PHASE_HEAD,   /* a request head has begun */
	PHASE_BODY,
	PHASE_BUSY,   /* a handler is at work; without limit here */
	PHASE_WRITE,  /* waits for the client to take the answer */
	PHASE_LINGER, /* answered and shut down; waits for the client's end */
	PHASE_COUNT
};

struct phased {
	enum phase phase;
	int64_t since_ms; /* monotonic */
	TAILQ_ENTRY(phased) entry;
};

TAILQ_HEAD(phase_queue, phased);

struct phases {
	struct phase_queue queue[PHASE_COUNT];
	uint32_t limit_ms[PHASE_COUNT]; /* 0: none */
	struct event timer;
	int64_t wakes_at_ms; /* when the timer is set for; INT64_MAX: not set */
	void (*expired)(struct phased *p);
};

/* expired is called for each member whose time is over; it must leave the
 * phase (or enter it anew). */
void phases_init(struct phases *p, struct event_base *base, void (*expired)(struct phased *p));
void phases_close(struct phases *p);

void phases_set_limit(struct phases *p, enum phase phase, uint32_t ms);

/* Moves into a phase (also the present one, whose time then starts anew). */
void phases_enter(struct phases *p, struct phased *member, enum phase phase);

#endif

/*
 * Queues of deadlines: see phases.h.
 *
 * Invariant: while some member has a deadline, the timer fires no later than
 * the earliest one.  It may fire earlier: that is cheaper than moving it at
 * every change.
 */
#include "api-worker/phases.h"

#include "base/clock.h"

static void watch(struct phases *p, int64_t deadline_ms, int64_t now_ms)
{
	int64_t wait = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
	struct timeval tv = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };

	if (deadline_ms >= p->wakes_at_ms)
		return;
	p->wakes_at_ms = deadline_ms;
	evtimer_add(&p->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct phases *p = arg;
	int64_t now = clock_monotonic_ms();
	struct phased *member;
	unsigned i;

	p->wakes_at_ms = INT64_MAX;
	for (i = 0; i < PHASE_COUNT; i++) {
		if (p->limit_ms[i] == 0)
			continue;
		while ((member = TAILQ_FIRST(&p->queue[i])) != NULL &&
		    member->since_ms + p->limit_ms[i] <= now)
			p->expired(member);
		if (member)
			watch(p, member->since_ms + p->limit_ms[i], now);
	}
}

void phases_init(struct phases *p, struct event_base *base, void (*expired)(struct phased *p))
{
	unsigned i;

	for (i = 0; i < PHASE_COUNT; i++) {
		TAILQ_INIT(&p->queue[i]);
		p->limit_ms[i] = 0;
	}
	p->wakes_at_ms = INT64_MAX;
	p->expired = expired;
	evtimer_assign(&p->timer, base, on_timer, p);
}

void phases_close(struct phases *p)
{
	evtimer_del(&p->timer);
}

void phases_set_limit(struct phases *p, enum phase phase, uint32_t ms)
{
	struct phased *first = TAILQ_FIRST(&p->queue[phase]);

	p->limit_ms[phase] = ms;
	if (first && ms > 0)
		watch(p, first->since_ms + ms, clock_monotonic_ms());
}

void phases_enter(struct phases *p, struct phased *member, enum phase phase)
{
	if (member->phase != PHASE_NONE)
		TAILQ_REMOVE(&p->queue[member->phase], member, entry);
	member->phase = phase;
	if (phase == PHASE_NONE)
		return;
	member->since_ms = clock_monotonic_ms();
	TAILQ_INSERT_TAIL(&p->queue[phase], member, entry);
	if (p->limit_ms[phase] > 0)
		watch(p, member->since_ms + p->limit_ms[phase], member->since_ms);
}

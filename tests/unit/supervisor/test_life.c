/* The life table and the backoff rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/life.h"

static void an_ordinary_life(void **state)
{
	static const struct {
		enum life_event event;
		enum life_state state;
		enum life_action action;
	} steps[] = {
		{ EVENT_START, LIFE_STARTING, ACTION_SPAWN },
		{ EVENT_HELLO, LIFE_LOCKED, ACTION_WELCOME },
		{ EVENT_READY, LIFE_READY, ACTION_CONNECT },
		{ EVENT_DRAIN, LIFE_DRAINING, ACTION_DRAIN },
		{ EVENT_DRAIN, LIFE_DRAINING, ACTION_NONE },
		{ EVENT_EXIT, LIFE_ABSENT, ACTION_BURY },
		{ EVENT_WAIT, LIFE_BACKOFF, ACTION_NONE },
		{ EVENT_START, LIFE_STARTING, ACTION_SPAWN },
		{ EVENT_SILENT, LIFE_DYING, ACTION_KILL },
		{ EVENT_EXIT, LIFE_ABSENT, ACTION_BURY },
	};
	enum life_state at = LIFE_ABSENT;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct life_step step = life_next(at, steps[i].event);

		assert_int_equal(step.state, steps[i].state);
		assert_int_equal(step.action, steps[i].action);
		at = step.state;
	}
}

static void words_out_of_turn_are_refused(void **state)
{
	assert_int_equal(life_next(LIFE_STARTING, EVENT_READY).action, ACTION_REFUSE);
	assert_int_equal(life_next(LIFE_LOCKED, EVENT_HELLO).action, ACTION_REFUSE);
	assert_int_equal(life_next(LIFE_READY, EVENT_HELLO).action, ACTION_REFUSE);
	assert_int_equal(life_next(LIFE_READY, EVENT_READY).action, ACTION_REFUSE);
}

/* No event spawns while there is a process, and every death is buried. */
static void there_is_never_a_second_process(void **state)
{
	int s, e;

	for (s = 0; s < LIFE_STATES; s++)
		for (e = 0; e < LIFE_EVENTS; e++) {
			struct life_step step = life_next((enum life_state)s, (enum life_event)e);

			if (step.action == ACTION_SPAWN)
				assert_true(s == LIFE_ABSENT || s == LIFE_BACKOFF);
			if (e == EVENT_EXIT && s != LIFE_ABSENT && s != LIFE_BACKOFF)
				assert_int_equal(step.action, ACTION_BURY);
			assert_non_null(life_state_name(step.state));
		}
}

static void backoff_grows_to_a_cap_and_is_forgotten(void **state)
{
	static const uint32_t waits[] = { 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	struct backoff b = { 0 };
	int64_t now = 1000000;
	size_t i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		assert_int_equal(backoff_death(&b, now += 50, 10), waits[i]);
	assert_int_equal(backoff_death(&b, now + 60000, 20000), 0);
}

static void five_deaths_in_ten_seconds_are_a_crash_loop(void **state)
{
	struct backoff b = { 0 };
	int64_t now = 1000000;
	int i;

	for (i = 0; i < 4; i++)
		backoff_death(&b, now += 1000, 10);
	assert_false(backoff_is_crash_loop(&b, now));
	backoff_death(&b, now += 1000, 10);
	assert_true(backoff_is_crash_loop(&b, now));
	assert_false(backoff_is_crash_loop(&b, now + 10000));
	memset(&b, 0, sizeof(b));
	for (i = 0; i < 8; i++)
		backoff_death(&b, now += 4000, 10);
	assert_false(backoff_is_crash_loop(&b, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_life),
		cmocka_unit_test(words_out_of_turn_are_refused),
		cmocka_unit_test(there_is_never_a_second_process),
		cmocka_unit_test(backoff_grows_to_a_cap_and_is_forgotten),
		cmocka_unit_test(five_deaths_in_ten_seconds_are_a_crash_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

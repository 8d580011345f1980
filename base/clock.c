/*
 * Time: see clock.h.  The calendar is computed here because gmtime_r reads
 * the time-zone file at its first call, which a sandboxed worker must not.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t system_monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const struct clock_ops system_ops = {
	.monotonic_us = system_monotonic_us,
	.wall_ms = system_wall_ms,
};
static const struct clock_ops *ops = &system_ops;

void clock_set_ops(const struct clock_ops *replacement)
{
	ops = replacement ? replacement : &system_ops;
}

int64_t clock_monotonic_us(void)
{
	return ops->monotonic_us();
}

int64_t clock_monotonic_ms(void)
{
	return ops->monotonic_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return ops->wall_ms();
}

#define DAY_MS INT64_C(86400000)
/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z */
#define FIRST_MS (INT64_C(-719528) * DAY_MS)
#define LAST_MS (INT64_C(2932897) * DAY_MS - 1)

/* Gregorian year, month and day of a day number counted from 1970-01-01.
 * Counts from 0000-03-01, so that the leap day is the last of its year. */
static void civil(int64_t days, int *year, int *month, int *day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int of_era = (int)(shifted - era * 146097);
	int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * y + y / 4 - y / 100);
	int m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)(era * 400) + y + (*month <= 2);
}

void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_SIZE])
{
	int64_t days, rest;
	int year, month, day;

	/* Four digits of year are all that the form has. */
	if (wall_ms < FIRST_MS)
		wall_ms = FIRST_MS;
	if (wall_ms > LAST_MS)
		wall_ms = LAST_MS;
	days = wall_ms / DAY_MS;
	rest = wall_ms % DAY_MS;
	if (rest < 0) {
		rest += DAY_MS;
		days--;
	}
	civil(days, &year, &month, &day);
	snprintf(out, CLOCK_ISO_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	    (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100,
	    (unsigned)(rest / 3600000) % 100, (unsigned)(rest / 60000 % 60),
	    (unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
}

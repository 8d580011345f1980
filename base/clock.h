/*
 * Time.  Deadlines use the monotonic clock, records the wall clock; both come
 * from one replaceable table so that tests can move them.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock_ops {
	int64_t (*monotonic_us)(void);
	int64_t (*wall_ms)(void); /* since 1970-01-01T00:00:00Z */
};

/* Replaces the table; NULL restores the system's clocks.  For tests. */
void clock_set_ops(const struct clock_ops *ops);

int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void);

#define CLOCK_ISO_SIZE 25 /* "2025-01-02T18:22:15.000Z" and its NUL */

/* ISO 8601 UTC with milliseconds; reads no time-zone file. */
void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_SIZE]);

#endif

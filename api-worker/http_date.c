/*
 * The Date field: see http_date.h.
 */
#include "api-worker/http_date.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void http_date(int64_t wall_ms, char out[HTTP_DATE_SIZE])
{
	static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	char iso[CLOCK_ISO_SIZE]; /* 2025-01-02T18:22:15.000Z */
	int64_t day;
	unsigned month;

	if (wall_ms < 0)
		wall_ms = 0;
	clock_iso8601(wall_ms, iso);
	day = wall_ms / INT64_C(86400000);
	month = (unsigned)(iso[5] - '0') * 10 + (unsigned)(iso[6] - '0');
	snprintf(out, HTTP_DATE_SIZE, "%s, %.2s %s %.4s %.8s GMT", days[day % 7], iso + 8,
	    months[(month + 11) % 12], iso, iso + 11);
}

const char *http_date_now(void)
{
	static int64_t second = -1;
	static char text[HTTP_DATE_SIZE];
	int64_t now = clock_wall_ms();

	if (now / 1000 != second) {
		second = now / 1000;
		http_date(now, text);
	}
	return text;
}

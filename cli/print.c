/*
 * Output for people: see print.h.
 */
#include "cli/print.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/client.h"

void print_clean(char *out, size_t size, const char *text)
{
	size_t len, from = 0, to = 0, n;
	uint32_t cp;

	if (text == NULL)
		text = "-";
	for (len = strlen(text); from < len; from += n) {
		n = utf8_decode(text + from, len - from, &cp);
		if (n == 0 || utf8_is_control(cp)) {
			n = n == 0 ? 1 : n;
			if (to + 2 > size)
				break;
			out[to++] = '?';
			continue;
		}
		if (to + n + 1 > size)
			break;
		memcpy(out + to, text + from, n);
		to += n;
	}
	out[to] = '\0';
}

void print_error(const char *text)
{
	char clean[2048];

	print_clean(clean, sizeof(clean), text);
	fprintf(stderr, "deploystackctl: %s\n", clean);
}

void print_value(const char *text)
{
	size_t len = strlen(text), from = 0, n;
	uint32_t cp;

	if (!isatty(STDOUT_FILENO)) {
		puts(text);
		return;
	}
	for (; from < len; from += n) {
		n = utf8_decode(text + from, len - from, &cp);
		if (n > 0 && (cp == '\n' || cp == '\t' || !utf8_is_control(cp))) {
			fwrite(text + from, 1, n, stdout);
		} else {
			putchar('?');
			n = n > 0 ? n : 1;
		}
	}
	putchar('\n');
}

int print_json(const cJSON *json)
{
	char *text;

	if (json == NULL) {
		print_error("deploystackd's answer holds no data");
		return CLI_FAILED;
	}
	text = cJSON_Print(json);
	if (text == NULL)
		return client_no_memory();
	print_value(text);
	cJSON_free(text);
	return CLI_OK;
}

void print_duration(char *out, size_t size, double ms)
{
	unsigned long s = (unsigned long)(ms / 1000);

	if (ms < 1000)
		snprintf(out, size, "%.0f ms", ms);
	else if (s < 60)
		snprintf(out, size, "%lus", s);
	else if (s < 3600)
		snprintf(out, size, "%lum %lus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%luh %lum", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%lud %luh", s / 86400, s / 3600 % 24);
}

void print_size(char *out, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;

	for (; bytes >= 1024 && u + 1 < sizeof(units) / sizeof(units[0]); u++)
		bytes /= 1024;
	snprintf(out, size, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

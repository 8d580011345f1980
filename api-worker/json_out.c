/*
 * Writing JSON: see json_out.h.
 */
#include "api-worker/json_out.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static void begin(struct buf *b, const char *name)
{
	char last = b->len > 0 ? (char)b->data[b->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(b, ',');
	if (name == NULL)
		return;
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_append(b, "\":", 2);
}

void json_open(struct buf *b, const char *name, char bracket)
{
	begin(b, name);
	buf_putc(b, bracket);
}

void json_close(struct buf *b, char bracket)
{
	buf_putc(b, bracket);
}

void json_text(struct buf *b, const char *name, const char *text)
{
	begin(b, name);
	if (text != NULL)
		json_put_string(b, text, strlen(text));
	else
		buf_puts(b, "null");
}

void json_integer(struct buf *b, const char *name, int64_t n)
{
	begin(b, name);
	buf_printf(b, "%" PRId64, n);
}

void json_boolean(struct buf *b, const char *name, bool value)
{
	begin(b, name);
	buf_puts(b, value ? "true" : "false");
}

void json_time_ms(struct buf *b, const char *name, int64_t ms)
{
	char text[CLOCK_ISO_SIZE];

	clock_iso8601(ms, text);
	json_text(b, name, text);
}

void json_time_s(struct buf *b, const char *name, int64_t seconds)
{
	if (seconds == 0)
		json_text(b, name, NULL);
	else
		json_time_ms(b, name, seconds * 1000);
}

void json_names(struct buf *b, const char *name, const char *names)
{
	json_open(b, name, '[');
	while (names != NULL && *names != '\0') {
		size_t len = strcspn(names, " ");

		begin(b, NULL);
		json_put_string(b, names, len);
		names += len + (names[len] == ' ');
	}
	json_close(b, ']');
}

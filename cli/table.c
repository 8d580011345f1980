/*
 * Lists for people: see table.h.
 */
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/print.h"

#define CELL_SIZE 512 /* 100 characters of 4 bytes, and then some */
#define COLUMNS_MAX 8

/* Characters of clean text. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void cut(char *text, size_t max)
{
	size_t n = 0, i = 0;

	if (width(text) <= max || max < 3)
		return;
	while (n < max - 3) {
		for (i++; ((unsigned char)text[i] & 0xc0) == 0x80; i++)
			continue;
		n++;
	}
	memcpy(text + i, "...", 4);
}

static void join(const cJSON *array, char out[CELL_SIZE])
{
	const cJSON *item;
	size_t at = 0;

	out[0] = '\0';
	cJSON_ArrayForEach(item, array) {
		char one[CELL_SIZE];
		int n;

		print_clean(one, sizeof(one), cJSON_GetStringValue(item));
		n = snprintf(out + at, CELL_SIZE - at, "%s%s", at > 0 ? "," : "", one);
		if (n < 0 || at + (size_t)n >= CELL_SIZE)
			break;
		at += (size_t)n;
	}
	/* What did not fit may have been cut inside a character. */
	out[utf8_prefix(out, strlen(out))] = '\0';
}

static void cell(const cJSON *row, const struct column *column, char out[CELL_SIZE])
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, column->member);

	if (cJSON_IsNumber(item))
		snprintf(out, CELL_SIZE, "%.15g", item->valuedouble);
	else if (cJSON_IsBool(item))
		snprintf(out, CELL_SIZE, "%s", cJSON_IsTrue(item) ? "yes" : "no");
	else if (cJSON_IsArray(item))
		join(item, out);
	else
		print_clean(out, CELL_SIZE, cJSON_GetStringValue(item));
	cut(out, column->max);
}

/* The last one is not padded. */
static void put(const char *text, size_t columns, size_t last)
{
	size_t n = width(text);

	fputs(text, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(n < columns ? columns - n + 2 : 2), "");
}

void table_print(const cJSON *rows, const struct column *columns, size_t n)
{
	size_t widths[COLUMNS_MAX] = { 0 }, i;
	char text[CELL_SIZE];
	const cJSON *row;

	n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	for (i = 0; i < n; i++) {
		widths[i] = width(columns[i].title);
		cJSON_ArrayForEach(row, rows) {
			cell(row, &columns[i], text);
			widths[i] = width(text) > widths[i] ? width(text) : widths[i];
		}
	}
	for (i = 0; i < n; i++)
		put(columns[i].title, widths[i], i + 1 == n);
	cJSON_ArrayForEach(row, rows) {
		for (i = 0; i < n; i++) {
			cell(row, &columns[i], text);
			put(text, widths[i], i + 1 == n);
		}
	}
	explicit_bzero(text, sizeof(text));
}

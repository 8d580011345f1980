/*
 * Lists for people: rows of a JSON array as a table on stdout.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct column {
	const char *member; /* of each row's object */
	const char *title;
	size_t max; /* characters, at most 100; longer text is cut and ends in "..." */
};

/*
 * Prints the titles, then the rows.  A member may be a text, a number, a boolean or an
 * array of texts; null or none is "-".  Control characters are replaced.
 */
void table_print(const cJSON *rows, const struct column *columns, size_t n);

#endif

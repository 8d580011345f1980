/*
 * Output for people: text from elsewhere never controls the terminal.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* "deploystackctl: text" on stderr. */
void print_error(const char *text);

/* Copies text (NULL: "-") with control characters and invalid UTF-8 replaced. */
void print_clean(char *out, size_t size, const char *text);

/* Text and a newline on stdout.  On a terminal control characters but newline and tab,
 * and invalid UTF-8, are replaced; elsewhere the text goes out as it is. */
void print_value(const char *text);

/* A JSON value on stdout, with print_value; NULL, which an answer without data gives,
 * is a failure.  Returns the exit code. */
int print_json(const cJSON *json);

/* "3d 4h", "5m 7s", "812 ms"; "12.3 MiB". */
void print_duration(char *out, size_t size, double ms);
void print_size(char *out, size_t size, double bytes);

#endif

/*
 * Writing JSON into a buffer.  Commas come by themselves: a member or item is
 * preceded by one unless it is the first of its object or array.  name is NULL for
 * an item of an array.
 */
#ifndef API_WORKER_JSON_OUT_H
#define API_WORKER_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void json_open(struct buf *b, const char *name, char bracket); /* '{' or '[' */
void json_close(struct buf *b, char bracket);                  /* '}' or ']' */
void json_text(struct buf *b, const char *name, const char *text); /* NULL: null */
void json_integer(struct buf *b, const char *name, int64_t n);
void json_boolean(struct buf *b, const char *name, bool value);
/* ISO 8601 UTC with milliseconds; of ms since 1970, and of seconds, where 0 is null. */
void json_time_ms(struct buf *b, const char *name, int64_t ms);
void json_time_s(struct buf *b, const char *name, int64_t seconds);
/* An array of the names in a text, which are separated by spaces. */
void json_names(struct buf *b, const char *name, const char *names);

#endif

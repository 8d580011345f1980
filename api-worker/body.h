/*
 * The JSON object in a request's body, and its members.  Each function that finds
 * something wrong says so in the body's `problem`; ask once, at the end.
 */
#ifndef API_WORKER_BODY_H
#define API_WORKER_BODY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "api-worker/exchange.h"

struct body {
	cJSON *root;
	char problem[256]; /* "" while nothing is wrong */
};

/* False when the body is missing or no JSON object; it was answered then. */
bool body_read(struct exchange *x, struct body *b);

/* Answers 400 when something was wrong, and frees; true when all was right. */
bool body_is_right(struct exchange *x, struct body *b);
void body_free(struct body *b);

/* A text of at most max bytes, as long as the body; NULL when it is not there, null
 * or wrong.  required: its lack is wrong. */
const char *body_text(struct body *b, const cJSON *object, const char *name, size_t max,
    bool required);
/* As it is given; fallback when it is not there. */
bool body_boolean(struct body *b, const cJSON *object, const char *name, bool fallback);
int64_t body_integer(struct body *b, const cJSON *object, const char *name, int64_t fallback);
/* An array of at most max items, or NULL; its lack is wrong. */
const cJSON *body_array(struct body *b, const cJSON *object, const char *name, int max);

/* True when the member is there, null included. */
bool body_has(const cJSON *object, const char *name);

/* Notes the first problem. */
void body_wrong(struct body *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

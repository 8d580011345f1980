/*
 * Lists in pages: see pages.h.
 */
#include "api-worker/pages.h"

#include <stdlib.h>

#include "api-worker/json_out.h"

#define ANSWER_MAX (12u << 20)

static void free_pages(void *state)
{
	struct pages *p = state;

	buf_free_secret(&p->json);
	free(p);
}

struct pages *pages_begin(struct exchange *x)
{
	struct pages *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		answer_error(x, 503, "Not enough memory; try again.");
		return NULL;
	}
	buf_init(&p->json, ANSWER_MAX);
	json_open(&p->json, NULL, '{');
	json_boolean(&p->json, "success", true);
	json_open(&p->json, "data", '[');
	x->state = p;
	x->free_state = free_pages;
	return p;
}

struct pages *pages_of(struct exchange *x)
{
	return x->state;
}

void pages_end(struct exchange *x)
{
	struct buf json = pages_of(x)->json;

	buf_init(&pages_of(x)->json, 0);
	json_close(&json, ']');
	json_close(&json, '}');
	answer_json_buf(x, 200, &json);
}

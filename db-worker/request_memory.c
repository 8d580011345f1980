/*
 * What steps use of their request: memory and failure (requests.h).
 */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db-worker/request_memory.h"

struct request_memory {
	struct request_memory *next;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

void *request_alloc(struct request *q, size_t size)
{
	struct request_memory *m = calloc(1, sizeof(*m) + size);

	if (m == NULL) {
		request_fail(q, ERR_NOMEM, "Not enough memory; try again.");
		return NULL;
	}
	m->size = size;
	m->next = q->memory;
	q->memory = m;
	return m->data;
}

void request_memory_free(struct request *q)
{
	struct request_memory *m;

	while ((m = q->memory) != NULL) {
		q->memory = m->next;
		sodium_memzero(m->data, m->size);
		free(m);
	}
}

const char *request_text(struct request *q, const char *text)
{
	size_t size = text != NULL ? strlen(text) + 1 : 0;
	char *copy = text != NULL ? request_alloc(q, size) : NULL;

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void request_fail(struct request *q, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	q->code = err_set(&q->error, code, "%s", text);
}

void request_fail_with(struct request *q, const struct err *e)
{
	q->error = *e;
	q->code = e->code;
}

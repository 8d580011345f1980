/*
 * The bounded byte buffer: see buf.h.
 *
 * Invariants: len <= cap, len <= max; data is NULL exactly when cap is 0.
 * Growing copies by hand instead of realloc and wipes the old block, so that
 * a buffer that holds a secret leaves no copy of it in freed memory.
 */
#include "base/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_CAP 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	buf_init(b, b->max);
}

void buf_free_secret(struct buf *b)
{
	if (!b)
		return;
	if (b->data)
		sodium_memzero(b->data, b->cap);
	buf_free(b);
}

/* As buf_reserve, with room for `slack` bytes that do not count against max. */
static int reserve(struct buf *b, size_t n, size_t slack)
{
	size_t need, cap;
	uint8_t *data;

	if (n > b->max - b->len) {
		b->failed = true;
		return ERR_FULL;
	}
	need = b->len + n;
	if (need > SIZE_MAX / 2) {
		b->failed = true;
		return ERR_NOMEM;
	}
	need += slack;
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : FIRST_CAP;
	while (cap < need)
		cap *= 2;
	if (cap > b->max && need <= b->max)
		cap = b->max;
	data = malloc(cap);
	if (!data) {
		b->failed = true;
		return ERR_NOMEM;
	}
	if (b->data) {
		memcpy(data, b->data, b->len);
		sodium_memzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	return reserve(b, n, 0);
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	int rc;

	if (n == 0)
		return 0;
	rc = reserve(b, n, 0);
	if (rc < 0)
		return rc;
	memcpy(b->data + b->len, data, n);
	b->len += n;
	return 0;
}

int buf_puts(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

int buf_putc(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return ERR_INVALID;
	}
	/* vsnprintf wants to write a NUL behind the text. */
	rc = reserve(b, (size_t)n, 1);
	if (rc < 0)
		return rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

const char *buf_cstr(struct buf *b)
{
	if (reserve(b, 0, 1) < 0)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

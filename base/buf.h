/*
 * The one bounded byte buffer of the project.
 *
 * A buffer never grows beyond the maximum that it was made with: an append
 * that would fails with ERR_FULL, leaves the content as it was and sets
 * `failed`, so that a chain of appends can be checked once at its end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* NULL while empty */
	size_t len;
	size_t cap;
	size_t max;  /* bytes; len never exceeds it */
	bool failed; /* some append did not fit or memory ran out */
};

/* An empty buffer that may hold at most max bytes.  Reserves nothing. */
void buf_init(struct buf *b, size_t max);

/* Releases the content; b is then empty and usable again with its maximum. */
void buf_free(struct buf *b);

/* As buf_free, and wipes all memory of the buffer first.  (Growing wipes what
 * it leaves behind in any case.) */
void buf_free_secret(struct buf *b);

/* Makes room for n more bytes.  ERR_FULL, ERR_NOMEM. */
int buf_reserve(struct buf *b, size_t n);

/* Appends.  ERR_FULL, ERR_NOMEM; buf_printf also ERR_INVALID for a format that
 * fails.  What is appended must not lie in b itself. */
int buf_append(struct buf *b, const void *data, size_t n);
int buf_puts(struct buf *b, const char *text);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes, or all when there are fewer. */
void buf_consume(struct buf *b, size_t n);

/* Forgets the content and the failed mark, keeps the memory. */
void buf_clear(struct buf *b);

/* The content as a string: a NUL behind it that neither len nor max counts.
 * Valid until the next change.  NULL when memory ran out. */
const char *buf_cstr(struct buf *b);

#endif

/*
 * Engines, values and results: see driver.h.
 */
#include "db-worker/driver.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct driver *const driver_table[] = {
	&sqlite_driver,
};

static atomic_bool fatal;

const struct driver *driver_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(driver_table) / sizeof(driver_table[0]); i++)
		if (strcmp(driver_table[i]->name, name) == 0)
			return driver_table[i];
	return NULL;
}

bool driver_is_fatal(void)
{
	return atomic_load(&fatal);
}

void driver_set_fatal(bool is_fatal)
{
	atomic_store(&fatal, is_fatal);
}

struct value value_null(void)
{
	return (struct value){ .kind = VALUE_NULL };
}

struct value value_integer(int64_t v)
{
	return (struct value){ .kind = VALUE_INTEGER, .integer = v };
}

struct value value_float(double v)
{
	return (struct value){ .kind = VALUE_FLOAT, .real = v };
}

struct value value_text(const char *text)
{
	if (text == NULL)
		return value_null();
	return (struct value){ .kind = VALUE_TEXT, .data = text, .len = strlen(text) };
}

struct value value_blob(const void *data, size_t len)
{
	return (struct value){ .kind = VALUE_BLOB, .data = data, .len = len };
}

/* ---- memory of results ---- */

#define BLOCK_SIZE 4096

struct block {
	struct block *next;
	_Alignas(16) char data[];
};

struct arena {
	struct block *blocks;
	char *free;
	size_t left;
	size_t used, max; /* bytes */
};

struct arena *arena_new(size_t max_bytes)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->max = max_bytes;
	return a;
}

bool arena_charge(struct arena *a, size_t n)
{
	if (a->used > a->max || n > a->max - a->used)
		return false;
	a->used += n;
	return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t size;
	struct block *b;
	void *p;

	if (n > a->max)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (!arena_charge(a, n))
		return NULL;
	if (n > a->left) {
		size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
		b = malloc(sizeof(*b) + size);
		if (b == NULL)
			return NULL;
		b->next = a->blocks;
		a->blocks = b;
		a->free = b->data;
		a->left = size;
	}
	p = a->free;
	a->free += n;
	a->left -= n;
	return p;
}

void arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void result_free(struct result *r)
{
	if (r == NULL)
		return;
	free(r->values);
	arena_free(r->memory);
	memset(r, 0, sizeof(*r));
}

const struct value *result_value(const struct result *r, size_t row, size_t col)
{
	return &r->values[row * r->ncols + col];
}

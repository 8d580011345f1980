/*
 * Payloads: see codec.h for the encoding.
 *
 * One encoder and one decoder walk the field tables that ipc/messages.def
 * becomes; each kind of field has one row in `kinds`.
 *
 * Decoding is two walks over the same bytes: the first, without memory, checks
 * everything and adds up what the lists need; the second fills the structures,
 * which lie in one block together with a copy of the payload that texts and
 * bytes point into.
 *
 *   owned:  [ list items ... | payload copy | 0 ]
 *
 * Invariants: the second walk never fails; left never grows; the size of the
 * block is bounded by the payload's, since a list's count is checked against
 * the bytes that its records need at least.
 */
#include "ipc/codec.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ipc/frame.h"

#define NULL_TEXT UINT32_MAX
#define NESTING_MAX 4 /* lists within lists */

/* What every LIST field looks like. */
struct list {
	void *items;
	uint32_t count;
};

struct decoder {
	const struct msg_info *info;
	const uint8_t *at;
	size_t left;
	bool fill;      /* second walk */
	size_t arena;   /* bytes of list items so far */
	uint8_t *block; /* second walk: where they go */
	unsigned depth;
	struct err *e;
};

struct encoder {
	const struct msg_info *info;
	struct buf *out;
	unsigned depth;
	struct err *e;
};

static int encode_record(struct encoder *c, const struct record_info *r, const void *from);
static int decode_record(struct decoder *d, const struct record_info *r, void *to);

/* ---- integers ---- */

static int bad(struct decoder *d, const struct field_info *f, const char *reason)
{
	return err_set(d->e, ERR_PROTOCOL, "message %s: field %s %s", d->info->body.name,
	    f->name, reason);
}

static int broken(struct encoder *c, const struct field_info *f, const char *reason)
{
	return err_set(c->e, ERR_INTERNAL, "message %s: field %s %s", c->info->body.name,
	    f->name, reason);
}

static int put_integer(struct encoder *c, uint64_t value, size_t width)
{
	uint8_t bytes[8];
	size_t i;

	for (i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	return buf_append(c->out, bytes, width);
}

/* The caller has checked that width bytes are left. */
static uint64_t take_integer(struct decoder *d, size_t width)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < width; i++)
		value |= (uint64_t)d->at[i] << (8 * i);
	d->at += width;
	d->left -= width;
	return value;
}

static int encode_bool(struct encoder *c, const struct field_info *f, const void *from)
{
	return put_integer(c, *(const bool *)from ? 1 : 0, 1);
}

static int decode_bool(struct decoder *d, const struct field_info *f, void *to)
{
	uint64_t value = take_integer(d, 1);

	if (value > 1)
		return bad(d, f, "is neither 0 nor 1");
	if (d->fill)
		*(bool *)to = value == 1;
	return 0;
}

#define INTEGER(name, type) \
	static int encode_##name(struct encoder *c, const struct field_info *f, \
	    const void *from) \
	{ \
		return put_integer(c, (uint64_t)*(const type *)from, sizeof(type)); \
	} \
	static int decode_##name(struct decoder *d, const struct field_info *f, void *to) \
	{ \
		uint64_t value = take_integer(d, sizeof(type)); \
		\
		if (d->fill) \
			*(type *)to = (type)value; \
		return 0; \
	}

INTEGER(u8, uint8_t)
INTEGER(u16, uint16_t)
INTEGER(u32, uint32_t)
INTEGER(u64, uint64_t)
INTEGER(i64, int64_t)

/* ---- texts and bytes ---- */

static bool is_text(const char *text, size_t len)
{
	return !memchr(text, '\0', len) && utf8_prefix(text, len) == len;
}

static int encode_text(struct encoder *c, const struct field_info *f, const void *from)
{
	const char *text = *(const char *const *)from;
	size_t len;
	int rc;

	if (!text)
		return f->kind == FIELD_STRING ? broken(c, f, "is missing") :
		    put_integer(c, NULL_TEXT, 4);
	len = strlen(text);
	if (len > f->max)
		return broken(c, f, "is too long");
	if (!is_text(text, len))
		return broken(c, f, "is not UTF-8");
	rc = put_integer(c, len, 4);
	if (rc == 0)
		rc = buf_append(c->out, text, len + 1);
	return rc;
}

static int decode_text(struct decoder *d, const struct field_info *f, void *to)
{
	uint32_t len = (uint32_t)take_integer(d, 4);
	const char *text = NULL;

	if (len == NULL_TEXT && f->kind == FIELD_STRING)
		return bad(d, f, "is missing");
	if (len != NULL_TEXT) {
		text = (const char *)d->at;
		if (len > f->max)
			return bad(d, f, "is too long");
		if (d->left < (size_t)len + 1)
			return bad(d, f, "is cut short");
		/* Checked once; the second walk reads the same bytes. */
		if (!d->fill && (text[len] != '\0' || !is_text(text, len)))
			return bad(d, f, "is not text");
		d->at += (size_t)len + 1;
		d->left -= (size_t)len + 1;
	}
	if (d->fill)
		*(const char **)to = text;
	return 0;
}

static int encode_bytes(struct encoder *c, const struct field_info *f, const void *from)
{
	const struct ipc_bytes *bytes = from;
	int rc;

	if (bytes->len > f->max)
		return broken(c, f, "is too long");
	if (bytes->len > 0 && !bytes->data)
		return broken(c, f, "has a length and no data");
	rc = put_integer(c, bytes->len, 4);
	if (rc == 0)
		rc = buf_append(c->out, bytes->data, bytes->len);
	return rc;
}

static int decode_bytes(struct decoder *d, const struct field_info *f, void *to)
{
	uint32_t len = (uint32_t)take_integer(d, 4);

	if (len > f->max)
		return bad(d, f, "is too long");
	if (d->left < len)
		return bad(d, f, "is cut short");
	if (d->fill)
		*(struct ipc_bytes *)to = (struct ipc_bytes){ .data = d->at, .len = len };
	d->at += len;
	d->left -= len;
	return 0;
}

/* ---- lists ---- */

static int encode_list(struct encoder *c, const struct field_info *f, const void *from)
{
	struct list list;
	uint32_t i;
	int rc;

	memcpy(&list.items, from, sizeof(list.items));
	memcpy(&list.count, (const char *)from + offsetof(struct list, count),
	    sizeof(list.count));
	if (list.count > f->max)
		return broken(c, f, "has too many items");
	if (list.count > 0 && !list.items)
		return broken(c, f, "has a count and no items");
	if (c->depth >= NESTING_MAX)
		return broken(c, f, "is nested too deeply");
	rc = put_integer(c, list.count, 4);
	c->depth++;
	for (i = 0; rc == 0 && i < list.count; i++)
		rc = encode_record(c, f->record, (const char *)list.items + i * f->record->size);
	c->depth--;
	return rc;
}

static size_t least_size(const struct record_info *r);

static int decode_list(struct decoder *d, const struct field_info *f, void *to)
{
	struct list list = { .count = (uint32_t)take_integer(d, 4) };
	const size_t align = alignof(max_align_t), least = least_size(f->record);
	uint32_t i;
	int rc = 0;

	if (list.count > f->max)
		return bad(d, f, "has too many items");
	if (least > 0 && list.count > d->left / least)
		return bad(d, f, "is cut short");
	if (d->depth >= NESTING_MAX)
		return bad(d, f, "is nested too deeply");
	if (d->fill && list.count > 0)
		list.items = d->block + d->arena;
	d->arena += (list.count * f->record->size + align - 1) / align * align;
	d->depth++;
	for (i = 0; rc == 0 && i < list.count; i++)
		rc = decode_record(d, f->record,
		    d->fill ? (char *)list.items + i * f->record->size : NULL);
	d->depth--;
	if (rc == 0 && d->fill) {
		memcpy(to, &list.items, sizeof(list.items));
		memcpy((char *)to + offsetof(struct list, count), &list.count,
		    sizeof(list.count));
	}
	return rc;
}

/* ---- records and messages ---- */

static const struct {
	size_t least; /* bytes of the shortest encoding */
	int (*encode)(struct encoder *c, const struct field_info *f, const void *from);
	int (*decode)(struct decoder *d, const struct field_info *f, void *to);
} kinds[] = {
	[FIELD_BOOL] = { 1, encode_bool, decode_bool },
	[FIELD_U8] = { 1, encode_u8, decode_u8 },
	[FIELD_U16] = { 2, encode_u16, decode_u16 },
	[FIELD_U32] = { 4, encode_u32, decode_u32 },
	[FIELD_U64] = { 8, encode_u64, decode_u64 },
	[FIELD_I64] = { 8, encode_i64, decode_i64 },
	[FIELD_TEXT] = { 4, encode_text, decode_text },
	[FIELD_STRING] = { 4, encode_text, decode_text },
	[FIELD_BYTES] = { 4, encode_bytes, decode_bytes },
	[FIELD_LIST] = { 4, encode_list, decode_list },
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == FIELD_LIST + 1, "one row a kind");

static size_t least_size(const struct record_info *r)
{
	const struct field_info *fields = r->fields();
	size_t i, n = 0;

	for (i = 0; i < r->nfields; i++)
		n += kinds[fields[i].kind].least;
	return n;
}

static int encode_record(struct encoder *c, const struct record_info *r, const void *from)
{
	const struct field_info *fields = r->fields();
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < r->nfields; i++)
		rc = kinds[fields[i].kind].encode(c, &fields[i],
		    (const char *)from + fields[i].offset);
	return rc;
}

/* to is NULL in the first walk. */
static int decode_record(struct decoder *d, const struct record_info *r, void *to)
{
	const struct field_info *fields = r->fields();
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < r->nfields; i++) {
		if (d->left < kinds[fields[i].kind].least)
			return bad(d, &fields[i], "is missing");
		rc = kinds[fields[i].kind].decode(d, &fields[i],
		    d->fill ? (char *)to + fields[i].offset : NULL);
	}
	return rc;
}

/* All bodies are members of one union: each starts where this one does. */
#define BODY_OFFSET offsetof(struct msg, ping)

int msg_encode(struct buf *b, const struct msg *m, struct err *e)
{
	const struct msg_info *info = msg_info(m->type);
	struct encoder c = { .info = info, .out = b, .e = e };
	const size_t start = b->len;
	const bool failed = b->failed;
	struct frame_header h = { .id = m->id };
	int rc;

	if (!info)
		return err_set(e, ERR_INTERNAL, "message type %u does not exist",
		    (unsigned)m->type);
	rc = buf_reserve(b, FRAME_HEADER_SIZE);
	if (rc == 0) {
		b->len += FRAME_HEADER_SIZE;
		rc = encode_record(&c, &info->body, (const char *)m + BODY_OFFSET);
	}
	if (rc == 0 && b->len - start - FRAME_HEADER_SIZE > info->max_payload)
		rc = err_set(e, ERR_INTERNAL, "message %s is larger than its limit of %lu bytes",
		    info->body.name, (unsigned long)info->max_payload);
	if (rc == ERR_FULL)
		err_set(e, rc, "no room for message %s", info->body.name);
	if (rc == ERR_NOMEM)
		err_set(e, rc, "not enough memory for message %s", info->body.name);
	if (rc < 0) {
		b->len = start;
		b->failed = failed;
		return rc;
	}
	h.type = (uint16_t)info->type;
	h.length = (uint32_t)(b->len - start - FRAME_HEADER_SIZE);
	frame_put_header(b->data + start, &h);
	return 0;
}

int msg_decode(struct msg *m, unsigned type, uint64_t id, const uint8_t *payload, size_t len,
    struct err *e)
{
	const struct msg_info *info = msg_info(type);
	struct decoder d = { .info = info, .at = payload, .left = len, .e = e };
	int rc;

	msg_init(m, 0, 0);
	if (!info)
		return err_set(e, ERR_PROTOCOL, "message type %u does not exist", type);
	if (len > info->max_payload)
		return err_set(e, ERR_PROTOCOL, "message %s of %zu bytes; its limit is %lu",
		    info->body.name, len, (unsigned long)info->max_payload);
	rc = decode_record(&d, &info->body, NULL);
	if (rc < 0)
		return rc;
	if (d.left > 0)
		return err_set(e, ERR_PROTOCOL, "message %s: %zu bytes follow its last field",
		    info->body.name, d.left);

	msg_init(m, info->type, id);
	m->owned_len = d.arena + len + 1;
	m->owned = calloc(1, m->owned_len);
	if (!m->owned) {
		msg_init(m, 0, 0);
		return err_set(e, ERR_NOMEM, "not enough memory for message %s",
		    info->body.name);
	}
	d.block = m->owned;
	d.at = d.block + d.arena;
	if (len > 0)
		memcpy(d.block + d.arena, payload, len);
	d.left = len;
	d.arena = 0;
	d.fill = true;
	rc = decode_record(&d, &info->body, (char *)m + BODY_OFFSET);
	if (rc < 0) {
		msg_free(m);
		msg_init(m, 0, 0);
	}
	return rc;
}

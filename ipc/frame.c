/*
 * The frame header: see frame.h.  Invariant: nothing here depends on the byte
 * order or the structure layout of the machine.
 */
#include "ipc/frame.h"

#include <string.h>

static const uint8_t magic[4] = { 'D', 'S', 'D', '1' };

static void put_le(uint8_t *out, uint64_t value, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *in, size_t n)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < n; i++)
		value |= (uint64_t)in[i] << (8 * i);
	return value;
}

void frame_put_header(uint8_t out[FRAME_HEADER_SIZE], const struct frame_header *h)
{
	memcpy(out, magic, sizeof(magic));
	put_le(out + 4, h->type, 2);
	put_le(out + 6, h->flags, 2);
	put_le(out + 8, h->id, 8);
	put_le(out + 16, h->length, 4);
}

int frame_get_header(const uint8_t in[FRAME_HEADER_SIZE], struct frame_header *h,
    struct err *e)
{
	struct frame_header got;

	if (memcmp(in, magic, 3) != 0)
		return err_set(e, ERR_PROTOCOL, "a frame does not start with DSD");
	if (in[3] != magic[3])
		return err_set(e, ERR_PROTOCOL, "a frame of protocol version %u; this is %c",
		    in[3], magic[3]);
	got.type = (uint16_t)get_le(in + 4, 2);
	got.flags = (uint16_t)get_le(in + 6, 2);
	got.id = get_le(in + 8, 8);
	got.length = (uint32_t)get_le(in + 16, 4);
	if (got.flags != 0)
		return err_set(e, ERR_PROTOCOL, "a frame with unknown flags 0x%04x",
		    got.flags);
	if (got.length > FRAME_PAYLOAD_MAX)
		return err_set(e, ERR_PROTOCOL, "a frame of %lu bytes; the limit is %u",
		    (unsigned long)got.length, FRAME_PAYLOAD_MAX);
	*h = got;
	return 0;
}

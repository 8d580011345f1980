/*
 * The frame: what every message on every channel is wrapped in.
 *
 *   offset size
 *        0    4  magic "DSD1" (the last byte is the protocol version)
 *        4    2  message type (ipc/messages.def)
 *        6    2  flags, zero in this version
 *        8    8  request id; a reply carries its request's, else 0
 *       16    4  payload length in bytes
 *       20    …  payload (ipc/codec.h)
 *
 * Integers are little-endian and written byte by byte.
 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FRAME_HEADER_SIZE 20
#define FRAME_PAYLOAD_MAX (4u << 20) /* no message of the table may exceed it */

struct frame_header {
	uint16_t type;
	uint16_t flags;
	uint64_t id;
	uint32_t length;
};

void frame_put_header(uint8_t out[FRAME_HEADER_SIZE], const struct frame_header *h);

/* ERR_PROTOCOL for a wrong magic or version, flags that are set, or a length
 * over FRAME_PAYLOAD_MAX.  Does not know which types exist. */
int frame_get_header(const uint8_t in[FRAME_HEADER_SIZE], struct frame_header *h,
    struct err *e);

#endif

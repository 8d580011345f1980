/*
 * Payloads.  Integers little-endian; BOOL one byte 0 or 1; TEXT and BYTES a
 * u32 length and the bytes, a TEXT followed by one zero byte (so that it can
 * be used in place), a NULL TEXT being the length 0xffffffff alone; LIST a u32
 * count and the records, each field after field.
 */
#ifndef IPC_CODEC_H
#define IPC_CODEC_H

#include "base/buf.h"
#include "base/err.h"
#include "ipc/messages.h"

/* Appends header and payload of m.  ERR_FULL when b cannot take it; ERR_INTERNAL
 * when a field breaks its own limits (a bug of the caller). b is as before on
 * failure. */
int msg_encode(struct buf *b, const struct msg *m, struct err *e);

/*
 * Decodes the payload of one frame into *m.  Every length is checked against
 * the table and against what is left before memory is reserved; a short or
 * trailing payload, a byte that is not 0 or 1 in a BOOL, invalid UTF-8 or NUL
 * in a TEXT is ERR_PROTOCOL.  The message owns a copy of the payload.
 * On failure *m is empty.
 */
int msg_decode(struct msg *m, unsigned type, uint64_t id, const uint8_t *payload,
    size_t len, struct err *e);

#endif

/* Every message's payload: the first byte chooses the type.  What decodes
 * encodes to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec.h"
#include "ipc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct msg_info *info;
	struct msg m;
	struct buf b;
	struct err e;

	if (size < 1)
		return 0;
	info = &msg_table[data[0] % msg_table_count];
	if (msg_decode(&m, info->type, 7, data + 1, size - 1, &e) < 0)
		return 0;
	buf_init(&b, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	if (msg_encode(&b, &m, &e) == 0 && (b.len != FRAME_HEADER_SIZE + size - 1 ||
	    memcmp(b.data + FRAME_HEADER_SIZE, data + 1, size - 1) != 0))
		abort();
	buf_free(&b);
	msg_free(&m);
	return 0;
}

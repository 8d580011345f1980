/* The frame header: decodes to something that encodes to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[FRAME_HEADER_SIZE];
	struct frame_header h;
	struct err e;

	if (size < FRAME_HEADER_SIZE || frame_get_header(data, &h, &e) < 0)
		return 0;
	frame_put_header(again, &h);
	if (memcmp(again, data, FRAME_HEADER_SIZE) != 0 || h.length > FRAME_PAYLOAD_MAX)
		abort();
	return 0;
}

/* A stream of bytes into a channel, as each of the six directions: the first
 * byte chooses who receives. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned sides[][2] = {
		{ IPC_SUPERVISOR, IPC_API }, { IPC_SUPERVISOR, IPC_DB }, { IPC_API, IPC_SUPERVISOR },
		{ IPC_DB, IPC_SUPERVISOR }, { IPC_API, IPC_DB }, { IPC_DB, IPC_API },
	};
	struct channel *c;
	struct msg m;
	struct err e;
	size_t at = 1;
	int fds[2], rc;

	if (size < 1 || channel_pair(fds, &e) < 0)
		return 0;
	if (channel_new(&c, fds[0], sides[data[0] % 6][0], sides[data[0] % 6][1], 65536, &e) < 0)
		return 0;
	do {
		size_t n = size - at > 61 ? 61 : size - at;

		if (n > 0 && send(fds[1], data + at, n, MSG_NOSIGNAL) < 0)
			break;
		at += n;
		if (at == size)
			shutdown(fds[1], SHUT_WR);
		while ((rc = channel_receive(c, &m, &e)) > 0)
			msg_free(&m);
	} while (rc == 0 && at < size);
	channel_free(c);
	close(fds[1]);
	return 0;
}

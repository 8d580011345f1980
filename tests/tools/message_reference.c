/* Prints the message reference that ipc/messages.def is the source of. */
#include <stdio.h>

#include "ipc/messages.h"

int main(void)
{
	msg_write_docs(stdout);
	return ferror(stdout) ? 1 : 0;
}

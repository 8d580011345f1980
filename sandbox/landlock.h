/*
 * Landlock (landlock(7)) by system call: the distribution's header is older
 * than the kernels that this runs on.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include "sandbox/sandbox.h"

struct landlock_result {
	int abi;        /* that the kernel offers; 0: none */
	unsigned rules; /* paths and ports admitted */
	bool net;       /* TCP is restricted (ABI 4) */
	bool scoped;    /* signals and abstract sockets are (ABI 6) */
};

/* Newest ABI of this kernel, 0 when it has no Landlock or it is switched off. */
int landlock_abi(void);

/* Denies the calling thread, and threads it makes, every path and TCP port but
 * those of the request.  Needs no_new_privs.  ERR_UNSUPPORTED without Landlock. */
int landlock_apply(const struct sandbox_request *r, struct landlock_result *out,
    struct err *e);

/* For tests: replaces the answer of landlock_abi; negative restores it. */
void landlock_pretend_abi(int abi);

#endif

/*
 * The seccomp filter of a profile.
 */
#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

#include "sandbox/profile.h"

/* Loads the filter for all threads of the process; *calls is how many system
 * calls it lets through.  ERR_UNSUPPORTED when the kernel cannot. */
int seccomp_apply(const struct profile *p, const char *role, unsigned *calls, struct err *e);

#endif

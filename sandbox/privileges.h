/*
 * Descriptors, limits, root directory, user, capabilities.
 */
#ifndef SANDBOX_PRIVILEGES_H
#define SANDBOX_PRIVILEGES_H

#include "sandbox/sandbox.h"

/* Closes all descriptors above 2 but those of the request. */
int privileges_close_fds(const struct sandbox_request *r, struct err *e);

/* No core file, a bounded number of descriptors. */
int privileges_limit(const struct sandbox_request *r, struct err *e);

/* As root: the new root directory (or an empty one that has no name any more),
 * user, group, no supplementary groups, no capability in any set, and proof that
 * root cannot be had again.  As an ordinary user: no ambient capability. */
int privileges_drop(const struct sandbox_request *r, bool *chrooted, struct err *e);

/* Effective capabilities (capget(2)). */
uint64_t privileges_effective(void);

#endif

/*
 * Permissions, and what a route or message needs.
 *
 * A route of the api-worker and the message that it sends declare the same need;
 * the db-worker enforces the message's, so that a compromised api-worker gains
 * nothing from skipping its own check.
 */
#ifndef IPC_PERMISSIONS_H
#define IPC_PERMISSIONS_H

#include <stddef.h>
#include <stdint.h>

enum permission {
	PERMISSION_public,   /* no credential is looked at */
	PERMISSION_session,  /* the session of a user, whatever that user may do */
	PERMISSION_operator, /* whoever read PERSISTENT_DATA_DIR/control.token */
#define PERMISSION(identifier, name) PERMISSION_##identifier,
#include "ipc/permissions.def"
	PERMISSION_COUNT
};

_Static_assert(PERMISSION_COUNT <= 32, "a set of permissions is a uint32_t");

#define PERMISSION_BIT(p) (UINT32_C(1) << (p))

/* "settings.view"; NULL for those that have no name. */
const char *permission_name(enum permission p);

/* 0 (PERMISSION_public) for a name that is none; len bytes. */
enum permission permission_find(const char *name, size_t len);

#endif

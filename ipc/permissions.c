/*
 * Permissions: see permissions.h.
 */
#include "ipc/permissions.h"

#include <string.h>

static const char *const names[PERMISSION_COUNT] = {
#define PERMISSION(identifier, name) [PERMISSION_##identifier] = name,
#include "ipc/permissions.def"
};

const char *permission_name(enum permission p)
{
	return (unsigned)p < PERMISSION_COUNT ? names[p] : NULL;
}

enum permission permission_find(const char *name, size_t len)
{
	unsigned p;

	for (p = 0; p < PERMISSION_COUNT; p++)
		if (names[p] != NULL && strlen(names[p]) == len && memcmp(names[p], name, len) == 0)
			return (enum permission)p;
	return PERMISSION_public;
}

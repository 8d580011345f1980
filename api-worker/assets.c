/*
 * The compiled-in files: see assets.h.
 */
#include "api-worker/assets.h"

#include <string.h>

/* Defines `static const struct asset assets[]`. */
#include "gen/assets.inc"

const struct asset *asset_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		if (strcmp(assets[i].name, name) == 0)
			return &assets[i];
	return NULL;
}

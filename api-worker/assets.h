/*
 * Files of api-worker/assets, compiled in by api-worker/embed-assets.sh.
 */
#ifndef API_WORKER_ASSETS_H
#define API_WORKER_ASSETS_H

#include <stddef.h>

struct asset {
	const char *name; /* of the file */
	const char *type; /* for Content-Type */
	const unsigned char *data;
	size_t len;
};

/* NULL when there is none. */
const struct asset *asset_find(const char *name);

#endif

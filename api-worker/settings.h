/*
 * The configuration of an api-worker as the supervisor sent it, with what is
 * looked up for every request prepared.
 */
#ifndef API_WORKER_SETTINGS_H
#define API_WORKER_SETTINGS_H

#include "api-worker/http_text.h"
#include "base/err.h"
#include "ipc/messages.h"

#define SETTINGS_HOSTS_MAX 64

struct settings {
	struct msg owner; /* an api_config; all texts below are its */
	const struct msg_api_config *config;
	struct http_text hosts[SETTINGS_HOSTS_MAX + 1]; /* and the frontend's */
	size_t nhosts;
	struct http_text frontend; /* origin; at is NULL when there is none */
};

/* Takes over *m (an api_config), which is empty afterwards.  ERR_CONFIG when
 * the frontend's URL has no origin; *s and *m are then as before. */
int settings_take(struct settings *s, struct msg *m, struct err *e);
void settings_free(struct settings *s);

#endif

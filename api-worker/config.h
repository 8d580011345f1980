/*
 * The configuration of an api-worker as the supervisor sent it, with what is
 * looked up for every request prepared.
 */
#ifndef API_WORKER_CONFIG_H
#define API_WORKER_CONFIG_H

#include "api-worker/http_text.h"
#include "base/err.h"
#include "ipc/messages.h"

#define CONFIG_HOSTS_MAX 64

struct config {
	struct msg owner; /* an api_config; all texts below are its */
	const struct msg_api_config *message;
	struct http_text hosts[CONFIG_HOSTS_MAX + 1]; /* and the frontend's */
	size_t nhosts;
	struct http_text frontend; /* origin; at is NULL when there is none */
};

/* Takes over *m (an api_config), which is empty afterwards.  ERR_CONFIG when
 * the frontend's URL has no origin; *s and *m are then as before. */
int config_take(struct config *s, struct msg *m, struct err *e);
void config_free(struct config *s);

#endif

/*
 * The HTTP server's limits out of the configuration.
 */
#ifndef API_WORKER_LIMITS_H
#define API_WORKER_LIMITS_H

#include "api-worker/server.h"
#include "ipc/messages.h"

static inline void limits_of(const struct msg_api_config *c, struct http_limits *limits)
{
	*limits = (struct http_limits){
		.max_connections = c->max_connections,
		.max_connections_per_address = c->max_connections_per_address,
		.header_timeout_ms = c->header_timeout_ms,
		.body_timeout_ms = c->body_timeout_ms,
		.idle_timeout_ms = c->idle_timeout_ms,
		.write_timeout_ms = c->write_timeout_ms,
		.control_uid = c->supervisor_uid,
	};
}

#endif

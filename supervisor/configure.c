/*
 * What each kind of worker is told when it starts: see internal.h.
 */
#include <unistd.h>

#include "supervisor/internal.h"

int configure_api(struct supervisor *s, struct worker *w, struct err *e)
{
	const struct config *c = &s->config;
	struct rec_listener listeners[LISTENERS_MAX];
	struct rec_name hosts[CONFIG_HOSTS_MAX];
	struct msg m;
	size_t i;

	for (i = 0; i < s->listeners.count; i++)
		listeners[i] = (struct rec_listener){ .fd = 4 + (uint32_t)i,
			.kind = (uint8_t)s->listeners.item[i].kind,
			.loopback = s->listeners.item[i].loopback };
	for (i = 0; i < c->nallowed_hosts; i++)
		hosts[i].name = c->allowed_hosts[i];
	msg_init(&m, MSG_api_config, 0);
	m.api_config.sandbox_mode = (uint8_t)c->sandbox;
	m.api_config.uid = c->api_uid;
	m.api_config.gid = c->api_gid;
	m.api_config.log_level = (uint8_t)c->log_level;
	m.api_config.supervisor_uid = geteuid();
	m.api_config.listeners.items = listeners;
	m.api_config.listeners.count = (uint32_t)s->listeners.count;
	m.api_config.allowed_hosts.items = hosts;
	m.api_config.allowed_hosts.count = (uint32_t)c->nallowed_hosts;
	m.api_config.frontend_url = c->frontend_url;
	m.api_config.turso_url_set = c->turso_url != NULL;
	m.api_config.turso_token_set = c->turso_token.len > 0;
	m.api_config.max_connections = c->max_connections;
	m.api_config.max_connections_per_address = c->max_connections_per_address;
	m.api_config.header_timeout_ms = c->header_timeout_ms;
	m.api_config.body_timeout_ms = c->body_timeout_ms;
	m.api_config.idle_timeout_ms = c->idle_timeout_ms;
	m.api_config.write_timeout_ms = c->write_timeout_ms;
	m.api_config.hold_timeout_ms = c->hold_timeout_ms;
	m.api_config.setup_timeout_ms = c->setup_timeout_ms;
	return channel_send(w->control, &m, e);
}

int configure_db(struct supervisor *s, struct worker *w, struct err *e)
{
	const struct config *c = &s->config;
	struct msg m;

	msg_init(&m, MSG_db_config, 0);
	m.db_config.mode = (uint8_t)s->database.mode;
	m.db_config.engine = (uint8_t)s->database.engine;
	m.db_config.sandbox_mode = (uint8_t)c->sandbox;
	m.db_config.uid = c->db_uid;
	m.db_config.gid = c->db_gid;
	m.db_config.log_level = (uint8_t)c->log_level;
	m.db_config.check = s->check_database;
	m.db_config.data_dir = s->data_dir.path;
	m.db_config.sqlite_path = c->sqlite_path;
	m.db_config.migrations_dir = c->migrations_dir;
	m.db_config.settings_dir = c->settings_dir;
	m.db_config.encryption_secret = (struct ipc_bytes){ c->encryption_secret.data,
		(uint32_t)c->encryption_secret.len };
	m.db_config.turso_url = c->turso_url;
	m.db_config.turso_token = (struct ipc_bytes){ c->turso_token.data,
		(uint32_t)c->turso_token.len };
	m.db_config.operator_hash = (struct ipc_bytes){ s->operator_hash, TOKEN_HASH_BYTES };
	return channel_send(w->control, &m, e);
}

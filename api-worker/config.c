/*
 * The api-worker's configuration: see config.h.
 */
#include "api-worker/config.h"

#include "api-worker/http_target.h"
#include "api-worker/origin_check.h"

static struct http_text text_of(const char *s)
{
	return (struct http_text){ s, s ? strlen(s) : 0 };
}

/* A proxy may serve the frontend and this daemon under one name. */
static void add_frontend_host(struct config *s)
{
	struct http_authority authority;
	struct http_text text = s->frontend;
	const char *slashes;

	if (!text.at)
		return;
	slashes = memmem(text.at, text.len, "://", 3);
	text.len -= (size_t)(slashes + 3 - text.at);
	text.at = slashes + 3;
	if (http_authority_parse(text, &authority) && !authority.ip_literal)
		s->hosts[s->nhosts++] = authority.host;
}

int config_take(struct config *s, struct msg *m, struct err *e)
{
	const struct msg_api_config *config = &m->api_config;
	struct http_text frontend = { NULL, 0 };
	uint32_t i;

	if (config->frontend_url) {
		frontend = origin_of_url(text_of(config->frontend_url));
		if (!frontend.at)
			return err_set(e, ERR_CONFIG, "DEPLOYSTACK_FRONTEND_URL has no origin; "
			    "give it as http://host:port or https://host");
	}
	config_free(s);
	s->owner = *m;
	msg_init(m, MSG_api_config, 0);
	s->message = &s->owner.api_config;
	s->frontend = frontend;
	s->nhosts = 0;
	for (i = 0; i < s->message->allowed_hosts.count && s->nhosts < CONFIG_HOSTS_MAX; i++) {
		struct http_text name = text_of(s->message->allowed_hosts.items[i].name);

		if (name.len > 0)
			s->hosts[s->nhosts++] = name;
	}
	add_frontend_host(s);
	return 0;
}

void config_free(struct config *s)
{
	if (s->message)
		msg_free(&s->owner);
	memset(s, 0, sizeof(*s));
}

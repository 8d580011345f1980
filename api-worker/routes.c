/*
 * Routes: see routes.h.
 *
 * Order of the checks, each of which decides before the next: Host (421), path
 * (404), method (405), origin (403), credential (401), the body's size, by the parser
 * (413), permission, by the db-worker (401, 403), content type (415); all else is the
 * handler's.
 */
#include "api-worker/routes.h"

#include <stdio.h>

#include "api-worker/ask.h"
#include "api-worker/credential.h"
#include "api-worker/handlers.h"
#include "api-worker/host_check.h"
#include "api-worker/origin_check.h"
#include "api-worker/worker.h"
#include "base/json.h"

#define BODY_1M (1u << 20)
#define SHOWN_TARGET 256 /* bytes of a request's target that an answer repeats */

const struct route routes[] = {
	{ HTTP_GET, "/api/db/status", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_db_status },
	{ HTTP_POST, "/api/db/setup", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_JSON, BODY_1M, handle_db_setup },
	{ HTTP_GET, "/", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_root },
	{ HTTP_GET, "/healthz", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_healthz },
	{ HTTP_GET, "/readyz", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_readyz },
	{ HTTP_GET, "/setup", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_setup_page },
	{ HTTP_GET, "/assets/setup.css", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_asset },
	{ HTTP_GET, "/api/system/status", ROUTE_CONTROL, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_system_status },
	{ HTTP_POST, "/api/system/reload", ROUTE_CONTROL, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_system_reload },

	{ HTTP_POST, "/api/auth/email/register", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_JSON, BODY_1M, handle_auth_register },
	{ HTTP_POST, "/api/auth/email/login", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_JSON, BODY_1M, handle_auth_login },
	{ HTTP_POST, "/api/auth/logout", ROUTE_ANYWHERE, PERMISSION_public,
	    ROUTE_NO_BODY, 0, handle_auth_logout },
	{ HTTP_PUT, "/api/auth/email/change-password", ROUTE_ANYWHERE, PERMISSION_session,
	    ROUTE_JSON, BODY_1M, handle_auth_change_password },
	{ HTTP_PUT, "/api/auth/profile/update", ROUTE_ANYWHERE, PERMISSION_session,
	    ROUTE_JSON, BODY_1M, handle_auth_update_profile },
	{ HTTP_GET, "/api/users/me", ROUTE_ANYWHERE, PERMISSION_session,
	    ROUTE_NO_BODY, 0, handle_users_me },
	{ HTTP_GET, "/api/users", ROUTE_ANYWHERE, PERMISSION_users_list,
	    ROUTE_NO_BODY, 0, handle_users_list },
	{ HTTP_POST, "/api/users", ROUTE_ANYWHERE, PERMISSION_users_create,
	    ROUTE_JSON, BODY_1M, handle_users_create },
	{ HTTP_POST, "/api/users/:id/reset-password", ROUTE_ANYWHERE, PERMISSION_users_edit,
	    ROUTE_JSON, BODY_1M, handle_users_reset_password },
	{ HTTP_GET, "/api/roles", ROUTE_ANYWHERE, PERMISSION_roles_manage,
	    ROUTE_NO_BODY, 0, handle_users_roles },
	{ HTTP_GET, "/api/tokens", ROUTE_ANYWHERE, PERMISSION_system_admin,
	    ROUTE_NO_BODY, 0, handle_tokens_list },
	{ HTTP_POST, "/api/tokens", ROUTE_ANYWHERE, PERMISSION_system_admin,
	    ROUTE_JSON, BODY_1M, handle_tokens_create },
	{ HTTP_DELETE, "/api/tokens/:id", ROUTE_ANYWHERE, PERMISSION_system_admin,
	    ROUTE_NO_BODY, 0, handle_tokens_revoke },
	{ HTTP_GET, "/api/audit", ROUTE_ANYWHERE, PERMISSION_system_admin,
	    ROUTE_NO_BODY, 0, handle_audit_list },

	{ HTTP_GET, "/api/settings", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_list },
	{ HTTP_POST, "/api/settings", ROUTE_ANYWHERE, PERMISSION_settings_edit,
	    ROUTE_JSON, BODY_1M, handle_settings_create },
	{ HTTP_GET, "/api/settings/categories", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_categories },
	{ HTTP_GET, "/api/settings/health", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_health },
	{ HTTP_POST, "/api/settings/search", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_JSON, BODY_1M, handle_settings_search },
	{ HTTP_POST, "/api/settings/bulk", ROUTE_ANYWHERE, PERMISSION_settings_edit,
	    ROUTE_JSON, BODY_1M, handle_settings_bulk },
	{ HTTP_POST, "/api/settings/rekey", ROUTE_CONTROL, PERMISSION_operator,
	    ROUTE_JSON, BODY_1M, handle_settings_rekey },
	{ HTTP_GET, "/api/settings/groups", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_groups },
	{ HTTP_POST, "/api/settings/groups", ROUTE_ANYWHERE, PERMISSION_settings_edit,
	    ROUTE_JSON, BODY_1M, handle_settings_group_create },
	{ HTTP_GET, "/api/settings/groups/:id", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_group_get },
	{ HTTP_PUT, "/api/settings/groups/:id", ROUTE_ANYWHERE, PERMISSION_settings_edit,
	    ROUTE_JSON, BODY_1M, handle_settings_group_update },
	{ HTTP_GET, "/api/settings/group/:id", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_of_group },
	{ HTTP_GET, "/api/settings/:key", ROUTE_ANYWHERE, PERMISSION_settings_view,
	    ROUTE_NO_BODY, 0, handle_settings_get },
	{ HTTP_PUT, "/api/settings/:key", ROUTE_ANYWHERE, PERMISSION_settings_edit,
	    ROUTE_JSON, BODY_1M, handle_settings_update },
	{ HTTP_DELETE, "/api/settings/:key", ROUTE_ANYWHERE, PERMISSION_settings_delete,
	    ROUTE_NO_BODY, 0, handle_settings_delete },
};

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);

static unsigned methods_of(const struct route *r)
{
	return r->method == HTTP_GET ? HTTP_GET | HTTP_HEAD : r->method;
}

/* True when path is what pattern says; a segment ":name" of it stands for any that is
 * not empty, which goes to *param. */
static bool matches(const char *pattern, struct http_text path, struct http_text *param)
{
	size_t at = 0;

	while (*pattern != '\0') {
		if (*pattern != ':') {
			if (at >= path.len || path.at[at++] != *pattern++)
				return false;
			continue;
		}
		param->at = path.at + at;
		while (at < path.len && path.at[at] != '/')
			at++;
		param->len = (size_t)(path.at + at - param->at);
		if (param->len == 0)
			return false;
		pattern += strcspn(pattern, "/");
	}
	return at == path.len;
}

const struct route *route_find(enum http_method method, struct http_text path,
    enum ipc_listener_kind listener, unsigned *methods, struct http_text *param)
{
	unsigned where = listener == IPC_LISTEN_CONTROL ? ROUTE_CONTROL : ROUTE_TCP;
	const struct route *found = NULL;
	size_t i;

	*methods = 0;
	*param = (struct http_text){ NULL, 0 };
	for (i = 0; i < routes_count; i++) {
		const struct route *r = &routes[i];
		struct http_text given = { NULL, 0 };

		if (!(r->where & where) || !matches(r->path, path, &given))
			continue;
		*methods |= methods_of(r);
		if (!(methods_of(r) & method) || (found != NULL && given.at != NULL))
			continue;
		found = r;
		*param = given;
	}
	return found;
}

/* ---- answers without a route ---- */

static void list_methods(unsigned methods, char out[64])
{
	static const struct {
		enum http_method method;
		const char *name;
	} names[] = {
		{ HTTP_GET, "GET" }, { HTTP_HEAD, "HEAD" }, { HTTP_POST, "POST" },
		{ HTTP_PUT, "PUT" }, { HTTP_PATCH, "PATCH" }, { HTTP_DELETE, "DELETE" },
		{ HTTP_OPTIONS, "OPTIONS" },
	};
	size_t len = 0, i;

	out[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (methods & names[i].method)
			len += (size_t)snprintf(out + len, 64 - len, "%s%s", len > 0 ? ", " : "",
			    names[i].name);
}

static unsigned methods_here(const struct exchange *x)
{
	struct http_text param;
	unsigned methods;

	route_find(HTTP_OTHER, exchange_request(x)->target.path, x->listener, &methods, &param);
	return methods | HTTP_OPTIONS;
}

static void wrong_host(struct exchange *x)
{
	x->close = true;
	answer_error(x, 421, "The name in Host is not one of this server's; use localhost, an "
	    "address, or a name listed in ALLOWED_HOSTS.");
}

static void not_found(struct exchange *x)
{
	const struct http_request *r = exchange_request(x);
	struct http_text method = http_request_text(r, r->method_text);
	struct http_text target = http_request_text(r, r->target_text);
	char text[SHOWN_TARGET + HTTP_METHOD_MAX + 64];
	struct buf b;

	snprintf(text, sizeof(text), "Route %.*s:%.*s%s not found", (int)method.len, method.at,
	    target.len > SHOWN_TARGET ? SHOWN_TARGET : (int)target.len, target.at,
	    target.len > SHOWN_TARGET ? "..." : "");
	buf_init(&b, 4096);
	buf_puts(&b, "{\"message\":");
	json_put_string(&b, text, strlen(text));
	buf_puts(&b, ",\"error\":\"Not Found\",\"statusCode\":404}");
	if (b.failed)
		answer_error(x, 404, "Route not found");
	else
		answer_json(x, 404, buf_cstr(&b));
	buf_free(&b);
}

static void wrong_method(struct exchange *x)
{
	char allowed[64];

	list_methods(methods_here(x), allowed);
	answer_field(x, "Allow", allowed);
	answer_error(x, 405, "This path does not have that method; it has %s.", allowed);
}

static void foreign_origin(struct exchange *x)
{
	answer_refused(x, 403, "Origin not allowed");
}

static void not_json(struct exchange *x)
{
	answer_error(x, 415, "The body must be JSON: send it with the header "
	    "Content-Type: application/json.");
}

/* OPTIONS: what the path has, and the CORS preflight of the frontend. */
static void options(struct exchange *x)
{
	const struct http_request *r = exchange_request(x);
	char allowed[64];

	list_methods(methods_here(x), allowed);
	answer_field(x, "Allow", allowed);
	if (origin_is_frontend(r, worker_of(x)->config.frontend) &&
	    http_request_field(r, HTTP_FIELD_REQUEST_METHOD, NULL)) {
		answer_field(x, "Access-Control-Allow-Methods", allowed);
		answer_field(x, "Access-Control-Allow-Headers", "Content-Type, Authorization, "
		    "X-Setup-Token, X-Request-Id");
		answer_field(x, "Access-Control-Max-Age", "600");
	}
	answer(x, 204, NULL, NULL, 0);
}

/* ---- checks ---- */

static bool host_ok(const struct exchange *x)
{
	const struct config *s = &worker_of(x)->config;
	struct http_text host;

	if (!http_request_field(exchange_request(x), HTTP_FIELD_HOST, &host))
		return true; /* HTTP/1.0; the parser refuses the lack of it in 1.1 */
	return host_is_allowed(host, s->hosts, s->nhosts);
}

/* application/json, with charset utf-8 if any. */
static bool is_json(struct http_text type)
{
	const char *semicolon = memchr(type.at, ';', type.len);
	struct http_text media = type, parameter;

	if (semicolon)
		media.len = (size_t)(semicolon - type.at);
	if (!http_equal_nocase(http_trim(media), HTTP_TEXT("application/json")))
		return false;
	if (!semicolon)
		return true;
	parameter = http_trim((struct http_text){ semicolon + 1,
	    type.len - media.len - 1 });
	return parameter.len < 8 ||
	    !http_equal_nocase((struct http_text){ parameter.at, 8 }, HTTP_TEXT("charset=")) ||
	    http_equal_nocase(parameter, HTTP_TEXT("charset=utf-8")) ||
	    http_equal_nocase(parameter, HTTP_TEXT("charset=\"utf-8\""));
}

static bool type_ok(const struct exchange *x, const struct route *route)
{
	struct http_text type;

	if (route->body != ROUTE_JSON)
		return true;
	if (http_request_field(exchange_request(x), HTTP_FIELD_CONTENT_TYPE, &type))
		return is_json(type);
	/* Without a body there is nothing to have a type; the handler says what
	 * is missing. */
	return !http_parser_has_body(&x->parser);
}

static void add_cors(struct exchange *x)
{
	struct http_text frontend = worker_of(x)->config.frontend, origin;
	char text[512];

	if (!frontend.at)
		return;
	answer_field(x, "Vary", "Origin");
	if (!origin_is_frontend(exchange_request(x), frontend) ||
	    !http_request_field(exchange_request(x), HTTP_FIELD_ORIGIN, &origin))
		return;
	/* As the browser wrote it: it compares byte by byte. */
	snprintf(text, sizeof(text), "%.*s", (int)origin.len, origin.at);
	answer_field(x, "Access-Control-Allow-Origin", text);
	answer_field(x, "Access-Control-Allow-Credentials", "true");
	answer_field(x, "Access-Control-Expose-Headers", "X-Request-Id");
}

static bool shows_nothing(const struct exchange *x)
{
	struct credential c;

	credential_read(x, &c);
	return c.kind == IPC_CREDENTIAL_NONE || c.text[0] == '\0';
}

/* The sender may do this; now the body. */
static void permitted(struct exchange *x)
{
	const struct route *route = x->route;

	if (type_ok(x, route))
		route->handle(x);
	else
		not_json(x);
}

static void permitted_first(struct exchange *x)
{
	ask_permission(x, permitted);
}

static exchange_handler *choose(struct exchange *x)
{
	const struct http_request *r = exchange_request(x);
	const struct route *route;
	unsigned methods;

	if (!host_ok(x))
		return wrong_host;
	add_cors(x);
	if (r->target.form == HTTP_TARGET_ASTERISK)
		return options;
	route = route_find(r->method, r->target.path, x->listener, &methods, &x->param);
	if (!route && methods == 0)
		return not_found;
	if (!route)
		return r->method == HTTP_OPTIONS ? options : wrong_method;
	if (!(r->method & (HTTP_GET | HTTP_HEAD)) &&
	    !origin_may_change(r, worker_of(x)->config.frontend))
		return foreign_origin;
	x->route = route;
	if (route->permission != PERMISSION_public && shows_nothing(x))
		return answer_unknown_caller;
	x->store_body = route->body != ROUTE_NO_BODY;
	x->body_max = route->body_max;
	/* Without a body the handler's own message asks, and saves a question. */
	if (route->permission != PERMISSION_public && x->store_body)
		return permitted_first;
	return type_ok(x, route) ? route->handle : not_json;
}

void route_exchange(struct exchange *x)
{
	x->handler = choose(x);
}

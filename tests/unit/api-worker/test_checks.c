/* Tables: targets, hosts, origins, routes, and the small helpers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "api-worker/db_view.h"
#include "api-worker/host_check.h"
#include "api-worker/http_date.h"
#include "api-worker/http_parser.h"
#include "api-worker/origin_check.h"
#include "api-worker/peers.h"
#include "api-worker/routes.h"

static struct http_text text(const char *s)
{
	return (struct http_text){ s, strlen(s) };
}

static void test_targets(void **state)
{
	static const struct {
		const char *target;
		int form; /* -1: refused */
		const char *path, *query;
	} examples[] = {
		{ "/", HTTP_TARGET_ORIGIN, "/", "" },
		{ "/a/b?c?d", HTTP_TARGET_ORIGIN, "/a/b", "c?d" },
		{ "/a?", HTTP_TARGET_ORIGIN, "/a", "" },
		{ "//x/y", HTTP_TARGET_ORIGIN, "//x/y", "" },
		{ "/%2e%2E/", HTTP_TARGET_ORIGIN, "/%2e%2E/", "" },
		{ "*", HTTP_TARGET_ASTERISK, "*", "" },
		{ "http://h/p?q", HTTP_TARGET_ABSOLUTE, "http://h/p", "q" },
		{ "HTTPS://h:1", HTTP_TARGET_ABSOLUTE, "HTTPS://h:1", "" },
		{ "http://[::1]/", HTTP_TARGET_ABSOLUTE, "http://[::1]/", "" },
		{ "", -1, NULL, NULL }, { "a", -1, NULL, NULL }, { "**", -1, NULL, NULL },
		{ "/a b", -1, NULL, NULL }, { "/%", -1, NULL, NULL }, { "/%4", -1, NULL, NULL },
		{ "/%4g", -1, NULL, NULL }, { "/<", -1, NULL, NULL }, { "/\"", -1, NULL, NULL },
		{ "/#", -1, NULL, NULL }, { "/\x80", -1, NULL, NULL }, { "/[", -1, NULL, NULL },
		{ "http://", -1, NULL, NULL }, { "http:/h", -1, NULL, NULL },
		{ "http://h#f", -1, NULL, NULL }, { "localhost:80", -1, NULL, NULL },
		{ "http://h:99999/", -1, NULL, NULL }, { "file:///etc/passwd", -1, NULL, NULL },
	};
	struct http_target t;
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		bool ok = http_target_parse(text(examples[i].target), &t);

		assert_int_equal(ok, examples[i].form >= 0);
		if (!ok)
			continue;
		assert_int_equal(t.form, examples[i].form);
		assert_true(http_equal(t.path, text(examples[i].path)));
		assert_true(http_equal(t.query, text(examples[i].query)));
	}
}

static void test_hosts(void **state)
{
	static const char *const good[] = {
		"localhost", "localhost:3000", "LocalHost", "app.localhost", "127.0.0.1",
		"127.0.0.1:80", "192.168.1.10:3000", "[::1]", "[::1]:3000", "[fe80::1]",
		"db.example", "DB.example:8443", "1.2.3.4",
	};
	static const char *const bad[] = {
		"", "evil.example", "localhost.evil.example", "xlocalhost", ".localhost",
		"db.example.evil", "evil.db.example", "2130706433", "0x7f.1", "127.1",
		"127.0.0.1.evil", "0177.0.0.01", "[evil]", "[::1", "::1", "localhost:", "localhost:x",
		"u@localhost", "localhost/", "db.example.", "127.0.0.256", "[127.0.0.1]",
	};
	const struct http_text names[] = { HTTP_TEXT("db.example") };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(host_is_allowed(text(good[i]), names, 1));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (host_is_allowed(text(bad[i]), names, 1))
			print_message("allowed: %s\n", bad[i]);
		assert_false(host_is_allowed(text(bad[i]), names, 1));
	}
	assert_false(host_is_allowed(text("db.example"), NULL, 0));
}

/* May a POST with these fields change something? */
static bool may_change(const char *fields, const char *frontend)
{
	struct http_text origin = { frontend, frontend ? strlen(frontend) : 0 };
	struct http_parser p;
	char request[512];
	size_t used;
	bool answer;

	snprintf(request, sizeof(request), "POST / HTTP/1.1\r\n%s\r\n", fields);
	http_parser_init(&p);
	http_parser_reset(&p);
	assert_int_equal(http_parser_feed(&p, request, strlen(request), &used), HTTP_HEADERS);
	answer = origin_may_change(&p.request, origin);
	http_parser_free(&p);
	return answer;
}

#define HOST "Host: localhost:3000\r\n"

static void test_origins(void **state)
{
	static const struct {
		const char *fields, *frontend;
		bool allowed;
	} examples[] = {
		{ HOST, NULL, true },
		{ HOST "Origin: http://localhost:3000\r\n", NULL, true },
		{ HOST "Origin: https://localhost:3000\r\n", NULL, true },
		{ "Host: a.example\r\nOrigin: https://a.example\r\n", NULL, true },
		{ "Host: a.example\r\nOrigin: http://a.example:80\r\n", NULL, true },
		{ "Host: a.example\r\nOrigin: https://a.example:80\r\n", NULL, false },
		{ "Host: a.example:443\r\nOrigin: https://a.example\r\n", NULL, true },
		{ HOST "Origin: http://localhost:3001\r\n", NULL, false },
		{ HOST "Origin: http://localhost\r\n", NULL, false },
		{ HOST "Origin: http://127.0.0.1:3000\r\n", NULL, false },
		{ HOST "Origin: http://evil.example\r\n", NULL, false },
		{ HOST "Origin: null\r\n", NULL, false },
		{ HOST "Origin: \r\n", NULL, false },
		{ HOST "Origin: file://\r\n", NULL, false },
		{ HOST "Origin: http://localhost:3000.evil.example\r\n", NULL, false },
		{ HOST "Origin: http://localhost:3000, http://x\r\n", NULL, false },
		{ HOST "Sec-Fetch-Site: same-origin\r\n", NULL, true },
		{ HOST "Sec-Fetch-Site: none\r\n", NULL, true },
		{ HOST "Sec-Fetch-Site: same-site\r\n", NULL, false },
		{ HOST "Sec-Fetch-Site: cross-site\r\n", NULL, false },
		{ HOST "Sec-Fetch-Site: new-word\r\n", NULL, false },
		{ HOST "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-origin\r\n", NULL, true },
		{ HOST "Origin: http://localhost:3000\r\nSec-Fetch-Site: cross-site\r\n", NULL, false },
		{ HOST "Origin: http://f:5173\r\nSec-Fetch-Site: cross-site\r\n", "http://f:5173", true },
		{ HOST "Origin: http://F:5173\r\nSec-Fetch-Site: same-site\r\n", "http://f:5173", true },
		{ HOST "Origin: https://f:5173\r\n", "http://f:5173", false },
		{ HOST "Origin: http://f:5174\r\n", "http://f:5173", false },
		{ HOST "Origin: http://f\r\n", "http://f:80", true },
		{ HOST "Origin: null\r\n", "http://f:5173", false },
		{ HOST "Sec-Fetch-Site: cross-site\r\n", "http://f:5173", false },
	};
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		if (may_change(examples[i].fields, examples[i].frontend) != examples[i].allowed)
			print_message("wrong: %s\n", examples[i].fields);
		assert_int_equal(may_change(examples[i].fields, examples[i].frontend),
		    examples[i].allowed);
	}
}

static void test_origin_of_a_url(void **state)
{
	assert_true(http_equal(origin_of_url(text("http://a:1/x?y")), text("http://a:1")));
	assert_true(http_equal(origin_of_url(text("https://a")), text("https://a")));
	assert_null(origin_of_url(text("a.example")).at);
	assert_null(origin_of_url(text("ftp://a")).at);
	assert_null(origin_of_url(text("http:///x")).at);
	assert_null(origin_of_url(text("")).at);
}

static void test_routes_are_exact(void **state)
{
	static const char *const variants[] = {
		"/api/db/setup/", "//api/db/setup", "/api//db/setup", "/api/db/setup;x",
		"/api/db/%73etup", "/api/db/setup%00", "/API/db/setup", "/api/db/Setup",
		"/api/db/setup/extra", "/api/db/./setup", "/api/x/../db/setup", "api/db/setup",
		"http://localhost/api/db/setup", "/api/db/setu", "/api/db/setup%20", "", "*",
	};
	struct http_text param;
	const struct route *r;
	unsigned methods;
	size_t i;

	r = route_find(HTTP_POST, text("/api/db/setup"), IPC_LISTEN_TCP, &methods, &param);
	assert_non_null(r);
	assert_string_equal(r->path, "/api/db/setup");
	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		assert_null(route_find(HTTP_POST, text(variants[i]), IPC_LISTEN_TCP, &methods, &param));
		assert_int_equal(methods, 0);
	}
	assert_null(route_find(HTTP_GET, text("/api/db/setup"), IPC_LISTEN_TCP, &methods, &param));
	assert_int_equal(methods, HTTP_POST);
	assert_non_null(route_find(HTTP_HEAD, text("/api/db/status"), IPC_LISTEN_TCP, &methods, &param));
	assert_null(route_find(HTTP_OTHER, text("/api/db/status"), IPC_LISTEN_TCP, &methods, &param));
	assert_int_equal(methods, HTTP_GET | HTTP_HEAD);
}

static void test_route_parameters(void **state)
{
	static const struct {
		enum http_method method;
		const char *path, *route, *param;
	} cases[] = {
		{ HTTP_GET, "/api/settings/smtp.port", "/api/settings/:key", "smtp.port" },
		{ HTTP_GET, "/api/settings/health", "/api/settings/health", NULL },
		{ HTTP_PUT, "/api/settings/health", "/api/settings/:key", "health" },
		{ HTTP_GET, "/api/settings/a%2fb", "/api/settings/:key", "a%2fb" },
		{ HTTP_GET, "/api/settings/:key", "/api/settings/:key", ":key" },
		{ HTTP_GET, "/api/settings/groups/x", "/api/settings/groups/:id", "x" },
		{ HTTP_POST, "/api/users/u1/reset-password", "/api/users/:id/reset-password", "u1" },
		{ HTTP_GET, "/api/settings/", NULL, NULL },
		{ HTTP_GET, "/api/settings//", NULL, NULL },
		{ HTTP_GET, "/api/settings/a/b", NULL, NULL },
		{ HTTP_GET, "/api/settings/a/", NULL, NULL },
		{ HTTP_POST, "/api/users//reset-password", NULL, NULL },
		{ HTTP_POST, "/api/users/u1/reset-password/", NULL, NULL },
		{ HTTP_POST, "/api/users/u1/x/reset-password", NULL, NULL },
	};
	struct http_text param;
	unsigned methods;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct route *r = route_find(cases[i].method, text(cases[i].path),
		    IPC_LISTEN_TCP, &methods, &param);

		if (cases[i].route == NULL) {
			assert_null(r);
			assert_int_equal(methods, 0);
			continue;
		}
		assert_non_null(r);
		assert_string_equal(r->path, cases[i].route);
		assert_true(cases[i].param == NULL ? param.at == NULL :
		    http_equal(param, text(cases[i].param)));
	}
}

static void test_control_routes_are_on_the_control_socket_only(void **state)
{
	struct http_text param;
	unsigned methods;
	size_t i;

	for (i = 0; i < routes_count; i++) {
		const struct route *r = &routes[i];

		assert_non_null(route_find(r->method, text(r->path), IPC_LISTEN_CONTROL, &methods, &param));
		if (r->where != ROUTE_CONTROL || strchr(r->path, ':') != NULL)
			continue;
		assert_ptr_not_equal(route_find(r->method, text(r->path), IPC_LISTEN_TCP, &methods,
		    &param), r);
	}
}

static void test_dates(void **state)
{
	char out[HTTP_DATE_SIZE];

	http_date(INT64_C(784111777000), out); /* the example of RFC 9110 */
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	http_date(0, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	http_date(INT64_C(951782400000), out);
	assert_string_equal(out, "Tue, 29 Feb 2000 00:00:00 GMT");
	http_date(-5, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static struct sockaddr_storage address(const char *s)
{
	struct sockaddr_storage space = { .ss_family = strchr(s, ':') ? AF_INET6 : AF_INET };

	inet_pton(space.ss_family, s, space.ss_family == AF_INET ?
	    (void *)&((struct sockaddr_in *)&space)->sin_addr :
	    (void *)&((struct sockaddr_in6 *)&space)->sin6_addr);
	return space;
}

static struct peer *enter(struct peers *p, const char *s, unsigned max)
{
	struct sockaddr_storage a = address(s);

	return peers_enter(p, (struct sockaddr *)&a, max);
}

static void test_peers_are_counted_by_address(void **state)
{
	struct peer *all[600], *one;
	struct peers *p;
	struct err e;
	char s[32];
	int i;

	assert_int_equal(peers_new(&p, &e), 0);
	one = enter(p, "10.0.0.1", 2);
	assert_non_null(one);
	assert_ptr_equal(enter(p, "::ffff:10.0.0.1", 2), one);
	assert_null(enter(p, "10.0.0.1", 2));
	assert_non_null(enter(p, "10.0.0.2", 2));
	peers_leave(p, one);
	assert_non_null(enter(p, "10.0.0.1", 2));
	/* One /64 is one peer. */
	assert_non_null(enter(p, "2001:db8::1", 1));
	assert_null(enter(p, "2001:db8::ffff:2", 1));
	assert_non_null(enter(p, "2001:db8:0:1::1", 1));
	for (i = 0; i < 600; i++) {
		snprintf(s, sizeof(s), "10.1.%d.%d", i / 250, i % 250 + 1);
		all[i] = enter(p, s, 1);
		assert_non_null(all[i]);
	}
	for (i = 0; i < 600; i++)
		peers_leave(p, all[i]);
	peers_leave(p, NULL);
	peers_free(p);
}

static void test_status_follows_state_and_channel(void **state)
{
	struct msg_db_state s = { .configured = false };
	struct db_view v;

	db_view_init(&v);
	assert_string_equal(v.status,
	    "{\"configured\":false,\"initialized\":false,\"dialect\":null}");
	s.configured = s.initialized = true;
	s.engine = IPC_ENGINE_SQLITE;
	db_view_set_state(&v, &s);
	assert_string_equal(v.status,
	    "{\"configured\":true,\"initialized\":false,\"dialect\":\"sqlite\"}");
	db_view_set_connected(&v, true);
	assert_string_equal(v.status,
	    "{\"configured\":true,\"initialized\":true,\"dialect\":\"sqlite\"}");
	assert_int_equal(v.status_len, strlen(v.status));
	db_view_set_connected(&v, false);
	assert_false(v.initialized);
	s.engine = IPC_ENGINE_TURSO;
	s.problem = "why";
	db_view_set_state(&v, &s);
	assert_string_equal(v.status,
	    "{\"configured\":true,\"initialized\":false,\"dialect\":\"turso\"}");
	assert_string_equal(v.problem, "why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_origin_of_a_url),
		cmocka_unit_test(test_routes_are_exact),
		cmocka_unit_test(test_route_parameters),
		cmocka_unit_test(test_control_routes_are_on_the_control_socket_only),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_peers_are_counted_by_address),
		cmocka_unit_test(test_status_follows_state_and_channel),
	};

	return cmocka_run_group_tests_name("api-worker/checks", tests, NULL, NULL);
}

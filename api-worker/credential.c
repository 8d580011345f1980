/*
 * Credentials of a request: see credential.h.
 */
#include "api-worker/credential.h"

#include <stdio.h>

#include "api-worker/worker.h"
#include "base/json.h"

#define SESSION_SECONDS (30 * 24 * 3600)

static void take(struct credential *c, enum ipc_credential kind, struct http_text text)
{
	c->kind = kind;
	c->text[0] = '\0';
	if (text.len > CREDENTIAL_MAX || memchr(text.at, '\0', text.len) != NULL)
		return;
	memcpy(c->text, text.at, text.len);
	c->text[text.len] = '\0';
}

static void read_bearer(const struct exchange *x, struct http_text value, struct credential *c)
{
	struct http_text token = { NULL, 0 };

	if (value.len > 7 &&
	    http_equal_nocase((struct http_text){ value.at, 7 }, HTTP_TEXT("Bearer ")))
		token = http_trim((struct http_text){ value.at + 7, value.len - 7 });
	if (token.len > 4 && memcmp(token.at, "dso_", 4) == 0 &&
	    x->listener != IPC_LISTEN_CONTROL)
		token.len = 0;
	take(c, IPC_CREDENTIAL_TOKEN, token.len > 0 ? token : HTTP_TEXT(""));
}

/* The value of the session in a Cookie field (RFC 6265 section 4.2.1), which may also
 * be a whole Set-Cookie text: other members are passed over. */
static bool find_session(struct http_text field, struct http_text *out)
{
	while (field.len > 0) {
		const char *semicolon = memchr(field.at, ';', field.len), *equals;
		size_t len = semicolon != NULL ? (size_t)(semicolon - field.at) : field.len;
		struct http_text pair = http_trim((struct http_text){ field.at, len });

		equals = memchr(pair.at, '=', pair.len);
		if (equals != NULL && http_equal((struct http_text){ pair.at,
		    (size_t)(equals - pair.at) }, HTTP_TEXT(SESSION_COOKIE))) {
			*out = (struct http_text){ equals + 1,
				pair.len - (size_t)(equals + 1 - pair.at) };
			return true;
		}
		field.at += len + (semicolon != NULL);
		field.len -= len + (semicolon != NULL);
	}
	return false;
}

void credential_read(const struct exchange *x, struct credential *out)
{
	const struct http_request *r = exchange_request(x);
	struct http_text value, session;
	unsigned i;

	*out = (struct credential){ .kind = IPC_CREDENTIAL_NONE };
	if (http_request_field(r, HTTP_FIELD_AUTHORIZATION, &value)) {
		read_bearer(x, value, out);
		return;
	}
	for (i = 0; r->first[HTTP_FIELD_COOKIE] != 0 && i < r->nfields; i++)
		if (r->field[i].id == HTTP_FIELD_COOKIE &&
		    find_session(http_request_text(r, r->field[i].value), &session)) {
			take(out, IPC_CREDENTIAL_SESSION, session);
			return;
		}
}

const char *credential_setup_token(const struct exchange *x, char *out, size_t size)
{
	struct http_text value;

	if (!http_request_field(exchange_request(x), HTTP_FIELD_SETUP_TOKEN, &value))
		return NULL;
	/* One that is cut is wrong either way. */
	snprintf(out, size, "%.*s", (int)value.len, value.at);
	return json_utf8_prefix(out, strlen(out)) == strlen(out) ? out : "?";
}

/* A frontend of another https origin gets the cookie only as SameSite=None, which
 * browsers take only with Secure. */
static bool is_cross_site(const struct exchange *x)
{
	struct http_text frontend = worker_of(x)->config.frontend, host;
	struct http_text https = HTTP_TEXT("https://");

	if (frontend.at == NULL || frontend.len <= https.len ||
	    !http_equal_nocase((struct http_text){ frontend.at, https.len }, https))
		return false;
	return !http_request_field(exchange_request(x), HTTP_FIELD_HOST, &host) ||
	    !http_equal_nocase(host, (struct http_text){ frontend.at + https.len,
	    frontend.len - https.len });
}

void credential_set_cookie(struct exchange *x, const char *session)
{
	char text[256];

	snprintf(text, sizeof(text), SESSION_COOKIE "=%s; Max-Age=%d; HttpOnly; Path=/; %s",
	    session, session[0] != '\0' ? SESSION_SECONDS : 0,
	    is_cross_site(x) ? "Secure; SameSite=None" : "SameSite=Lax");
	answer_field(x, "Set-Cookie", text);
}

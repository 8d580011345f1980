/*
 * The daemon's HTTP interface: see client.h.
 */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/data_dir.h"
#include "cli/print.h"

#define SOCKET_NAME "control.sock"
#define TOKEN_NAME "control.token"
#define BODY_MAX (16u << 20)
#define HEADER_MAX 512
#define TIMEOUT_S 120l

/* The daemon's answers may be long lists; BODY_MAX bounds them. */
static const struct json_limits answer_limits = { .max_depth = 32, .max_members = 4000000 };

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	return buf_append(arg, data, size * n) == 0 ? size * n : 0;
}

/* A data directory may be deeper than sun_path is long; its descriptor's name in
 * /proc is short. */
static int open_dir(const char *data_dir, char *path, size_t size, struct err *e)
{
	int fd = data_dir_open(data_dir, e);

	if (fd < 0)
		return fd;
	snprintf(path, size, "/proc/self/fd/%d/%s", fd, SOCKET_NAME);
	if (faccessat(fd, SOCKET_NAME, W_OK, 0) == 0)
		return fd;
	if (errno == EACCES)
		err_set(e, ERR_DENIED, "the control socket in %s may not be used; run as root or as "
		    "the daemon's user", data_dir);
	else
		err_set(e, ERR_NOT_FOUND, "deploystackd is not running with the data directory %s "
		    "(no " SOCKET_NAME "); start it, or name another with --data-dir", data_dir);
	close(fd);
	return e->code;
}

/* ---- headers ---- */

static void free_headers(struct curl_slist *headers)
{
	struct curl_slist *h;

	for (h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

/* Without a token the daemon decides what may be done. */
static int add_token(int dirfd, struct curl_slist **headers)
{
	struct curl_slist *longer = NULL;
	struct buf header;
	struct err e;
	int rc;

	buf_init(&header, HEADER_MAX);
	rc = buf_puts(&header, "Authorization: Bearer ");
	if (rc == 0)
		rc = data_dir_token(dirfd, TOKEN_NAME, &header, &e);
	if (rc == 0 && buf_cstr(&header) != NULL)
		longer = curl_slist_append(*headers, buf_cstr(&header));
	if (longer != NULL)
		*headers = longer;
	else
		rc = rc == 0 ? ERR_NOMEM : rc;
	buf_free_secret(&header);
	return rc == ERR_NOMEM ? rc : 0;
}

static struct curl_slist *make_headers(int dirfd)
{
	/* Without "Expect" a long body does not wait for a go-ahead. */
	static const char *const fixed[] = { "Content-Type: application/json", "Expect:" };
	struct curl_slist *headers = NULL, *longer;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		longer = curl_slist_append(headers, fixed[i]);
		if (longer == NULL) {
			free_headers(headers);
			return NULL;
		}
		headers = longer;
	}
	if (add_token(dirfd, &headers) == 0)
		return headers;
	free_headers(headers);
	return NULL;
}

/* ---- the request ---- */

static int perform(CURL *curl, const char *data_dir, struct err *e)
{
	CURLcode rc = curl_easy_perform(curl);

	if (rc == CURLE_OK)
		return 0;
	if (rc == CURLE_COULDNT_CONNECT)
		return err_set(e, ERR_NOT_FOUND, "deploystackd is not running with the data directory "
		    "%s; start it, or name another with --data-dir", data_dir);
	return err_set(e, ERR_IO, "talking to deploystackd failed: %s", curl_easy_strerror(rc));
}

int client_request(const char *data_dir, const char *method, const char *path,
    const char *body, struct reply *out, struct err *e)
{
	char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)], url[512];
	struct curl_slist *headers;
	struct buf answer;
	CURL *curl;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	if ((size_t)snprintf(url, sizeof(url), "http://localhost%s", path) >= sizeof(url))
		return err_set(e, ERR_INVALID, "the request's path is too long");
	fd = open_dir(data_dir, socket_path, sizeof(socket_path), e);
	if (fd < 0)
		return fd;
	buf_init(&answer, BODY_MAX);
	curl = curl_easy_init();
	headers = make_headers(fd);
	if (body == NULL && strcmp(method, "POST") == 0)
		body = "{}";
	if (curl == NULL || headers == NULL) {
		rc = err_set(e, ERR_NOMEM, "not enough memory");
	} else {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1l); /* ".." is a key as any other */
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
		/* Without a body the first of the headers, its type, stays out. */
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, body != NULL ? headers : headers->next);
		if (body != NULL) {
			curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		}
		rc = perform(curl, data_dir, e);
	}
	if (rc == 0) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
		(void)json_parse((const char *)answer.data, answer.len, &answer_limits, &out->json,
		    NULL);
	}
	curl_easy_cleanup(curl);
	free_headers(headers);
	buf_free_secret(&answer);
	close(fd);
	return rc;
}

int client_send(const char *data_dir, const char *method, const char *path,
    const cJSON *json, struct reply *out, struct err *e)
{
	char *body = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	if (json != NULL && (body = cJSON_PrintUnformatted(json)) == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory");
	rc = client_request(data_dir, method, path, body, out, e);
	cJSON_free(body); /* wiped: see main.c */
	return rc;
}

int client_call(const char *data_dir, const char *method, const char *path,
    const cJSON *json, struct reply *out)
{
	struct err e;
	int rc = client_send(data_dir, method, path, json, out, &e);

	if (rc < 0)
		return client_fail(rc, &e);
	if (out->status >= 200 && out->status < 300 && cJSON_IsObject(out->json))
		return CLI_OK;
	return reply_fail(out);
}

/* ---- answers ---- */

void reply_free(struct reply *r)
{
	cJSON_Delete(r->json);
	r->json = NULL;
}

const cJSON *reply_member(const struct reply *r, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(r->json, name);
}

void reply_print_message(const struct reply *r)
{
	char text[1024];

	print_clean(text, sizeof(text), cJSON_GetStringValue(reply_member(r, "message")));
	puts(text);
}

int client_fail(int rc, const struct err *e)
{
	print_error(e->text);
	return rc == ERR_NOT_FOUND ? CLI_NOT_RUNNING : rc == ERR_DENIED ? CLI_DENIED : CLI_FAILED;
}

int client_no_memory(void)
{
	print_error("not enough memory");
	return CLI_FAILED;
}

int reply_fail(const struct reply *r)
{
	const char *error = cJSON_GetStringValue(reply_member(r, "error"));
	const char *message = cJSON_GetStringValue(reply_member(r, "message"));
	char text[128];

	/* The message says more where both are given. */
	if (r->status == 401) {
		print_error("deploystackd did not accept the operator's token (" TOKEN_NAME " in its "
		    "data directory); run as root or as the daemon's user");
	} else if (message != NULL) {
		print_error(message);
	} else if (error != NULL) {
		print_error(error);
	} else {
		snprintf(text, sizeof(text), "deploystackd answered with status %ld and nothing that "
		    "this program understands", r->status);
		print_error(text);
	}
	return r->status == 401 || r->status == 403 ? CLI_DENIED : CLI_FAILED;
}

bool path_segment_is_plain(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return len >= 1 && len <= 255 && text[len] == '\0';
}

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
#include "cli/print.h"

#define SOCKET_NAME "control.sock"
#define BODY_MAX (16u << 20)
#define TIMEOUT_S 120l

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	return buf_append(arg, data, size * n) == 0 ? size * n : 0;
}

/* A data directory may be deeper than sun_path is long; its descriptor's name in
 * /proc is short. */
static int open_dir(const char *data_dir, char *path, size_t size, struct err *e)
{
	int fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return err_set(e, ERR_DENIED, "%s may not be entered; run as root or as the daemon's "
		    "user", data_dir);
	if (fd < 0)
		return err_set_errno(e, ERR_NOT_FOUND, errno, "no data directory %s; name it with "
		    "--data-dir", data_dir);
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
	char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)], url[256];
	struct curl_slist *headers = NULL;
	struct buf answer;
	CURL *curl;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	fd = open_dir(data_dir, socket_path, sizeof(socket_path), e);
	if (fd < 0)
		return fd;
	buf_init(&answer, BODY_MAX);
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl = curl_easy_init();
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (curl == NULL || headers == NULL) {
		rc = err_set(e, ERR_NOMEM, "not enough memory");
	} else {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
		if (strcmp(method, "POST") == 0) {
			curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body != NULL ? body : "{}");
		}
		rc = perform(curl, data_dir, e);
	}
	if (rc == 0) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
		(void)json_parse((const char *)answer.data, answer.len, NULL, &out->json, NULL);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	buf_free(&answer);
	close(fd);
	return rc;
}

void reply_free(struct reply *r)
{
	cJSON_Delete(r->json);
	r->json = NULL;
}

int client_fail(int rc, const struct err *e)
{
	print_error(e->text);
	return rc == ERR_NOT_FOUND ? CLI_NOT_RUNNING : rc == ERR_DENIED ? CLI_DENIED : CLI_FAILED;
}

int reply_fail(const struct reply *r)
{
	const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(r->json, "error"));
	const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(r->json, "message"));
	char text[64];

	/* The message says more where both are given. */
	if (message != NULL)
		print_error(message);
	else if (error != NULL)
		print_error(error);
	else {
		snprintf(text, sizeof(text), "deploystackd answered with status %ld", r->status);
		print_error(text);
	}
	return r->status == 403 ? CLI_DENIED : CLI_FAILED;
}

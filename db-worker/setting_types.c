/*
 * Typed access to settings: see setting_values.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "db-worker/accounts.h"
#include "db-worker/setting_values.h"

/* The number grammar of JSON (RFC 8259 section 6), finite. */
static bool is_number(const char *text, double *out)
{
	const char *at = text + (*text == '-');
	size_t digits = strspn(at, "0123456789");
	char *end;

	if (digits == 0 || (digits > 1 && *at == '0') || strlen(text) > 400)
		return false;
	at += digits;
	if (*at == '.') {
		digits = strspn(at + 1, "0123456789");
		if (digits == 0)
			return false;
		at += 1 + digits;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		digits = strspn(at, "0123456789");
		if (digits == 0)
			return false;
		at += digits;
	}
	*out = strtod(text, &end);
	return *at == '\0' && *end == '\0' && *out - *out == 0;
}

static bool is_boolean(const char *text, bool *out)
{
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0;
}

bool setting_fits(const char *type, const char *text)
{
	double number;
	bool boolean;

	if (strcmp(type, "number") == 0)
		return is_number(text, &number);
	if (strcmp(type, "boolean") == 0)
		return is_boolean(text, &boolean);
	return strcmp(type, "string") == 0;
}

static int wrong(const char *key, const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the setting %s must be %s", key, what);
}

/* Sets *out; len 0 for a setting that is missing or empty. */
static int read_text(const struct setting_reader *r, const char *key, struct secret *out,
    struct err *e)
{
	struct setting_row row;

	if (setting_find(r, key, &row))
		return setting_plain(r, &row, out, e);
	return secret_set(out, "", 0) < 0 ? err_set(e, ERR_NOMEM, "not enough locked memory") : 0;
}

int setting_string(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e)
{
	int rc = read_text(r, key, out, e);

	if (rc == 0 && out->len == 0 && fallback != NULL &&
	    secret_set(out, fallback, strlen(fallback)) < 0)
		rc = err_set(e, ERR_NOMEM, "not enough locked memory");
	return rc;
}

int setting_boolean(const struct setting_reader *r, const char *key, bool fallback, bool *out,
    struct err *e)
{
	struct secret text = { 0 };
	int rc = read_text(r, key, &text, e);

	*out = fallback;
	if (rc == 0 && text.len > 0 && !is_boolean((char *)text.data, out))
		rc = wrong(key, "true or false", e);
	secret_free(&text);
	return rc;
}

int setting_number(const struct setting_reader *r, const char *key, double fallback,
    double *out, struct err *e)
{
	struct secret text = { 0 };
	int rc = read_text(r, key, &text, e);

	*out = fallback;
	if (rc == 0 && text.len > 0 && !is_number((char *)text.data, out))
		rc = wrong(key, "a number", e);
	secret_free(&text);
	return rc;
}

int setting_integer(const struct setting_reader *r, const char *key, int64_t fallback,
    int64_t *out, struct err *e)
{
	struct secret text = { 0 };
	int rc = read_text(r, key, &text, e);
	char *end;

	*out = fallback;
	if (rc == 0 && text.len > 0) {
		errno = 0;
		*out = strtoll((char *)text.data, &end, 10);
		if (errno != 0 || *end != '\0' || strchr("-0123456789", text.data[0]) == NULL)
			rc = wrong(key, "an integer of 64 bits", e);
	}
	secret_free(&text);
	return rc;
}

int setting_url(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e)
{
	int rc = setting_string(r, key, fallback, out, e);
	const char *text = rc == 0 ? (const char *)out->data : "", *host = strstr(text, "://");

	if (rc < 0 || out->len == 0)
		return rc;
	if ((strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0) ||
	    strcspn(host + 3, "/?#") == 0 || strpbrk(text, " \t\r\n<>\"\\") != NULL)
		return wrong(key, "a URL that begins with http:// or https://", e);
	return 0;
}

int setting_email(const struct setting_reader *r, const char *key, const char *fallback,
    struct secret *out, struct err *e)
{
	char lower[EMAIL_SIZE];
	int rc = setting_string(r, key, fallback, out, e);

	if (rc == 0 && out->len > 0 && account_check_email((char *)out->data, lower, NULL) < 0)
		rc = wrong(key, "an e-mail address", e);
	return rc;
}

int setting_json(const struct setting_reader *r, const char *key, cJSON **out, struct err *e)
{
	struct secret text = { 0 };
	int rc = read_text(r, key, &text, e);

	*out = NULL;
	if (rc == 0 && text.len > 0 &&
	    json_parse((char *)text.data, text.len, NULL, out, NULL) < 0)
		rc = wrong(key, "JSON", e);
	secret_free(&text);
	return rc;
}

int setting_array(const struct setting_reader *r, const char *key, cJSON **out, struct err *e)
{
	int rc = setting_json(r, key, out, e);

	if (rc == 0 && *out != NULL && !cJSON_IsArray(*out)) {
		cJSON_Delete(*out);
		*out = NULL;
		rc = wrong(key, "a JSON array", e);
	}
	return rc;
}

int setting_strings(const struct setting_reader *r, const char *const *keys, size_t n,
    struct secret *out, struct err *e)
{
	size_t i;
	int rc = 0;

	memset(out, 0, n * sizeof(*out));
	for (i = 0; rc == 0 && i < n; i++)
		rc = setting_string(r, keys[i], NULL, &out[i], e);
	for (i = 0; rc < 0 && i < n; i++)
		secret_free(&out[i]);
	return rc;
}

int setting_require(const struct setting_reader *r, const char *const *keys, size_t n,
    struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct secret text = { 0 };
		int rc = read_text(r, keys[i], &text, e);

		if (rc == 0 && text.len == 0)
			rc = err_set(e, ERR_CONFIG, "the setting %s must be set", keys[i]);
		secret_free(&text);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * deploystackctl settings export|import|rekey: see settings.h.
 *
 * An import goes to the daemon in several requests when it is more than one takes;
 * each setting stands for itself, in one request as in several.
 */
#include "cli/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/secret_input.h"

#define FILE_MAX (16u << 20)
#define BATCH_SETTINGS 500        /* the daemon takes 1000 */
#define BATCH_BYTES (384u << 10)  /* escaped text may be several times as long; it takes 1 MiB */
#define OLD_SECRET_MAX 4096

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(member(object, name));
}

/* ---- export ---- */

static bool add_text_or_null(cJSON *object, const char *name, const char *text)
{
	return (text != NULL ? cJSON_AddStringToObject(object, name, text) :
	    cJSON_AddNullToObject(object, name)) != NULL;
}

static bool add_setting(cJSON *array, const cJSON *setting)
{
	cJSON *out = cJSON_CreateObject();

	if (add_text_or_null(out, "key", text_of(setting, "key")) &&
	    add_text_or_null(out, "value", text_of(setting, "value")) &&
	    add_text_or_null(out, "type", text_of(setting, "type")) &&
	    add_text_or_null(out, "description", text_of(setting, "description")) &&
	    cJSON_AddBoolToObject(out, "encrypted",
	    cJSON_IsTrue(member(setting, "is_encrypted"))) != NULL &&
	    add_text_or_null(out, "group_id", text_of(setting, "group_id")) &&
	    cJSON_AddItemToArray(array, out))
		return true;
	cJSON_Delete(out);
	return false;
}

/* Prints what of the settings is to be exported. */
static int export_all(const cJSON *settings, bool with_secrets)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *array = cJSON_AddArrayToObject(root, "settings");
	unsigned left_out = 0, unreadable = 0;
	const cJSON *setting;
	bool made = array != NULL;
	int exit_code;

	cJSON_ArrayForEach(setting, settings) {
		if (!with_secrets && cJSON_IsTrue(member(setting, "is_encrypted")))
			left_out++;
		else if (text_of(setting, "key") == NULL || text_of(setting, "value") == NULL)
			unreadable++;
		else
			made = made && add_setting(array, setting);
	}
	exit_code = made ? print_json(root) : client_no_memory();
	cJSON_Delete(root);
	if (left_out > 0)
		fprintf(stderr, "%u encrypted settings were left out; --with-secrets takes them "
		    "too.\n", left_out);
	if (unreadable > 0) {
		print_error("some settings have a value that cannot be read and are not in the "
		    "export; see settings health");
		exit_code = CLI_FAILED;
	}
	return exit_code;
}

int settings_export(const struct cli *cli, int argc, char **argv)
{
	bool with_secrets = false;
	const struct option_spec specs[] = {
		{ "--with-secrets", NULL, &with_secrets }, { NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, specs, NULL, 0, 0, "settings export [--with-secrets]") < 0)
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", "/api/settings", NULL, &r);
	if (exit_code == CLI_OK)
		exit_code = export_all(reply_member(&r, "data"), with_secrets);
	reply_free(&r);
	return exit_code;
}

/* ---- import ---- */

static size_t text_size(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	return text != NULL ? strlen(text) : 0;
}

/* Moves the next settings of all to batch: as many as one request takes, at least one. */
static bool fill_batch(cJSON *all, cJSON *batch)
{
	size_t bytes = 0;
	int n;

	for (n = 0; n < BATCH_SETTINGS && all->child != NULL; n++) {
		const cJSON *next = all->child;
		cJSON *moved;

		bytes += 256 + text_size(member(next, "key")) + text_size(member(next, "value")) +
		    text_size(member(next, "description"));
		if (n > 0 && bytes > BATCH_BYTES)
			break;
		moved = cJSON_DetachItemFromArray(all, 0);
		if (!cJSON_AddItemToArray(batch, moved)) {
			cJSON_Delete(moved);
			return false;
		}
	}
	return true;
}

/* Prints what went wrong with single settings; returns with how many. */
static int print_failures(const struct reply *r)
{
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, reply_member(r, "errors")) {
		char key[256], error[512], text[800];

		print_clean(key, sizeof(key), text_of(item, "key"));
		print_clean(error, sizeof(error), text_of(item, "error"));
		snprintf(text, sizeof(text), "%s: %s", key, error);
		print_error(text);
		n++;
	}
	return n;
}

/* Sends the batch (an object with the array); adds to *failed.  Not CLI_OK when the
 * daemon took none of it for another reason than the settings themselves. */
static int send_batch(const struct cli *cli, const cJSON *batch, int *failed)
{
	struct reply r;
	struct err e;
	int rc, exit_code = CLI_OK, n;

	rc = client_send(cli->data_dir, "POST", "/api/settings/bulk", batch, &r, &e);
	if (rc < 0)
		return client_fail(rc, &e);
	n = print_failures(&r);
	*failed += n;
	if (r.status != 200 && r.status != 207 && !(r.status == 400 && n > 0))
		exit_code = reply_fail(&r);
	reply_free(&r);
	return exit_code;
}

static int import_all(const struct cli *cli, cJSON *all)
{
	int total = cJSON_GetArraySize(all), stored = 0, exit_code = CLI_OK;

	while (exit_code == CLI_OK && all->child != NULL) {
		cJSON *root = cJSON_CreateObject();
		cJSON *batch = cJSON_AddArrayToObject(root, "settings");
		int failed = 0;

		if (batch == NULL || !fill_batch(all, batch))
			exit_code = client_no_memory();
		else
			exit_code = send_batch(cli, root, &failed);
		if (exit_code == CLI_OK)
			stored += cJSON_GetArraySize(batch) - failed;
		cJSON_Delete(root);
	}
	/* Without an answer nobody knows about the last ones. */
	if (exit_code == CLI_OK || stored > 0)
		printf("%d of %d settings were stored\n", stored, total);
	return exit_code == CLI_OK && stored < total ? CLI_FAILED : exit_code;
}

int settings_import(const struct cli *cli, int argc, char **argv)
{
	static const struct option_spec none[] = { { NULL, NULL, NULL } };
	static const struct json_limits limits = { .max_depth = 8, .max_members = 1000000 };
	int exit_code = CLI_FAILED;
	cJSON *root = NULL, *all;
	struct buf text;
	const char *file;
	struct err e;

	if (options_read(argc, argv, none, &file, 1, 1, "settings import FILE|-") < 0)
		return CLI_USAGE;
	buf_init(&text, FILE_MAX);
	if (secret_from_file(file, &text, &e) < 0 ||
	    json_parse((const char *)text.data, text.len, &limits, &root, &e) < 0) {
		print_error(e.text);
	} else {
		all = cJSON_GetObjectItemCaseSensitive(root, "settings");
		if (!cJSON_IsArray(all) || all->child == NULL)
			print_error("the file holds no settings; it must be {\"settings\":[...]} as "
			    "settings export writes it");
		else
			exit_code = import_all(cli, all);
	}
	cJSON_Delete(root);
	buf_free_secret(&text);
	return exit_code;
}

/* ---- rekey ---- */

static bool is_key(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

/* Reads the old secret or key into the body. */
static int add_old(cJSON *body, const char *name, const char *file, bool key)
{
	int exit_code = CLI_FAILED;
	struct buf text;
	struct err e;

	buf_init(&text, OLD_SECRET_MAX);
	if (secret_from_file(file, &text, &e) < 0)
		print_error(e.text);
	else if (buf_cstr(&text) == NULL)
		exit_code = client_no_memory();
	else if (text.len == 0 || (key && !is_key(buf_cstr(&text))))
		print_error(key ? "the file must hold a key of 64 hexadecimal digits" :
		    "the file with the old secret is empty");
	else if (cJSON_AddStringToObject(body, name, buf_cstr(&text)) == NULL)
		exit_code = client_no_memory();
	else
		exit_code = CLI_OK;
	buf_free_secret(&text);
	return exit_code;
}

int settings_rekey(const struct cli *cli, int argc, char **argv)
{
	static const char usage[] = "settings rekey [--old-secret-file F | --old-key-file F]";
	const char *secret = NULL, *key = NULL;
	const struct option_spec specs[] = {
		{ "--old-secret-file", &secret, NULL }, { "--old-key-file", &key, NULL },
		{ NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	int exit_code;
	cJSON *body;

	if (options_read(argc, argv, specs, NULL, 0, 0, usage) < 0)
		return CLI_USAGE;
	if (secret != NULL && key != NULL)
		return usage_fail("give the old secret or the old key, not both", usage);
	body = cJSON_CreateObject();
	exit_code = body != NULL ? CLI_OK : client_no_memory();
	if (exit_code == CLI_OK && secret != NULL)
		exit_code = add_old(body, "old_secret", secret, false);
	else if (exit_code == CLI_OK && key != NULL)
		exit_code = add_old(body, "old_key", key, true);
	if (exit_code == CLI_OK)
		exit_code = client_call(cli->data_dir, "POST", "/api/settings/rekey", body, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	cJSON_Delete(body);
	reply_free(&r);
	return exit_code;
}

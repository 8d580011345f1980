/*
 * deploystackctl settings list|get|set|delete|export|import|health|rekey
 */
#include "cli/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/secret_input.h"
#include "cli/table.h"

#define VALUE_MAX 65536
#define PATH_SIZE 320

static bool setting_path(const char *key, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "/api/settings/%s", key);
	if (path_segment_is_plain(key))
		return true;
	print_error("a key is 1 to 255 letters, digits, dots, underscores or hyphens");
	return false;
}

/* ---- list ---- */

static bool hide_secrets(const cJSON *settings)
{
	cJSON *setting, *shown;

	cJSON_ArrayForEach(setting, settings) {
		if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(setting, "is_encrypted")) ||
		    !cJSON_HasObjectItem(setting, "value"))
			continue;
		shown = cJSON_CreateString("(encrypted)");
		if (!cJSON_ReplaceItemInObjectCaseSensitive(setting, "value", shown)) {
			cJSON_Delete(shown);
			return false;
		}
	}
	return true;
}

static int list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "key", "key", 100 }, { "value", "value", 60 }, { "type", "type", 10 },
		{ "group_id", "group", 40 },
	};
	static const char usage[] = "settings list [--group G] [--json] [--show-secrets]";
	const char *group = NULL;
	bool json = false, secrets = false;
	const struct option_spec specs[] = {
		{ "--group", &group, NULL }, { "--json", NULL, &json },
		{ "--show-secrets", NULL, &secrets }, { NULL, NULL, NULL },
	};
	char path[PATH_SIZE] = "/api/settings";
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, specs, NULL, 0, 0, usage) < 0)
		return CLI_USAGE;
	if (group != NULL && !path_segment_is_plain(group))
		return usage_fail("that is not the id of a group", usage);
	if (group != NULL)
		snprintf(path, sizeof(path), "/api/settings/group/%s", group);
	exit_code = client_call(cli->data_dir, "GET", path, NULL, &r);
	if (exit_code == CLI_OK && !secrets && !hide_secrets(reply_member(&r, "data")))
		exit_code = client_no_memory();
	if (exit_code == CLI_OK && json)
		exit_code = print_json(reply_member(&r, "data"));
	else if (exit_code == CLI_OK)
		table_print(reply_member(&r, "data"), columns, sizeof(columns) / sizeof(columns[0]));
	reply_free(&r);
	return exit_code;
}

/* ---- one ---- */

static const struct option_spec no_options[] = { { NULL, NULL, NULL } };

static int get(const struct cli *cli, int argc, char **argv)
{
	const char *key, *value, *found;
	char path[PATH_SIZE];
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, no_options, &key, 1, 1, "settings get KEY") < 0)
		return CLI_USAGE;
	if (!setting_path(key, path))
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", path, NULL, &r);
	if (exit_code == CLI_OK) {
		const cJSON *data = reply_member(&r, "data");

		/* "health", "groups" and "categories" are no settings behind that path. */
		found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "key"));
		value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "value"));
		if (found != NULL && strcmp(found, key) == 0 && value != NULL) {
			print_value(value);
		} else {
			print_error("the setting's value cannot be read; see settings list and settings "
			    "health");
			exit_code = CLI_FAILED;
		}
	}
	reply_free(&r);
	return exit_code;
}

static int send_setting(const struct cli *cli, const char *path, const char *key, cJSON *body)
{
	struct reply r = { 0 };
	int rc, exit_code;
	struct err e;

	rc = client_send(cli->data_dir, "PUT", path, body, &r, &e);
	if (rc == 0 && r.status == 404) {
		reply_free(&r);
		if (cJSON_AddStringToObject(body, "key", key) == NULL ||
		    cJSON_AddStringToObject(body, "type", "string") == NULL)
			return client_no_memory();
		rc = client_send(cli->data_dir, "POST", "/api/settings", body, &r, &e);
	}
	if (rc < 0)
		exit_code = client_fail(rc, &e);
	else if (r.status != 200 && r.status != 201)
		exit_code = reply_fail(&r);
	else
		exit_code = CLI_OK;
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	reply_free(&r);
	return exit_code;
}

/* The value from standard input: all of it, or one hidden line of a terminal. */
static int read_value(struct buf *value)
{
	struct err e;
	int rc = isatty(STDIN_FILENO) ? secret_ask("Value", value, &e) :
	    secret_from_file("-", value, &e);

	if (rc == 0)
		return buf_cstr(value) != NULL ? CLI_OK : client_no_memory();
	print_error(e.text);
	return CLI_FAILED;
}

static int set(const struct cli *cli, int argc, char **argv)
{
	static const char usage[] = "settings set KEY VALUE|--stdin [--encrypted]";
	bool from_stdin = false, encrypted = false;
	const struct option_spec specs[] = {
		{ "--stdin", NULL, &from_stdin }, { "--encrypted", NULL, &encrypted },
		{ NULL, NULL, NULL },
	};
	int nwords, exit_code = CLI_OK;
	const char *words[2];
	char path[PATH_SIZE];
	struct buf value;
	cJSON *body;

	nwords = options_read(argc, argv, specs, words, 1, 2, usage);
	if (nwords < 0)
		return CLI_USAGE;
	if ((nwords == 2) == from_stdin)
		return usage_fail("give either a value or --stdin", usage);
	if (!setting_path(words[0], path))
		return CLI_USAGE;
	buf_init(&value, VALUE_MAX);
	if (from_stdin)
		exit_code = read_value(&value);
	if (exit_code == CLI_OK) {
		body = cJSON_CreateObject();
		if (cJSON_AddStringToObject(body, "value", from_stdin ? buf_cstr(&value) :
		    words[1]) == NULL || (encrypted && cJSON_AddTrueToObject(body, "encrypted") == NULL))
			exit_code = client_no_memory();
		else
			exit_code = send_setting(cli, path, words[0], body);
		cJSON_Delete(body);
	}
	buf_free_secret(&value);
	return exit_code;
}

static int delete(const struct cli *cli, int argc, char **argv)
{
	struct reply r = { 0 };
	char path[PATH_SIZE];
	const char *key;
	int exit_code;

	if (options_read(argc, argv, no_options, &key, 1, 1, "settings delete KEY") < 0)
		return CLI_USAGE;
	if (!setting_path(key, path))
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "DELETE", path, NULL, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	reply_free(&r);
	return exit_code;
}

static int health(const struct cli *cli, int argc, char **argv)
{
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, no_options, NULL, 0, 0, "settings health") < 0)
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", "/api/settings/health", NULL, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	reply_free(&r);
	return exit_code;
}

int command_settings(const struct cli *cli, int argc, char **argv)
{
	static const struct subcommand table[] = {
		{ "list", list },
		{ "get", get },
		{ "set", set },
		{ "delete", delete },
		{ "export", settings_export },
		{ "import", settings_import },
		{ "health", health },
		{ "rekey", settings_rekey },
	};

	return subcommand_run(cli, argc, argv, "settings", table,
	    sizeof(table) / sizeof(table[0]));
}

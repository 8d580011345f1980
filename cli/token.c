/*
 * deploystackctl token create|list|revoke
 */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/table.h"

static bool add_scopes(cJSON *body, const char *list)
{
	cJSON *scopes = cJSON_AddArrayToObject(body, "scopes");
	size_t len;

	for (; scopes != NULL; list += len + 1) {
		char scope[64];
		cJSON *item;

		len = strcspn(list, ",");
		/* One that is cut is unknown to the daemon all the same. */
		snprintf(scope, sizeof(scope), "%.*s", (int)(len < 63 ? len : 63), list);
		item = cJSON_CreateString(scope);
		if (!cJSON_AddItemToArray(scopes, item)) {
			cJSON_Delete(item);
			return false;
		}
		if (list[len] == '\0')
			return true;
	}
	return false;
}

/* The token alone on stdout. */
static int print_token(const struct reply *r)
{
	const char *token = cJSON_GetStringValue(reply_member(r, "token"));
	const char *expires = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
	    reply_member(r, "data"), "expires_at"));
	char text[512], when[64];

	if (token == NULL) {
		print_error("deploystackd's answer holds no token");
		return CLI_FAILED;
	}
	print_clean(text, sizeof(text), token);
	puts(text);
	explicit_bzero(text, sizeof(text));
	print_clean(when, sizeof(when), expires);
	if (expires != NULL)
		fprintf(stderr, "The token is shown only now; it expires at %s.\n", when);
	else
		fputs("The token is shown only now; it never expires.\n", stderr);
	return CLI_OK;
}

static int create(const struct cli *cli, int argc, char **argv)
{
	static const char usage[] = "token create --name N --scope S[,S...] [--days D|--never] "
	    "[--plugin ID]";
	const char *name = NULL, *scopes = NULL, *days = NULL, *plugin = NULL;
	bool never = false, made;
	const struct option_spec specs[] = {
		{ "--name", &name, NULL }, { "--scope", &scopes, NULL }, { "--days", &days, NULL },
		{ "--never", NULL, &never }, { "--plugin", &plugin, NULL }, { NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	long n = 0;
	int exit_code;
	cJSON *body;

	if (options_read(argc, argv, specs, NULL, 0, 0, usage) < 0)
		return CLI_USAGE;
	if (name == NULL || scopes == NULL)
		return usage_fail("a token needs a name and scopes", usage);
	if (days != NULL && never)
		return usage_fail("--days and --never exclude each other", usage);
	if (days != NULL && !option_number(days, 1, 3650, &n))
		return usage_fail("--days takes a number from 1 to 3650", usage);
	body = cJSON_CreateObject();
	made = cJSON_AddStringToObject(body, "name", name) != NULL && add_scopes(body, scopes) &&
	    (days == NULL || cJSON_AddNumberToObject(body, "expires_in_days", (double)n) != NULL) &&
	    (!never || cJSON_AddNullToObject(body, "expires_in_days") != NULL) &&
	    (plugin == NULL || cJSON_AddStringToObject(body, "plugin_id", plugin) != NULL);
	exit_code = made ? client_call(cli->data_dir, "POST", "/api/tokens", body, &r) :
	    client_no_memory();
	if (exit_code == CLI_OK)
		exit_code = print_token(&r);
	cJSON_Delete(body);
	reply_free(&r);
	return exit_code;
}

static int list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "id", "id", 40 }, { "name", "name", 30 }, { "scopes", "scopes", 70 },
		{ "plugin_id", "plugin", 30 }, { "expires_at", "expires", 24 },
		{ "last_used_at", "last used", 24 }, { "revoked_at", "revoked", 24 },
	};
	bool json = false;
	const struct option_spec specs[] = { { "--json", NULL, &json }, { NULL, NULL, NULL } };
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, specs, NULL, 0, 0, "token list [--json]") < 0)
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", "/api/tokens", NULL, &r);
	if (exit_code == CLI_OK && json)
		exit_code = print_json(reply_member(&r, "data"));
	else if (exit_code == CLI_OK)
		table_print(reply_member(&r, "data"), columns, sizeof(columns) / sizeof(columns[0]));
	reply_free(&r);
	return exit_code;
}

static int revoke(const struct cli *cli, int argc, char **argv)
{
	static const struct option_spec none[] = { { NULL, NULL, NULL } };
	static const char usage[] = "token revoke ID";
	struct reply r = { 0 };
	int exit_code;
	const char *id;
	char path[320];

	if (options_read(argc, argv, none, &id, 1, 1, usage) < 0)
		return CLI_USAGE;
	if (!path_segment_is_plain(id))
		return usage_fail("that is not the id of a token (see token list)", usage);
	snprintf(path, sizeof(path), "/api/tokens/%s", id);
	exit_code = client_call(cli->data_dir, "DELETE", path, NULL, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	reply_free(&r);
	return exit_code;
}

int command_token(const struct cli *cli, int argc, char **argv)
{
	static const struct subcommand table[] = {
		{ "create", create }, { "list", list }, { "revoke", revoke },
	};

	return subcommand_run(cli, argc, argv, "token", table, sizeof(table) / sizeof(table[0]));
}

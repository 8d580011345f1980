/*
 * deploystackctl user create-admin|list|reset-password
 */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/secret_input.h"
#include "cli/table.h"

/* Reads a password into the member `name` of object. */
static int add_password(cJSON *object, const char *name, const char *file)
{
	struct buf password;
	int exit_code = CLI_OK;
	struct err e;

	buf_init(&password, PASSWORD_MAX);
	if (secret_password(file, &password, &e) < 0) {
		print_error(e.text);
		exit_code = CLI_FAILED;
	} else if (buf_cstr(&password) == NULL ||
	    cJSON_AddStringToObject(object, name, buf_cstr(&password)) == NULL) {
		exit_code = client_no_memory();
	}
	buf_free_secret(&password);
	return exit_code;
}

static int create_admin(const struct cli *cli, int argc, char **argv)
{
	static const char usage[] = "user create-admin --username U --email E [--password-file F]";
	const char *username = NULL, *email = NULL, *file = NULL;
	const struct option_spec specs[] = {
		{ "--username", &username, NULL }, { "--email", &email, NULL },
		{ "--password-file", &file, NULL }, { NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	int exit_code;
	cJSON *body;

	if (options_read(argc, argv, specs, NULL, 0, 0, usage) < 0)
		return CLI_USAGE;
	if (username == NULL || email == NULL)
		return usage_fail("the account needs a username and an email address", usage);
	body = cJSON_CreateObject();
	if (cJSON_AddStringToObject(body, "username", username) == NULL ||
	    cJSON_AddStringToObject(body, "email", email) == NULL ||
	    cJSON_AddStringToObject(body, "role_id", "global_admin") == NULL)
		exit_code = client_no_memory();
	else
		exit_code = add_password(body, "password", file);
	if (exit_code == CLI_OK)
		exit_code = client_call(cli->data_dir, "POST", "/api/users", body, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	cJSON_Delete(body);
	reply_free(&r);
	return exit_code;
}

static int list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "id", "id", 40 }, { "username", "username", 30 }, { "email", "email", 60 },
		{ "role_id", "role", 30 }, { "auth_type", "sign-in", 20 },
	};
	bool json = false;
	const struct option_spec specs[] = { { "--json", NULL, &json }, { NULL, NULL, NULL } };
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, specs, NULL, 0, 0, "user list [--json]") < 0)
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", "/api/users", NULL, &r);
	if (exit_code == CLI_OK && json)
		exit_code = print_json(reply_member(&r, "data"));
	else if (exit_code == CLI_OK)
		table_print(reply_member(&r, "data"), columns, sizeof(columns) / sizeof(columns[0]));
	reply_free(&r);
	return exit_code;
}

static bool has(const cJSON *user, const char *name, const char *text)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(user, name));

	return value != NULL && strcmp(value, text) == 0;
}

/* The id of the one account that is meant.  Ids go first: nobody chooses theirs, but
 * a username may be made to look like somebody else's id or email address. */
static const char *find_user(const cJSON *users, const char *name)
{
	const cJSON *user, *found = NULL;
	int n = 0;

	cJSON_ArrayForEach(user, users) {
		if (has(user, "id", name)) {
			found = user;
			n = 1;
			break;
		}
		if (has(user, "username", name) || has(user, "email", name)) {
			found = user;
			n++;
		}
	}
	if (n == 0)
		print_error("no account has that username, email address or id");
	else if (n > 1)
		print_error("several accounts have that username or email address; give the id");
	return n == 1 ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(found, "id")) : NULL;
}

static int reset_by_id(const struct cli *cli, const char *id, const char *file)
{
	cJSON *body = cJSON_CreateObject();
	struct reply r = { 0 };
	int exit_code;
	char path[320];

	snprintf(path, sizeof(path), "/api/users/%s/reset-password", id);
	exit_code = body != NULL ? add_password(body, "new_password", file) : client_no_memory();
	if (exit_code == CLI_OK)
		exit_code = client_call(cli->data_dir, "POST", path, body, &r);
	if (exit_code == CLI_OK)
		reply_print_message(&r);
	cJSON_Delete(body);
	reply_free(&r);
	return exit_code;
}

static int reset_password(const struct cli *cli, int argc, char **argv)
{
	static const char usage[] = "user reset-password USER [--password-file F]";
	const char *file = NULL, *name, *id;
	const struct option_spec specs[] = {
		{ "--password-file", &file, NULL }, { NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	int exit_code;

	if (options_read(argc, argv, specs, &name, 1, 1, usage) < 0)
		return CLI_USAGE;
	exit_code = client_call(cli->data_dir, "GET", "/api/users", NULL, &r);
	if (exit_code == CLI_OK) {
		id = find_user(reply_member(&r, "data"), name);
		if (id == NULL) {
			exit_code = CLI_FAILED;
		} else if (!path_segment_is_plain(id)) {
			print_error("the account has an id that cannot be put into a request");
			exit_code = CLI_FAILED;
		} else {
			exit_code = reset_by_id(cli, id, file);
		}
	}
	reply_free(&r);
	return exit_code;
}

int command_user(const struct cli *cli, int argc, char **argv)
{
	static const struct subcommand table[] = {
		{ "create-admin", create_admin },
		{ "list", list },
		{ "reset-password", reset_password },
	};

	return subcommand_run(cli, argc, argv, "user", table, sizeof(table) / sizeof(table[0]));
}

/*
 * deploystackctl audit [--limit N] [--json]
 */
#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/table.h"

int command_audit(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "id", "id", 20 }, { "at", "at", 24 }, { "actor_type", "by", 12 },
		{ "actor_name", "name", 30 }, { "action", "action", 40 }, { "target", "target", 60 },
		{ "address", "address", 60 },
	};
	static const char usage[] = "audit [--limit N] [--json]";
	const char *limit = NULL;
	bool json = false;
	const struct option_spec specs[] = {
		{ "--limit", &limit, NULL }, { "--json", NULL, &json }, { NULL, NULL, NULL },
	};
	struct reply r = { 0 };
	char path[64];
	long n = 100;
	int exit_code;

	if (options_read(argc, argv, specs, NULL, 0, 0, usage) < 0)
		return CLI_USAGE;
	if (limit != NULL && !option_number(limit, 1, 1000, &n))
		return usage_fail("--limit takes a number from 1 to 1000", usage);
	snprintf(path, sizeof(path), "/api/audit?limit=%ld", n);
	exit_code = client_call(cli->data_dir, "GET", path, NULL, &r);
	if (exit_code == CLI_OK && json)
		exit_code = print_json(reply_member(&r, "data"));
	else if (exit_code == CLI_OK)
		table_print(reply_member(&r, "data"), columns, sizeof(columns) / sizeof(columns[0]));
	reply_free(&r);
	return exit_code;
}

/*
 * deploystackctl reload
 */
#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

int command_reload(const struct cli *cli, int argc, char **argv)
{
	struct reply r;
	struct err e;
	int rc, exit_code = CLI_OK;

	if (argc != 0) {
		print_error("usage: deploystackctl reload");
		return CLI_USAGE;
	}
	rc = client_request(cli->data_dir, "POST", "/api/system/reload", NULL, &r, &e);
	if (rc < 0)
		return client_fail(rc, &e);
	if (r.status == 200)
		puts("reloaded");
	else
		exit_code = reply_fail(&r);
	reply_free(&r);
	return exit_code;
}

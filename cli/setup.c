/*
 * deploystackctl setup sqlite|turso
 */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

int command_setup(const struct cli *cli, int argc, char **argv)
{
	struct reply r;
	struct err e;
	char body[32];
	int rc, exit_code = CLI_OK;

	if (argc != 1 || (strcmp(argv[0], "sqlite") != 0 && strcmp(argv[0], "turso") != 0)) {
		print_error("usage: deploystackctl setup sqlite|turso");
		return CLI_USAGE;
	}
	snprintf(body, sizeof(body), "{\"type\":\"%s\"}", argv[0]);
	rc = client_request(cli->data_dir, "POST", "/api/db/setup", body, &r, &e);
	if (rc < 0)
		return client_fail(rc, &e);
	if (r.status == 200) {
		char message[512];

		print_clean(message, sizeof(message),
		    cJSON_GetStringValue(cJSON_GetObjectItem(r.json, "message")));
		puts(message);
	} else {
		exit_code = reply_fail(&r);
	}
	reply_free(&r);
	return exit_code;
}

/*
 * deploystackctl setup-token
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/print.h"

int command_setup_token(const struct cli *cli, int argc, char **argv)
{
	int dirfd, rc, exit_code = CLI_OK;
	struct buf token;
	struct err e;

	if (argc != 0) {
		print_error("usage: deploystackctl setup-token");
		return CLI_USAGE;
	}
	dirfd = data_dir_open(cli->data_dir, &e);
	if (dirfd < 0)
		return client_fail(dirfd, &e);
	buf_init(&token, 256);
	rc = data_dir_token(dirfd, "setup.token", &token, &e);
	if (rc == ERR_NOT_FOUND) {
		print_error("there is no setup token: an administrator exists already, the daemon "
		    "listens on loopback only, or it has not been started yet");
		exit_code = CLI_FAILED;
	} else if (rc < 0) {
		exit_code = client_fail(rc, &e);
	} else if (buf_cstr(&token) == NULL) {
		exit_code = client_no_memory();
	} else {
		puts(buf_cstr(&token));
	}
	buf_free_secret(&token);
	close(dirfd);
	return exit_code;
}

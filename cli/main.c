/*
 * deploystackctl: see docs/man/deploystackctl.1.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

static const struct {
	const char *name;
	int (*run)(const struct cli *cli, int argc, char **argv);
	const char *help;
} commands[] = {
	{ "status", command_status, "status [--json]      processes, sandboxes, database, migrations" },
	{ "setup", command_setup, "setup sqlite|turso   choose the database, once" },
	{ "reload", command_reload, "reload               as SIGHUP; waits for the result" },
	{ "check", command_check, "check                validate the configuration" },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	size_t i;

	fputs("usage: deploystackctl [--data-dir DIR] COMMAND\n\n", f);
	for (i = 0; i < NCOMMANDS; i++)
		fprintf(f, "  %s\n", commands[i].help);
	fputs("\n  --data-dir DIR       the daemon's PERSISTENT_DATA_DIR (default: that variable,\n"
	    "                       else persistent_data)\n"
	    "  --help, --version\n", f);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "data-dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct cli cli = { .data_dir = getenv("PERSISTENT_DATA_DIR") };
	size_t i;
	int option;

	if (cli.data_dir == NULL || *cli.data_dir == '\0')
		cli.data_dir = "persistent_data";
	/* "+": a command's own options are the command's. */
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'd') {
			cli.data_dir = optarg;
		} else if (option == 'h') {
			usage(stdout);
			return CLI_OK;
		} else if (option == 'v') {
			puts("deploystackctl " DEPLOYSTACKD_VERSION);
			return CLI_OK;
		} else {
			usage(stderr);
			return CLI_USAGE;
		}
	}
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		print_error("not enough memory");
		return CLI_FAILED;
	}
	for (i = 0; optind < argc && i < NCOMMANDS; i++)
		if (strcmp(argv[optind], commands[i].name) == 0)
			return commands[i].run(&cli, argc - optind - 1, argv + optind + 1);
	usage(stderr);
	return CLI_USAGE;
}

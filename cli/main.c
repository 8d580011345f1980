/*
 * deploystackctl: see docs/man/deploystackctl.1.
 */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
	{ "user", command_user, "user create-admin|list|reset-password" },
	{ "settings", command_settings,
	    "settings list|get|set|delete|export|import|health|rekey" },
	{ "token", command_token, "token create|list|revoke\n"
	    "                       API tokens for machines" },
	{ "audit", command_audit, "audit [--limit N] [--json]\n"
	    "                       who changed what" },
	{ "setup-token", command_setup_token, "setup-token          the token that the first setup "
	    "over the network needs" },
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

/* JSON may hold secrets: what cJSON gives back is wiped.  (With a free of its own it
 * grows texts by copying, and frees the old ones with it.) */
static void wiping_free(void *p)
{
	if (p == NULL)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* What a command printed counts only when it was written. */
static int run(const struct cli *cli, size_t command, int argc, char **argv)
{
	int exit_code = commands[command].run(cli, argc, argv);
	char text[128];

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	snprintf(text, sizeof(text), "cannot write to standard output: %s",
	    errno != 0 ? strerror(errno) : "an earlier write failed");
	print_error(text);
	return exit_code != CLI_OK ? exit_code : CLI_FAILED;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "data-dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	static const struct rlimit no_core = { 0, 0 };
	cJSON_Hooks hooks = { .malloc_fn = malloc, .free_fn = wiping_free };
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
	cJSON_InitHooks(&hooks);
	(void)setrlimit(RLIMIT_CORE, &no_core); /* a core file could hold a password */
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		print_error("not enough memory");
		return CLI_FAILED;
	}
	for (i = 0; optind < argc && i < NCOMMANDS; i++)
		if (strcmp(argv[optind], commands[i].name) == 0)
			return run(&cli, i, argc - optind - 1, argv + optind + 1);
	usage(stderr);
	return CLI_USAGE;
}

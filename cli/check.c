/*
 * deploystackctl check: deploystackd --check, of the same installation.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

int command_check(const struct cli *cli, int argc, char **argv)
{
	static const char *const places[] = { "deploystackd", "../sbin/deploystackd" };
	char exe[PATH_MAX], path[PATH_MAX + 32], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t i;

	if (argc != 0) {
		print_error("usage: deploystackctl check");
		return CLI_USAGE;
	}
	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		*slash = '\0';
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", exe, places[i]);
			execl(path, "deploystackd", "--check", (char *)NULL);
		}
	}
	print_error("cannot find deploystackd beside this program or in ../sbin");
	return CLI_FAILED;
}

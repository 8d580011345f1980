/*
 * The words behind a command's name, and commands that have commands.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "cli/commands.h"

/* One of value and given is set; an entry without a name ends a list. */
struct option_spec {
	const char *name;   /* with its hyphens */
	const char **value; /* takes an argument, which goes here */
	bool *given;        /* takes none */
};

/*
 * Sorts argv into options ("--name value", "--name=value"), which may stand anywhere
 * before a word "--", and other words, of which there must be min to max; words needs
 * room for max.  Returns their number, or -1 after a sentence with the usage.  All
 * point into argv.
 */
int options_read(int argc, char **argv, const struct option_spec *specs, const char **words,
    int min, int max, const char *usage);

/* Reads text as a whole number from min to max; false when it is not one. */
bool option_number(const char *text, long min, long max, long *out);

/* Prints a sentence and the usage; returns the exit code. */
int usage_fail(const char *sentence, const char *usage);

struct subcommand {
	const char *name;
	int (*run)(const struct cli *cli, int argc, char **argv);
};

/* Runs the one of the table (of n) that argv[0] names with the words behind it.
 * Returns the exit code. */
int subcommand_run(const struct cli *cli, int argc, char **argv, const char *command,
    const struct subcommand *table, int n);

#endif

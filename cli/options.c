/*
 * The words behind a command's name: see options.h.
 */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/client.h"
#include "cli/print.h"

int usage_fail(const char *sentence, const char *usage)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s; usage: deploystackctl %s", sentence, usage);
	print_error(text);
	return CLI_USAGE;
}

static const struct option_spec *find(const struct option_spec *specs, const char *word,
    size_t len)
{
	for (; specs->name != NULL; specs++)
		if (strlen(specs->name) == len && memcmp(specs->name, word, len) == 0)
			return specs;
	return NULL;
}

/* Takes the option at argv[i]; returns how many words it has, 0 when it is wrong. */
static int take(int argc, char **argv, int i, const struct option_spec *specs,
    const char *usage)
{
	size_t len = strcspn(argv[i], "=");
	const struct option_spec *spec = find(specs, argv[i], len);
	const char *value = argv[i][len] == '=' ? argv[i] + len + 1 : NULL;
	char text[256];
	int used = 1;

	if (spec == NULL) {
		/* Not the value, which may be a secret. */
		snprintf(text, sizeof(text), "there is no option %.*s here", (int)(len < 64 ? len : 64),
		    argv[i]);
	} else if (spec->given != NULL && value == NULL) {
		*spec->given = true;
		return used;
	} else if (spec->given != NULL) {
		snprintf(text, sizeof(text), "%s takes no value", spec->name);
	} else {
		if (value == NULL && i + 1 < argc) {
			value = argv[i + 1];
			used++;
		}
		if (value != NULL && *spec->value == NULL) {
			*spec->value = value;
			return used;
		}
		snprintf(text, sizeof(text), value == NULL ? "%s needs a value" :
		    "%s is given twice", spec->name);
	}
	usage_fail(text, usage);
	return 0;
}

int options_read(int argc, char **argv, const struct option_spec *specs, const char **words,
    int min, int max, const char *usage)
{
	int i = 0, used, n = 0;
	bool only_words = false;

	while (i < argc) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			i++;
		} else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
			used = take(argc, argv, i, specs, usage);
			if (used == 0)
				return -1;
			i += used;
		} else if (n == max) {
			usage_fail("too many words", usage);
			return -1;
		} else {
			words[n++] = argv[i++];
		}
	}
	if (n >= min)
		return n;
	usage_fail("a word is missing", usage);
	return -1;
}

bool option_number(const char *text, long min, long max, long *out)
{
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < min || n > max)
		return false;
	*out = n;
	return true;
}

int subcommand_run(const struct cli *cli, int argc, char **argv, const char *command,
    const struct subcommand *table, int n)
{
	struct buf usage;
	int i;

	for (i = 0; argc > 0 && i < n; i++)
		if (strcmp(argv[0], table[i].name) == 0)
			return table[i].run(cli, argc - 1, argv + 1);
	buf_init(&usage, 512);
	buf_printf(&usage, "usage: deploystackctl %s ", command);
	for (i = 0; i < n; i++)
		buf_printf(&usage, "%s%s", i > 0 ? "|" : "", table[i].name);
	print_error(buf_cstr(&usage) != NULL ? buf_cstr(&usage) : "not enough memory");
	buf_free(&usage);
	return CLI_USAGE;
}

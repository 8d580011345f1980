/*
 * deploystackctl settings: many at once.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/commands.h"

/* settings export [--with-secrets]: all settings as JSON on stdout. */
int settings_export(const struct cli *cli, int argc, char **argv);

/* settings import FILE|-: stores what settings_export wrote. */
int settings_import(const struct cli *cli, int argc, char **argv);

/* settings rekey [--old-secret-file F | --old-key-file F]: encrypts every secret
 * anew, with the key that the daemon has now. */
int settings_rekey(const struct cli *cli, int argc, char **argv);

#endif

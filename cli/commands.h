/*
 * One command, one file.  Each gets the words behind its name and returns the
 * exit code.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct cli {
	const char *data_dir;
};

int command_status(const struct cli *cli, int argc, char **argv);
int command_setup(const struct cli *cli, int argc, char **argv);
int command_reload(const struct cli *cli, int argc, char **argv);
int command_check(const struct cli *cli, int argc, char **argv);
int command_user(const struct cli *cli, int argc, char **argv);
int command_settings(const struct cli *cli, int argc, char **argv);
int command_token(const struct cli *cli, int argc, char **argv);
int command_audit(const struct cli *cli, int argc, char **argv);
int command_setup_token(const struct cli *cli, int argc, char **argv);

#endif

/*
 * The configuration: one table of variables (config.c), read from the real
 * environment, `.env` in the working directory, NAME_FILE and
 * $CREDENTIALS_DIRECTORY/NAME, all validated before anything starts.
 */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/secret.h"
#include "sandbox/sandbox.h"

#define CONFIG_HOSTS_MAX 32

struct config {
	char *host;
	uint32_t port;
	uint32_t api_workers;
	char *data_dir;
	char *sqlite_path;
	char *migrations_dir;
	char *settings_dir;
	char *plugins_path;
	char *turso_url;
	struct secret turso_token;
	struct secret encryption_secret;
	char *frontend_url;
	char *allowed_hosts[CONFIG_HOSTS_MAX];
	size_t nallowed_hosts;
	enum log_level log_level;
	enum sandbox_mode sandbox;
	/* Of the workers; when not started as root those of this process. */
	uid_t db_uid, api_uid;
	gid_t db_gid, api_gid;
	uint32_t heartbeat_timeout_ms, hold_timeout_ms, setup_timeout_ms, drain_timeout_ms;
	uint32_t max_connections, max_connections_per_address;
	uint32_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
};

/* What is wrong with the configuration: one sentence each, never with the
 * value of a secret. */
struct config_errors {
	char *text[32];
	size_t count;
};

void config_errors_add(struct config_errors *errors, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void config_errors_free(struct config_errors *errors);

/*
 * Keeps what the process was started with: copies the variables of the table
 * from environ and overwrites the secrets in the block that
 * /proc/PID/environ shows.  Once, first thing in main.  ERR_NOMEM.
 */
int config_capture_environment(char **environ_block);

/* Reads all sources and validates.  0 and *out (config_free), or ERR_CONFIG and
 * every error; *out is then untouched. */
int config_load(struct config *out, struct config_errors *errors);
void config_free(struct config *c);

/* Names the variables that a reload cannot change and that differ, as a list
 * "A, B"; empty when there is none. */
void config_fixed_changes(const struct config *old, const struct config *new, char *out,
    size_t size);

/* The table for --help: name, default, meaning. */
void config_write_help(FILE *f);

/* Absolute path of `name` as installed beside this executable, or in the build
 * tree; the caller frees it.  NULL when memory is exhausted. */
char *config_installed_path(const char *installed, const char *build);

#endif

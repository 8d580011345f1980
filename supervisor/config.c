/*
 * The configuration: see config.h.
 *
 * One table says of each variable what it is; parsing, validation, help and the
 * question whether a reload may change it come from there.
 */
#include "supervisor/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sources.h"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_SECRET, KIND_CUSTOM };

struct variable {
	const char *name;
	enum kind kind;
	bool fixed; /* a reload cannot change it */
	const char *fallback;
	uint32_t min, max;
	size_t offset; /* in struct config */
	/* Checks, and for KIND_CUSTOM stores; adds its own errors. */
	void (*check)(struct config *c, const char *name, const char *value,
	    struct config_errors *errors);
	const char *help;
};

void config_errors_add(struct config_errors *errors, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	if (errors->count == sizeof(errors->text) / sizeof(errors->text[0]))
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n >= 0)
		errors->text[errors->count++] = text;
}

void config_errors_free(struct config_errors *errors)
{
	size_t i;

	for (i = 0; i < errors->count; i++)
		free(errors->text[i]);
	errors->count = 0;
}

/* ---- checks ---- */

static void check_log_level(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	int level = log_level_parse(value);

	if (level < 0)
		config_errors_add(errors, "%s is \"%s\"; use fatal, error, warn, info, debug or "
		    "trace", name, value);
	else
		c->log_level = (enum log_level)level;
}

static void check_sandbox(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	int mode = sandbox_mode_parse(value);

	if (mode < 0)
		config_errors_add(errors, "%s is \"%s\"; use require, best-effort or off", name,
		    value);
	else
		c->sandbox = (enum sandbox_mode)mode;
}

/* Letters, digits, dot, hyphen, or an address in brackets. */
static bool is_host(const char *p, size_t n)
{
	size_t i;

	if (n > 2 && p[0] == '[' && p[n - 1] == ']')
		return strspn(p + 1, "0123456789abcdefABCDEF:.") == n - 2;
	for (i = 0; i < n; i++)
		if (!(p[i] == '-' || p[i] == '.' || (p[i] >= '0' && p[i] <= '9') ||
		    (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')))
			return false;
	return n > 0 && n <= 255;
}

/* Length of "scheme://" when value begins with it. */
static size_t scheme(const char *value, const char *prefix)
{
	return strncmp(value, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
}

static size_t host_length(const char *p)
{
	const char *end = *p == '[' ? strchr(p, ']') : NULL;

	return end != NULL ? (size_t)(end - p) + 1 : strcspn(p, ":/?#@");
}

static bool is_port(const char *p)
{
	char *end;
	unsigned long port;

	if (*p < '0' || *p > '9')
		return false;
	port = strtoul(p, &end, 10);
	return *end == '\0' && port > 0 && port < 65536;
}

static void check_frontend(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	size_t n = scheme(value, "https://"), host;

	if (n == 0)
		n = scheme(value, "http://");
	host = host_length(value + n);
	if (n == 0 || !is_host(value + n, host) ||
	    !(value[n + host] == '\0' || strcmp(value + n + host, "/") == 0 ||
	    (value[n + host] == ':' && is_port(value + n + host + 1))))
		config_errors_add(errors, "%s is \"%s\"; use an origin such as "
		    "https://app.example.org, without a path", name, value);
	else if (value[n + host] == '/')
		c->frontend_url[n + host] = '\0';
}

static bool is_loopback_name(const char *p, size_t n)
{
	return (n == 9 && strncmp(p, "localhost", 9) == 0) ||
	    (n >= 9 && strncmp(p, "127.", 4) == 0) ||
	    (n == 5 && strncmp(p, "[::1]", 5) == 0);
}

/* The value is not shown: a URL may carry credentials. */
static void check_turso_url(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	size_t n = scheme(value, "libsql://"), host;

	if (n == 0)
		n = scheme(value, "https://");
	if (n == 0 && (n = scheme(value, "http://")) > 0) {
		host = host_length(value + n);
		if (!is_loopback_name(value + n, host)) {
			config_errors_add(errors, "%s uses http:// with a host that is not this "
			    "machine; use libsql:// or https://", name);
			return;
		}
	}
	host = host_length(value + n);
	if (n == 0)
		config_errors_add(errors, "%s must begin with libsql:// or https:// (http:// only "
		    "for this machine)", name);
	else if (!is_host(value + n, host) ||
	    memchr(value + n, '@', strcspn(value + n, "/?#")) != NULL)
		config_errors_add(errors, "%s has no valid host name, or carries a user name; the "
		    "token belongs into TURSO_AUTH_TOKEN", name);
}

static void check_hosts(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	while (*value != '\0') {
		size_t n = strcspn(value, ","), first = strspn(value, " "), last = n;

		while (last > first && value[last - 1] == ' ')
			last--;
		if (last > first) {
			if (!is_host(value + first, last - first))
				config_errors_add(errors, "%s holds \"%.*s\", which is not a host "
				    "name; use names separated by commas, without ports", name,
				    (int)(last - first), value + first);
			else if (c->nallowed_hosts == CONFIG_HOSTS_MAX)
				config_errors_add(errors, "%s holds more than %d names", name,
				    CONFIG_HOSTS_MAX);
			else if ((c->allowed_hosts[c->nallowed_hosts] =
			    strndup(value + first, last - first)) != NULL)
				c->nallowed_hosts++;
		}
		value += n + (value[n] == ',');
	}
}

static void check_host(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	if (!is_host(value, strlen(value)) && strspn(value, "0123456789abcdefABCDEF:.") !=
	    strlen(value))
		config_errors_add(errors, "%s is \"%s\"; use an address such as 127.0.0.1, ::1 or "
		    "0.0.0.0, or a host name", name, value);
}

/* A user by name or number, never root. */
static bool find_user(const char *value, uid_t *uid, gid_t *gid)
{
	struct passwd *pw = getpwnam(value);
	char *end;
	unsigned long number;

	if (pw != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
		return *uid != 0 && *gid != 0;
	}
	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno != 0 || *end != '\0' || number == 0 || number >= UINT_MAX)
		return false;
	pw = getpwuid((uid_t)number);
	*uid = (uid_t)number;
	*gid = pw != NULL ? pw->pw_gid : (gid_t)number;
	return *gid != 0;
}

static void check_user(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	bool db = strcmp(name, "DB_WORKER_USER") == 0;
	const char *known = db ? "_deploystack-db" : "_deploystack-api";
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool found = true;

	if (geteuid() == 0 && *value == '\0')
		found = find_user(known, &uid, &gid) ||
		    find_user(db ? "60990" : "60991", &uid, &gid);
	else if (geteuid() == 0)
		found = find_user(value, &uid, &gid);
	if (!found)
		config_errors_add(errors, "%s is \"%s\"; use the name or number of an existing "
		    "user other than root", name, value);
	*(db ? &c->db_uid : &c->api_uid) = uid;
	*(db ? &c->db_gid : &c->api_gid) = gid;
}

static void check_encryption_secret(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	size_t n = strlen(value);

	if (n < 16)
		config_errors_add(errors, "%s is %s; use at least 16 characters (32 are better), or "
		    "leave it out and let setup make a key file", name,
		    n == 0 ? "empty" : "too short");
}

static void check_token(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	const char *p;

	for (p = value; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~') {
			config_errors_add(errors, "%s holds a character that a token cannot have "
			    "(a blank, a line end?)", name);
			return;
		}
	if (*value == '\0')
		config_errors_add(errors, "%s is empty; give the token or leave the variable out",
		    name);
}

static void check_path(struct config *c, const char *name, const char *value,
    struct config_errors *errors)
{
	if (*value == '\0' || strlen(value) >= PATH_MAX)
		config_errors_add(errors, "%s is %s; give a path", name,
		    *value == '\0' ? "empty" : "too long");
}

/* ---- the table ---- */

#define AT(field) .offset = offsetof(struct config, field)
#define MS(var, def, lo, hi, field, text) { .name = (var), .kind = KIND_NUMBER, .fallback = (def), \
	.min = (lo), .max = (hi), AT(field), .help = (text) }

static const struct variable table[] = {
	{ .name = "HOST", .kind = KIND_TEXT, .fixed = true, .fallback = "127.0.0.1", AT(host),
	  .check = check_host, .help = "address or name to listen on" },
	{ .name = "PORT", .kind = KIND_NUMBER, .fixed = true, .fallback = "3000", .min = 0,
	  .max = 65535, AT(port), .help = "TCP port; 0 lets the kernel choose" },
	{ .name = "API_WORKERS", .kind = KIND_NUMBER, .fixed = true, .fallback = "2", .min = 1,
	  .max = 64, AT(api_workers), .help = "number of api-workers" },
	{ .name = "PERSISTENT_DATA_DIR", .kind = KIND_TEXT, .fixed = true,
	  .fallback = "persistent_data", AT(data_dir), .check = check_path,
	  .help = "everything that must be backed up" },
	{ .name = "SQLITE_DB_PATH", .kind = KIND_TEXT, .fallback = NULL, AT(sqlite_path),
	  .check = check_path,
	  .help = "the SQLite file (default PERSISTENT_DATA_DIR/database/deploystack.db)" },
	{ .name = "TURSO_DATABASE_URL", .kind = KIND_TEXT, .fallback = NULL, AT(turso_url),
	  .check = check_turso_url, .help = "libsql:// or https:// address of the server" },
	{ .name = "TURSO_AUTH_TOKEN", .kind = KIND_SECRET, AT(turso_token), .check = check_token,
	  .help = "its token (secret)" },
	{ .name = "DEPLOYSTACK_ENCRYPTION_SECRET", .kind = KIND_SECRET, AT(encryption_secret),
	  .check = check_encryption_secret,
	  .help = "protects encrypted settings (secret; default: secret.key, made by setup)" },
	{ .name = "DEPLOYSTACK_FRONTEND_URL", .kind = KIND_TEXT, .fallback = NULL,
	  AT(frontend_url), .check = check_frontend,
	  .help = "origin of the web pages that may use this API" },
	{ .name = "ALLOWED_HOSTS", .kind = KIND_CUSTOM, .fallback = "", .check = check_hosts,
	  .help = "more names accepted in the Host header, separated by commas" },
	{ .name = "LOG_LEVEL", .kind = KIND_CUSTOM, .fallback = "info", .check = check_log_level,
	  .help = "fatal, error, warn, info, debug or trace" },
	{ .name = "SANDBOX", .kind = KIND_CUSTOM, .fixed = true, .fallback = "require",
	  .check = check_sandbox, .help = "require, best-effort or off (debugging only)" },
	{ .name = "DB_WORKER_USER", .kind = KIND_CUSTOM, .fixed = true, .fallback = "",
	  .check = check_user,
	  .help = "as root: user of the db-worker (default _deploystack-db, else 60990)" },
	{ .name = "API_WORKER_USER", .kind = KIND_CUSTOM, .fixed = true, .fallback = "",
	  .check = check_user,
	  .help = "as root: user of the api-workers (default _deploystack-api, else 60991)" },
	{ .name = "MIGRATIONS_DIR", .kind = KIND_TEXT, .fallback = NULL, AT(migrations_dir),
	  .check = check_path, .help = "migration files (default: as installed)" },
	{ .name = "GLOBAL_SETTINGS_DIR", .kind = KIND_TEXT, .fallback = NULL, AT(settings_dir),
	  .check = check_path, .help = "settings modules (default: as installed)" },
	{ .name = "PLUGINS_PATH", .kind = KIND_TEXT, .fallback = NULL, AT(plugins_path),
	  .check = check_path, .help = "plugin folders" },
	MS("HEARTBEAT_TIMEOUT_MS", "5000", 1000, 600000, heartbeat_timeout_ms,
	    "a worker silent for so long is replaced"),
	MS("HOLD_TIMEOUT_MS", "10000", 0, 600000, hold_timeout_ms,
	    "how long a request waits for the db-worker"),
	MS("SETUP_TIMEOUT_MS", "15000", 0, 600000, setup_timeout_ms,
	    "how long setup waits for the new db-worker"),
	MS("DRAIN_TIMEOUT_MS", "10000", 0, 600000, drain_timeout_ms,
	    "how long a worker may take to finish"),
	MS("MAX_CONNECTIONS", "4096", 1, 100000, max_connections,
	    "open connections of one api-worker"),
	MS("MAX_CONNECTIONS_PER_ADDRESS", "1024", 1, 100000, max_connections_per_address,
	    "of these from one address"),
	MS("HEADER_TIMEOUT_MS", "10000", 1, 600000, header_timeout_ms, "for a request's head"),
	MS("BODY_TIMEOUT_MS", "30000", 1, 600000, body_timeout_ms, "for a request's body"),
	MS("IDLE_TIMEOUT_MS", "60000", 1, 3600000, idle_timeout_ms, "between two requests"),
	MS("WRITE_TIMEOUT_MS", "30000", 1, 600000, write_timeout_ms,
	    "without progress while an answer is sent"),
};

#define NVARIABLES (sizeof(table) / sizeof(table[0]))

/* ---- loading ---- */

static void load_number(struct config *c, const struct variable *v, const char *value,
    struct config_errors *errors)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || n < v->min ||
	    n > v->max) {
		config_errors_add(errors, "%s is \"%s\"; use a whole number from %u to %u",
		    v->name, value, v->min, v->max);
		return;
	}
	*(uint32_t *)((char *)c + v->offset) = (uint32_t)n;
}

static void load_variable(struct config *c, const struct variable *v, const char *value,
    struct config_errors *errors)
{
	void *field = (char *)c + v->offset;

	if (value == NULL)
		value = v->fallback;
	if (value == NULL)
		return;
	if (v->kind == KIND_NUMBER) {
		load_number(c, v, value, errors);
		return;
	}
	if (v->kind == KIND_TEXT && (*(char **)field = strdup(value)) == NULL) {
		config_errors_add(errors, "not enough memory for the configuration");
		return;
	}
	if (v->kind == KIND_SECRET && secret_set(field, value, strlen(value)) < 0) {
		config_errors_add(errors, "not enough locked memory for %s; raise the limit "
		    "(ulimit -l)", v->name);
		return;
	}
	if (v->check != NULL)
		v->check(c, v->name, value, errors);
}

char *config_installed_path(const char *installed, const char *build)
{
	char exe[PATH_MAX], *path = NULL, *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	*slash = '\0';
	if (asprintf(&path, "%s/%s", exe, installed) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return asprintf(&path, "%s/%s", exe, build) < 0 ? NULL : path;
}

static void load_defaults(struct config *c, struct config_errors *errors)
{
	if (c->migrations_dir == NULL)
		c->migrations_dir = config_installed_path(
		    "../share/deploystackd/migrations_sqlite", "../migrations_sqlite");
	if (c->settings_dir == NULL)
		c->settings_dir = config_installed_path("../share/deploystackd/global-settings",
		    "../global-settings");
	if (c->sqlite_path == NULL && c->data_dir != NULL &&
	    asprintf(&c->sqlite_path, "%s/database/deploystack.db", c->data_dir) < 0)
		c->sqlite_path = NULL;
	if (c->migrations_dir == NULL || c->settings_dir == NULL || c->sqlite_path == NULL)
		config_errors_add(errors, "not enough memory for the configuration");
}

static bool is_secret(const char *name)
{
	size_t i;

	for (i = 0; i < NVARIABLES; i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].kind == KIND_SECRET;
	return false;
}

static bool is_known(const char *name)
{
	size_t i;

	for (i = 0; i < NVARIABLES; i++)
		if (strcmp(table[i].name, name) == 0)
			return true;
	return false;
}

int config_capture_environment(char **environ_block)
{
	return sources_capture(environ_block, is_known, is_secret);
}

int config_load(struct config *out, struct config_errors *errors)
{
	struct config c = { 0 };
	struct sources *s;
	size_t before = errors->count, i;

	s = sources_read(is_known, errors);
	for (i = 0; s != NULL && i < NVARIABLES; i++) {
		struct secret value = { 0 };
		bool file_allowed = table[i].kind == KIND_SECRET ||
		    strcmp(table[i].name, "TURSO_DATABASE_URL") == 0;
		int found = sources_get(s, table[i].name, file_allowed, &value, errors);

		if (found >= 0)
			load_variable(&c, &table[i], found ? (char *)value.data : NULL, errors);
		secret_free(&value);
	}
	sources_free(s);
	load_defaults(&c, errors);
	if (errors->count > before) {
		config_free(&c);
		return ERR_CONFIG;
	}
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	size_t i;

	for (i = 0; i < NVARIABLES; i++) {
		void *field = (char *)c + table[i].offset;

		if (table[i].kind == KIND_TEXT)
			free(*(char **)field);
		else if (table[i].kind == KIND_SECRET)
			secret_free(field);
	}
	for (i = 0; i < c->nallowed_hosts; i++)
		free(c->allowed_hosts[i]);
	memset(c, 0, sizeof(*c));
}

static bool differs(const struct variable *v, const struct config *a, const struct config *b)
{
	const char *fa = (const char *)a + v->offset, *fb = (const char *)b + v->offset;

	if (v->kind == KIND_NUMBER)
		return *(const uint32_t *)fa != *(const uint32_t *)fb;
	if (v->kind == KIND_TEXT)
		return strcmp(*(char *const *)fa, *(char *const *)fb) != 0;
	if (v->check == check_sandbox)
		return a->sandbox != b->sandbox;
	if (strcmp(v->name, "DB_WORKER_USER") == 0)
		return a->db_uid != b->db_uid;
	return a->api_uid != b->api_uid;
}

void config_fixed_changes(const struct config *old, const struct config *new, char *out,
    size_t size)
{
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < NVARIABLES; i++)
		if (table[i].fixed && differs(&table[i], old, new) && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
			    table[i].name);
}

void config_write_help(FILE *f)
{
	size_t i;

	for (i = 0; i < NVARIABLES; i++)
		fprintf(f, "  %-30s %s%s%s%s\n", table[i].name, table[i].help,
		    table[i].fallback && *table[i].fallback ? " [" : "",
		    table[i].fallback ? table[i].fallback : "",
		    table[i].fallback && *table[i].fallback ? "]" : "");
}

/*
 * Sources of configuration values: see sources.h.  Every value lives in locked
 * memory, because it may be a secret.
 */
#include "supervisor/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "supervisor/env_file.h"

#define ENTRIES_MAX 128
#define VALUE_FILE_MAX 16384

struct entry {
	char name[64];
	struct secret value;
};

struct sources {
	struct entry entry[ENTRIES_MAX];
	size_t count;
	bool (*known)(const char *name);
};

/* The environment that the process was started with. */
static struct sources environment;

/* NAME and NAME_FILE of the table, and where credentials are. */
static bool wanted(const struct sources *s, const char *name)
{
	char base[64];
	size_t n = strlen(name);

	if (s->known(name) || strcmp(name, "CREDENTIALS_DIRECTORY") == 0)
		return true;
	if (n <= 5 || n >= sizeof(base) || strcmp(name + n - 5, "_FILE") != 0)
		return false;
	memcpy(base, name, n - 5);
	base[n - 5] = '\0';
	return s->known(base);
}

static const struct entry *find(const struct sources *s, const char *name)
{
	size_t i;

	/* The last one wins, as in a shell. */
	for (i = s->count; i > 0; i--)
		if (strcmp(s->entry[i - 1].name, name) == 0)
			return &s->entry[i - 1];
	return NULL;
}

static int add(struct sources *s, const char *name, const char *value)
{
	struct entry *e;

	if (!wanted(s, name) || strlen(name) >= sizeof(e->name))
		return 0;
	if (s->count == ENTRIES_MAX)
		return ERR_FULL;
	e = &s->entry[s->count];
	memset(e, 0, sizeof(*e));
	memcpy(e->name, name, strlen(name) + 1);
	if (secret_set(&e->value, value, strlen(value)) < 0)
		return ERR_NOMEM;
	s->count++;
	return 0;
}

int sources_capture(char **environ_block, bool (*known)(const char *name),
    bool (*secret)(const char *name))
{
	char **p;

	environment.known = known;
	for (p = environ_block; *p != NULL; p++) {
		char *eq = strchr(*p, '='), name[64];
		size_t n = eq != NULL ? (size_t)(eq - *p) : 0;

		if (n == 0 || n >= sizeof(name))
			continue;
		memcpy(name, *p, n);
		name[n] = '\0';
		if (add(&environment, name, eq + 1) < 0)
			return ERR_NOMEM;
		if (secret(name))
			explicit_bzero(eq + 1, strlen(eq + 1));
	}
	return 0;
}

static int add_line(void *arg, const char *name, const char *value, struct err *e)
{
	int rc = add(arg, name, value);

	if (rc < 0)
		return err_set(e, rc, ".env holds too many variables");
	return 0;
}

struct sources *sources_read(bool (*known)(const char *name), struct config_errors *errors)
{
	struct sources *s = calloc(1, sizeof(*s));
	struct err e;

	if (s == NULL) {
		config_errors_add(errors, "not enough memory for the configuration");
		return NULL;
	}
	s->known = known;
	if (env_file_read(".env", add_line, s, &e) < 0) {
		config_errors_add(errors, "%s", e.text);
		sources_free(s);
		return NULL;
	}
	return s;
}

void sources_free(struct sources *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->count; i++)
		secret_free(&s->entry[i].value);
	free(s);
}

/* The content of a file, without the line end at its end. */
static int read_value_file(const char *name, const char *path, bool optional,
    struct secret *value, struct config_errors *errors)
{
	struct buf b;
	struct stat st;
	ssize_t n = -1;
	int fd, rc = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (optional && errno == ENOENT)
			return 0;
		config_errors_add(errors, "%s: cannot open the file %s: %s", name, path,
		    strerror(errno));
		return -1;
	}
	buf_init(&b, VALUE_FILE_MAX + 1);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > VALUE_FILE_MAX ||
	    buf_reserve(&b, VALUE_FILE_MAX + 1) < 0 ||
	    (n = read(fd, b.data, VALUE_FILE_MAX)) < 0) {
		config_errors_add(errors, "%s: %s is not a readable regular file of at most %d "
		    "bytes", name, path, VALUE_FILE_MAX);
		goto out;
	}
	while (n > 0 && (b.data[n - 1] == '\n' || b.data[n - 1] == '\r'))
		n--;
	if (memchr(b.data, '\0', (size_t)n) != NULL) {
		config_errors_add(errors, "%s: the file %s holds a NUL byte", name, path);
		goto out;
	}
	rc = secret_set(value, b.data, (size_t)n) < 0 ? -1 : 1;
	if (rc < 0)
		config_errors_add(errors, "not enough locked memory for %s", name);
out:
	close(fd);
	buf_free_secret(&b);
	return rc;
}

static int get_from(const struct sources *s, const char *where, const char *name,
    bool file_allowed, struct secret *value, struct config_errors *errors)
{
	char file_name[80];
	const struct entry *direct = find(s, name), *file = NULL;

	snprintf(file_name, sizeof(file_name), "%s_FILE", name);
	if (file_allowed)
		file = find(s, file_name);
	if (direct != NULL && file != NULL) {
		config_errors_add(errors, "%s and %s are both set in %s; keep one", name, file_name,
		    where);
		return -1;
	}
	if (file != NULL)
		return read_value_file(file_name, (const char *)file->value.data, false, value,
		    errors);
	if (direct == NULL)
		return 0;
	if (secret_set(value, direct->value.data, direct->value.len) < 0) {
		config_errors_add(errors, "not enough locked memory for %s", name);
		return -1;
	}
	return 1;
}

int sources_get(const struct sources *s, const char *name, bool file_allowed,
    struct secret *value, struct config_errors *errors)
{
	const struct entry *dir = find(&environment, "CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int rc;

	rc = get_from(&environment, "the environment", name, file_allowed, value, errors);
	if (rc == 0)
		rc = get_from(s, ".env", name, file_allowed, value, errors);
	if (rc == 0 && file_allowed && dir != NULL &&
	    (size_t)snprintf(path, sizeof(path), "%s/%s", (const char *)dir->value.data,
	    name) < sizeof(path))
		rc = read_value_file(name, path, true, value, errors);
	return rc;
}

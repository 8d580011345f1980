/*
 * `.env`: see env_file.h.  Values may be secrets: no error shows one, and every
 * buffer is wiped.
 */
#include "supervisor/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define ENV_FILE_MAX 65536

static bool is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	    (!first && c >= '0' && c <= '9');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The part of a line behind its value may only be blank or a comment. */
static bool only_comment(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && is_blank(*p))
		p++;
	return p == end || (*p == '#' && p > start);
}

/* A quoted value; returns where it ends, or NULL when it does not. */
static const char *quoted(const char *p, const char *end, struct buf *out)
{
	const char quote = *p++;

	while (p < end && *p != quote) {
		char c = *p++;

		if (c == '\\' && quote == '"' && p < end) {
			c = *p++;
			if (c == 'n')
				c = '\n';
			else if (c == 't')
				c = '\t';
			else if (c != '\\' && c != '"' && c != '$')
				buf_putc(out, '\\');
		}
		buf_putc(out, c);
	}
	return p < end ? p + 1 : NULL;
}

static const char *unquoted(const char *p, const char *end, struct buf *out)
{
	const char *start = p;

	while (p < end && !(*p == '#' && (p == start || is_blank(p[-1]))))
		p++;
	while (p > start && is_blank(p[-1]))
		p--;
	buf_append(out, start, (size_t)(p - start));
	return p;
}

static int parse_line(const char *file, size_t number, const char *p, const char *end,
    env_file_visit visit, void *arg, struct err *e)
{
	char name[128];
	size_t n = 0;
	struct buf value;
	int rc = 0;

	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p == '#')
		return 0;
	if (end - p > 7 && memcmp(p, "export ", 7) == 0)
		p += 7;
	while (p < end && is_name_char(*p, n == 0) && n < sizeof(name) - 1)
		name[n++] = *p++;
	name[n] = '\0';
	while (p < end && is_blank(*p))
		p++;
	if (n == 0 || p == end || *p != '=')
		return err_set(e, ERR_CONFIG, "%s line %zu is not NAME=VALUE", file, number);
	p++;
	while (p < end && is_blank(*p))
		p++;
	buf_init(&value, ENV_FILE_MAX);
	p = p < end && (*p == '"' || *p == '\'') ? quoted(p, end, &value) :
	    unquoted(p, end, &value);
	if (p == NULL)
		rc = err_set(e, ERR_CONFIG, "%s line %zu: the quote is not closed", file, number);
	else if (!only_comment(p, end))
		rc = err_set(e, ERR_CONFIG, "%s line %zu: something follows the closing quote",
		    file, number);
	else if (value.len > 0 && memchr(value.data, '\0', value.len) != NULL)
		rc = err_set(e, ERR_CONFIG, "%s line %zu holds a NUL byte", file, number);
	else if (value.failed || buf_cstr(&value) == NULL)
		rc = err_set(e, ERR_NOMEM, "not enough memory to read %s", file);
	else
		rc = visit(arg, name, buf_cstr(&value), e);
	buf_free_secret(&value);
	return rc;
}

int env_file_parse(const char *name, const char *text, size_t len, env_file_visit visit,
    void *arg, struct err *e)
{
	const char *p = text, *end = text + len;
	size_t number = 1;
	int rc = 0;

	for (; rc == 0 && p < end; number++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (eol == NULL)
			eol = end;
		rc = parse_line(name, number, p, eol, visit, arg, e);
		p = eol + (eol < end);
	}
	return rc;
}

static int read_content(int fd, const char *path, struct buf *b, struct err *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a regular file", path);
	if (st.st_mode & 022)
		return err_set(e, ERR_CONFIG, "%s may be written by others; run: chmod go-w %s",
		    path, path);
	if (st.st_size > ENV_FILE_MAX || buf_reserve(b, ENV_FILE_MAX) < 0)
		return err_set(e, ERR_CONFIG, "%s is larger than %d bytes", path, ENV_FILE_MAX);
	while ((n = read(fd, b->data + b->len, b->max - b->len)) > 0)
		b->len += (size_t)n;
	if (n < 0)
		return err_set_errno(e, ERR_CONFIG, errno, "cannot read %s", path);
	return 0;
}

int env_file_read(const char *path, env_file_visit visit, void *arg, struct err *e)
{
	struct buf b;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		return err_set_errno(e, ERR_CONFIG, errno, "cannot open %s", path);
	}
	buf_init(&b, ENV_FILE_MAX);
	rc = read_content(fd, path, &b, e);
	close(fd);
	if (rc == 0)
		rc = env_file_parse(path, (const char *)b.data, b.len, visit, arg, e);
	buf_free_secret(&b);
	return rc;
}

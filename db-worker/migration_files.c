/*
 * The migration folder: see migration_files.h.
 *
 * Invariant: what is loaded is whole.  There is no state in which some files
 * of the journal are in memory and others are not.
 */
#include "db-worker/migration_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"

#define JOURNAL "meta/_journal.json"
#define JOURNAL_MAX (1u << 20)
#define SCHEMA_FILE "schema.sql"
#define WHEN_MAX 253402300799999.0 /* 9999-12-31, ms; exact in a double */

void migration_files_free(struct migration_files *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++)
		free(m->items[i].sql);
	free(m->items);
	m->items = NULL;
	m->count = 0;
}

/* A tag becomes a file name, so it may hold nothing that leads elsewhere. */
static bool is_tag(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > MIGRATION_TAG_MAX || tag[0] == '.')
		return false;
	return strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "._-") == len;
}

static int check_entry(const struct migration_files *m, const struct migration *next,
    struct err *e)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct migration *before = &m->items[i];

		if (strcmp(before->tag, next->tag) == 0)
			return err_set(e, ERR_CONFIG, "two entries have the tag %s", next->tag);
		if (before->when == next->when)
			return err_set(e, ERR_CONFIG, "%s and %s have the same time", before->tag,
			    next->tag);
	}
	if (m->count > 0 && m->items[m->count - 1].when > next->when)
		return err_set(e, ERR_CONFIG, "%s is dated before %s, which comes before it",
		    next->tag, m->items[m->count - 1].tag);
	return 0;
}

/* Appends what one journal entry says, without its file. */
static int add_entry(struct migration_files *m, const cJSON *entry, struct err *e)
{
	const cJSON *idx = cJSON_GetObjectItemCaseSensitive(entry, "idx");
	const cJSON *when = cJSON_GetObjectItemCaseSensitive(entry, "when");
	const cJSON *tag = cJSON_GetObjectItemCaseSensitive(entry, "tag");
	struct migration *next = &m->items[m->count];
	int rc;

	if (!cJSON_IsNumber(idx) || idx->valuedouble != (double)m->count)
		return err_set(e, ERR_CONFIG, "entry %zu does not have idx %zu", m->count,
		    m->count);
	if (!cJSON_IsString(tag) || !is_tag(tag->valuestring))
		return err_set(e, ERR_CONFIG, "entry %zu has no usable tag", m->count);
	if (!cJSON_IsNumber(when) || !(when->valuedouble >= 0) ||
	    when->valuedouble > WHEN_MAX ||
	    when->valuedouble != (double)(int64_t)when->valuedouble)
		return err_set(e, ERR_CONFIG, "entry %s has no usable time in when",
		    tag->valuestring);
	memset(next, 0, sizeof(*next));
	memcpy(next->tag, tag->valuestring, strlen(tag->valuestring) + 1); /* is_tag bounds it */
	next->when = (int64_t)when->valuedouble;
	rc = check_entry(m, next, e);
	if (rc == 0)
		m->count++;
	return rc;
}

static int parse_journal(struct migration_files *m, const struct buf *text, struct err *e)
{
	static const struct json_limits limits = { 8, MIGRATIONS_MAX * 8 };
	const cJSON *dialect, *entries, *entry;
	struct err why = { 0 };
	cJSON *root;
	size_t n;
	int rc;

	rc = json_parse((const char *)text->data, text->len, &limits, &root, &why);
	if (rc < 0)
		return err_set(e, rc == ERR_NOMEM ? rc : ERR_CONFIG, "%s", why.text);
	dialect = cJSON_GetObjectItemCaseSensitive(root, "dialect");
	entries = cJSON_GetObjectItemCaseSensitive(root, "entries");
	n = cJSON_IsArray(entries) ? (size_t)cJSON_GetArraySize(entries) : 0;
	if (!cJSON_IsString(dialect) || strcmp(dialect->valuestring, "sqlite") != 0)
		rc = err_set(e, ERR_CONFIG, "its dialect is not \"sqlite\"");
	else if (!cJSON_IsArray(entries))
		rc = err_set(e, ERR_CONFIG, "it has no list \"entries\"");
	else if (n > MIGRATIONS_MAX)
		rc = err_set(e, ERR_CONFIG, "it has more than %d entries", MIGRATIONS_MAX);
	else if (!(m->items = calloc(n + 1, sizeof(*m->items))))
		rc = err_set(e, ERR_NOMEM, "not enough memory");
	else {
		cJSON_ArrayForEach(entry, entries) {
			rc = add_entry(m, entry, e);
			if (rc < 0)
				break;
		}
	}
	cJSON_Delete(root);
	return rc;
}

static int load_journal(struct migration_files *m, int dirfd, struct err *e)
{
	struct buf text;
	int metafd, rc;

	buf_init(&text, JOURNAL_MAX);
	metafd = fs_open_subdir(dirfd, "meta", e);
	if (metafd < 0)
		return metafd;
	rc = fs_read_file(metafd, "_journal.json", &text, e);
	close(metafd);
	if (rc == 0) {
		rc = parse_journal(m, &text, e);
		if (rc < 0)
			err_prefix(e, "the journal %s is not valid", JOURNAL);
	}
	buf_free(&text);
	return rc;
}

static int load_file(struct migration *m, int dirfd, size_t room, struct err *e)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char name[NAME_MAX + 1];
	struct buf text;
	int rc;

	snprintf(name, sizeof(name), "%s.sql", m->tag);
	buf_init(&text, room < MIGRATION_FILE_MAX ? room : MIGRATION_FILE_MAX);
	rc = fs_read_file(dirfd, name, &text, e);
	if (rc == ERR_NOT_FOUND)
		rc = err_set(e, ERR_CONFIG, "the migration file %s is missing although the "
		    "journal lists it; restore it", name);
	else if (rc == 0 && text.len > 0 && memchr(text.data, '\0', text.len))
		rc = err_set(e, ERR_CONFIG, "the migration file %s holds a zero byte", name);
	else if (rc == 0 && json_utf8_prefix((const char *)text.data, text.len) != text.len)
		rc = err_set(e, ERR_CONFIG, "the migration file %s is not UTF-8", name);
	if (rc == 0) {
		crypto_hash_sha256(digest, text.data, text.len);
		sodium_bin2hex(m->hash, sizeof(m->hash), digest, sizeof(digest));
		m->len = text.len;
		m->sql = malloc(text.len + 1);
		if (!m->sql)
			rc = err_set(e, ERR_NOMEM, "not enough memory to read %s", name);
	}
	if (rc == 0) {
		if (text.len > 0)
			memcpy(m->sql, text.data, text.len);
		m->sql[text.len] = '\0';
	}
	buf_free(&text);
	return rc;
}

static bool has_entry(const struct migration_files *m, const char *name, size_t taglen)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strlen(m->items[i].tag) == taglen &&
		    strncmp(m->items[i].tag, name, taglen) == 0)
			return true;
	}
	return false;
}

/* A file without entry is most likely a journal that was not committed. */
static int check_strays(const struct migration_files *m, int dirfd, struct err *e)
{
	const struct dirent *d;
	int fd, rc = 0;
	DIR *dir;

	fd = dup(dirfd);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = err_set_errno(e, ERR_IO, errno, "cannot list the migrations");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len > 4 && strcmp(d->d_name + len - 4, ".sql") == 0 &&
		    strcmp(d->d_name, SCHEMA_FILE) != 0 && !has_entry(m, d->d_name, len - 4))
			rc = err_set(e, ERR_CONFIG, "the migration file %s has no entry in %s; "
			    "add the entry or remove the file", d->d_name, JOURNAL);
	}
	if (rc == 0 && errno != 0)
		rc = err_set_errno(e, ERR_IO, errno, "cannot list the migrations");
	closedir(dir);
	return rc;
}

int migration_files_load(struct migration_files *out, const char *folder, struct err *e)
{
	struct migration_files m = { 0 };
	size_t total = 0;
	struct buf real;
	const char *path;
	int dirfd, rc;

	/* The folder is part of the program, which may be reached by a link. */
	buf_init(&real, PATH_MAX);
	path = fs_real_path(folder, &real) == 0 ? buf_cstr(&real) : NULL;
	dirfd = fs_open_dir(path ? path : folder, e);
	buf_free(&real);
	if (dirfd < 0)
		return err_prefix(e, "MIGRATIONS_DIR");
	rc = sodium_init() < 0 ? err_set(e, ERR_INTERNAL, "libsodium does not start") :
	    load_journal(&m, dirfd, e);
	for (size_t i = 0; rc == 0 && i < m.count; i++) {
		rc = load_file(&m.items[i], dirfd, MIGRATIONS_TOTAL_MAX - total, e);
		total += m.items[i].len;
	}
	if (rc == 0)
		rc = check_strays(&m, dirfd, e);
	close(dirfd);
	if (rc < 0) {
		err_prefix(e, "MIGRATIONS_DIR %s", folder);
		migration_files_free(&m);
		return rc;
	}
	*out = m;
	return 0;
}

/*
 * A folder of migrations as drizzle-kit writes it, in memory:
 * `meta/_journal.json` and one `TAG.sql` for each of its entries.
 */
#ifndef DB_WORKER_MIGRATION_FILES_H
#define DB_WORKER_MIGRATION_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MIGRATIONS_MAX 4096
#define MIGRATION_FILE_MAX (4u << 20)     /* bytes of one file */
#define MIGRATIONS_TOTAL_MAX (32u << 20)  /* bytes of all files */
#define MIGRATION_TAG_MAX 200
#define MIGRATION_HASH_SIZE 65 /* SHA-256 in hexadecimal and its NUL */

struct migration {
	char tag[MIGRATION_TAG_MAX + 1]; /* the file's name without .sql */
	int64_t when;                    /* of the journal, ms since 1970 */
	char hash[MIGRATION_HASH_SIZE];  /* of the whole file */
	char *sql;                       /* len bytes and a NUL */
	size_t len;
};

struct migration_files {
	struct migration *items; /* in order of idx */
	size_t count;
};

/*
 * Reads the folder.  Journal and files must agree: idx counts from 0, tags and
 * times are unique and times increase with idx (a tool that goes by time would
 * skip the others), every entry has its file, and every *.sql but schema.sql
 * has its entry.  ERR_CONFIG with a sentence that names the file.  *out is
 * untouched on failure; migration_files_free.
 */
int migration_files_load(struct migration_files *out, const char *folder, struct err *e);

/* Frees the content; {0} is fine. */
void migration_files_free(struct migration_files *m);

#endif

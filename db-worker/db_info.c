/*
 * Message db_info: what the database is.
 */
#include <string.h>

#include "db-worker/handlers.h"
#include "db-worker/migrate.h"
#include "db-worker/services.h"

static const char *tag_of(const struct migration_files *files, const char *hash)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		if (strcmp(files->items[i].hash, hash) == 0)
			return files->items[i].tag;
	return "";
}

static void add_migrations(struct request *q, const struct result *applied)
{
	struct msg_db_info_reply *reply = &q->reply.db_info_reply;
	size_t i, n = applied->nrows < MIGRATIONS_MAX ? applied->nrows : MIGRATIONS_MAX;

	reply->migrations.items = request_alloc(q, (n + 1) * sizeof(*reply->migrations.items));
	for (i = 0; i < n && q->code == 0; i++) {
		struct rec_migration *m = &reply->migrations.items[i];
		const char *hash = sql_text(applied, i, 0);

		m->hash = request_text(q, hash != NULL ? hash : "");
		m->tag = m->hash != NULL ? tag_of(&q->services->installation->migrations, m->hash) : "";
		m->created_at = sql_integer(applied, i, 1);
	}
	reply->migrations.count = (uint32_t)n;
}

void db_info(struct request *q)
{
	const struct driver *driver = q->db.driver;
	char *version = request_alloc(q, 64);
	struct result applied = { 0 };
	uint64_t size = 0;
	struct err e;
	int rc;

	if (version == NULL)
		return;
	msg_init(&q->reply, MSG_db_info_reply, q->in.id);
	rc = driver->info(q->db.conn, version, &size, &e);
	if (rc == 0)
		rc = migrate_applied(driver, q->db.conn, &applied, &e);
	if (rc == 0) {
		q->reply.db_info_reply.engine = q->services->engine;
		q->reply.db_info_reply.engine_version = version;
		q->reply.db_info_reply.size_bytes = size;
		add_migrations(q, &applied);
	} else {
		request_fail_with(q, &e);
	}
	result_free(&applied);
}

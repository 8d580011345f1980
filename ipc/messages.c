/*
 * The message table, generated from ipc/messages.def, and the message
 * reference made from it.
 *
 * Invariants, checked while compiling: numbers are unique and below
 * NUMBER_LIMIT; no payload may exceed a frame; a message of which a reply is
 * wanted is not itself a reply; what may be sent again is a request.
 */
#include "ipc/messages.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/frame.h"

#define NUMBER_LIMIT 1024 /* keeps the look-up table small */
#define ROLES (IPC_SUPERVISOR | IPC_API | IPC_DB)

/* The number of fields of each record and message. */
enum {
#define RECORD_BEGIN(name, summary) NFIELDS_rec_##name = 0
#define RECORD_END(name) ,
#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) NFIELDS_msg_##name = 0
#define MESSAGE_END(name) ,
#define BOOL(name, doc) + 1
#define U8(name, doc) + 1
#define U16(name, doc) + 1
#define U32(name, doc) + 1
#define U64(name, doc) + 1
#define I64(name, doc) + 1
#define TEXT(name, max, doc) + 1
#define STRING(name, max, doc) + 1
#define BYTES(name, max, doc) + 1
#define LIST(name, record, max, doc) + 1
#include "ipc/messages.def"
	NFIELDS_END
};

/* A number that is used twice is an enumerator that is defined twice. */
enum {
#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) NUMBER_##number##_USED_ONCE,
#include "ipc/messages.def"
	NUMBER_END
};

#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) \
	_Static_assert((number) > 0 && (number) < NUMBER_LIMIT, #name ": number"); \
	_Static_assert((max) <= FRAME_PAYLOAD_MAX, #name ": payload over the frame's limit"); \
	_Static_assert(((from) & ~ROLES) == 0 && ((to) & ~ROLES) == 0 && (from) && (to), \
	    #name ": roles"); \
	_Static_assert(!((props) & MSG_REQUEST) || !((props) & MSG_REPLY), \
	    #name ": request and reply"); \
	_Static_assert(!((props) & MSG_RESEND) || ((props) & MSG_REQUEST), \
	    #name ": only a request can be sent again");
#include "ipc/messages.def"

/* ---- records and fields ---- */

#define RECORD_BEGIN(name, summary) static const struct record_info info_of_rec_##name;
#include "ipc/messages.def"

/* One function for each structure that returns its fields; the last row is
 * only there because C has no empty arrays. */
#define FIELDS_BEGIN(structure) \
	static const struct field_info *fields_of_##structure(void) \
	{ \
		typedef struct structure self; \
		static const struct field_info fields[] = {
#define FIELDS_END \
			{ .name = NULL, .offset = sizeof(self) }, \
		}; \
		return fields; \
	}
#define FIELD(field, kind_, max_, record_, doc_) \
	{ .name = #field, .kind = (kind_), .offset = offsetof(self, field), \
	    .max = (max_), .record = (record_), .doc = (doc_) },

#define RECORD_BEGIN(name, summary) FIELDS_BEGIN(rec_##name)
#define RECORD_END(name) FIELDS_END
#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) FIELDS_BEGIN(msg_##name)
#define MESSAGE_END(name) FIELDS_END
#define BOOL(name, doc) FIELD(name, FIELD_BOOL, 0, NULL, doc)
#define U8(name, doc) FIELD(name, FIELD_U8, 0, NULL, doc)
#define U16(name, doc) FIELD(name, FIELD_U16, 0, NULL, doc)
#define U32(name, doc) FIELD(name, FIELD_U32, 0, NULL, doc)
#define U64(name, doc) FIELD(name, FIELD_U64, 0, NULL, doc)
#define I64(name, doc) FIELD(name, FIELD_I64, 0, NULL, doc)
#define TEXT(name, max, doc) FIELD(name, FIELD_TEXT, max, NULL, doc)
#define STRING(name, max, doc) FIELD(name, FIELD_STRING, max, NULL, doc)
#define BYTES(name, max, doc) FIELD(name, FIELD_BYTES, max, NULL, doc)
#define LIST(name, record, max, doc) \
	FIELD(name, FIELD_LIST, max, &info_of_rec_##record, doc)
#include "ipc/messages.def"

#define INFO(name_, structure, summary) \
	{ .name = #name_, .size = sizeof(struct structure), \
	    .fields = fields_of_##structure, .nfields = NFIELDS_##structure, \
	    .doc = (summary) }

#define RECORD_BEGIN(name, summary) \
	static const struct record_info info_of_rec_##name = INFO(name, rec_##name, summary);
#include "ipc/messages.def"

/* ---- messages ---- */

/* What each message's CREDENTIAL line says. */
static const struct {
	bool present;
	enum permission permission;
} credentials[NUMBER_LIMIT] = {
#define CREDENTIAL(message, permission) [MSG_##message] = { true, PERMISSION_##permission },
#include "ipc/messages.def"
};

const struct msg_info msg_table[] = {
#define MESSAGE_BEGIN(name, number, from_, to_, max, props, summary) \
	{ .type = MSG_##name, .from = (from_), .to = (to_), .max_payload = (max), \
	    .properties = (props), .body = INFO(name, msg_##name, summary) },
#include "ipc/messages.def"
};

const size_t msg_table_count = sizeof(msg_table) / sizeof(msg_table[0]);

/* Position in the table. */
enum {
#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) INDEX_##name,
#include "ipc/messages.def"
	INDEX_COUNT
};

_Static_assert(sizeof(msg_table) / sizeof(msg_table[0]) == INDEX_COUNT, "one row a message");

static const struct msg_info *const by_number[NUMBER_LIMIT] = {
#define MESSAGE_BEGIN(name, number, from, to, max, props, summary) \
	[number] = &msg_table[INDEX_##name],
#include "ipc/messages.def"
};

const struct msg_info *msg_info(unsigned type)
{
	return type < NUMBER_LIMIT ? by_number[type] : NULL;
}

bool msg_has_credential(enum ipc_type type, enum permission *needed)
{
	*needed = credentials[type].permission;
	return credentials[type].present;
}

/* Where a message's body begins; all members of the union begin there. */
static void *body_of(const struct msg *m)
{
	return (void *)(uintptr_t)&m->ping;
}

static const struct field_info *credential_fields(const struct msg *m)
{
	return msg_info(m->type)->body.fields(); /* kind and text come first */
}

void msg_set_credential(struct msg *m, enum ipc_credential kind, const char *text)
{
	const struct field_info *f = credential_fields(m);
	char *body = body_of(m);

	*(uint8_t *)(body + f[0].offset) = (uint8_t)kind;
	memcpy(body + f[1].offset, &text, sizeof(text));
}

enum ipc_credential msg_credential(const struct msg *m, const char **text)
{
	const struct field_info *f = credential_fields(m);
	const char *body = body_of(m);

	memcpy(text, body + f[1].offset, sizeof(*text));
	return (enum ipc_credential)*(const uint8_t *)(body + f[0].offset);
}

void msg_init(struct msg *m, enum ipc_type type, uint64_t id)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->id = id;
	m->fd = -1;
}

void msg_free(struct msg *m)
{
	if (!m)
		return;
	if (m->owned) {
		sodium_memzero(m->owned, m->owned_len);
		free(m->owned);
		if (m->fd >= 0)
			close(m->fd);
	}
	sodium_memzero(m, sizeof(*m));
	m->fd = -1;
}

/* ---- the reference ---- */

static void write_roles(FILE *f, unsigned roles)
{
	static const struct {
		unsigned role;
		const char *name;
	} names[] = {
		{ IPC_SUPERVISOR, "supervisor" },
		{ IPC_API, "api-worker" },
		{ IPC_DB, "db-worker" },
	};
	const char *separator = "";
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (roles & names[i].role) {
			fprintf(f, "%s%s", separator, names[i].name);
			separator = ", ";
		}
	}
}

static void write_properties(FILE *f, unsigned properties)
{
	static const struct {
		unsigned property;
		const char *text;
	} texts[] = {
		{ MSG_ONCE, "at most once on a channel" },
		{ MSG_FD, "carries one descriptor" },
		{ MSG_REQUEST, "wants a reply" },
		{ MSG_RESEND, "may be sent again when the peer died" },
		{ MSG_REPLY, "is a reply" },
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (properties & texts[i].property)
			fprintf(f, "; %s", texts[i].text);
	}
}

static void write_type(FILE *f, const struct field_info *field)
{
	static const char *const names[] = {
		[FIELD_BOOL] = "BOOL",
		[FIELD_U8] = "U8",
		[FIELD_U16] = "U16",
		[FIELD_U32] = "U32",
		[FIELD_U64] = "U64",
		[FIELD_I64] = "I64",
		[FIELD_TEXT] = "TEXT",
		[FIELD_STRING] = "STRING",
		[FIELD_BYTES] = "BYTES",
		[FIELD_LIST] = "LIST",
	};

	fputs(names[field->kind], f);
	if (field->record)
		fprintf(f, " of [%s](#record-%s), at most %lu", field->record->name,
		    field->record->name, (unsigned long)field->max);
	else if (field->max)
		fprintf(f, ", at most %lu bytes", (unsigned long)field->max);
}

static void write_fields(FILE *f, const struct record_info *record)
{
	const struct field_info *fields = record->fields();
	size_t i;

	if (record->nfields == 0) {
		fputs("No fields.\n\n", f);
		return;
	}
	fputs("| field | type | meaning |\n| --- | --- | --- |\n", f);
	for (i = 0; i < record->nfields; i++) {
		fprintf(f, "| `%s` | ", fields[i].name);
		write_type(f, &fields[i]);
		fprintf(f, " | %s |\n", fields[i].doc);
	}
	fputs("\n", f);
}

void msg_write_docs(void *stdio_file)
{
	static const struct record_info *const records[] = {
#define RECORD_BEGIN(name, summary) &info_of_rec_##name,
#include "ipc/messages.def"
	};
	FILE *f = stdio_file;
	size_t i;

	fputs("# Messages\n\n"
	    "Made by `make docs` from `ipc/messages.def`; do not edit.\n"
	    "Frame: `ipc/frame.h`.  Encoding of the fields: `ipc/codec.h`.\n\n"
	    "| number | message | from | to | payload at most |\n"
	    "| --- | --- | --- | --- | --- |\n", f);
	for (i = 0; i < msg_table_count; i++) {
		const struct msg_info *m = &msg_table[i];

		fprintf(f, "| %d | [%s](#%s) | ", (int)m->type, m->body.name, m->body.name);
		write_roles(f, m->from);
		fputs(" | ", f);
		write_roles(f, m->to);
		fprintf(f, " | %lu bytes |\n", (unsigned long)m->max_payload);
	}
	for (i = 0; i < msg_table_count; i++) {
		const struct msg_info *m = &msg_table[i];

		fprintf(f, "\n## %s\n\n%s", m->body.name, m->body.doc);
		write_properties(f, m->properties);
		fputs(".\n\n", f);
		write_fields(f, &m->body);
	}
	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		fprintf(f, "\n## Record: %s\n\n%s.\n\n", records[i]->name, records[i]->doc);
		write_fields(f, records[i]);
	}
}

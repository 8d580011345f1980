/*
 * Who sent a request: see authorize.h.
 *
 * Invariants: the cache never holds an identity that was read before the last
 * identities_forget; what is stored and compared is a hash of the credential, never
 * its text.
 */
#include "db-worker/authorize.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define SLOTS 1024
#define HASH_BYTES 32
#define RANDOM_BYTES 32
#define RANDOM_TEXT 43 /* base64 of RANDOM_BYTES */
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct slot {
	uint64_t generation; /* when it is another one the slot is empty */
	unsigned char hash[HASH_BYTES];
	struct identity identity;
};

struct identities {
	pthread_mutex_t lock;
	uint64_t generation;
	bool has_operator;
	unsigned char operator_hash[HASH_BYTES];
	struct slot slots[SLOTS];
};

/* ---- credentials ---- */

static void hash_of(const char *text, unsigned char hash[HASH_BYTES])
{
	crypto_generichash(hash, HASH_BYTES, (const unsigned char *)text, strlen(text), NULL, 0);
}

void credential_hash(const char *text, char hash[65])
{
	unsigned char bytes[HASH_BYTES];

	hash_of(text, bytes);
	sodium_bin2hex(hash, 65, bytes, sizeof(bytes));
}

void credential_new(const char *prefix, char text[CREDENTIAL_TEXT_SIZE], char hash[65])
{
	unsigned char bytes[RANDOM_BYTES];
	size_t len = strlen(prefix);

	randombytes_buf(bytes, sizeof(bytes));
	memcpy(text, prefix, len);
	sodium_bin2base64(text + len, CREDENTIAL_TEXT_SIZE - len, bytes, sizeof(bytes), BASE64);
	sodium_memzero(bytes, sizeof(bytes));
	credential_hash(text, hash);
}

void id_new(char id[ID_SIZE])
{
	unsigned char bytes[15];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(id, ID_SIZE, bytes, sizeof(bytes), BASE64);
}

/* Whether text could be a credential with that prefix at all. */
static bool has_form(const char *text, const char *prefix)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_";
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 && strlen(text) == len + RANDOM_TEXT &&
	    strspn(text + len, alphabet) == RANDOM_TEXT;
}

/* ---- the cache ---- */

int identities_new(struct identities **out, struct err *e)
{
	struct identities *ids = calloc(1, sizeof(*ids));

	if (ids == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the sessions");
	pthread_mutex_init(&ids->lock, NULL);
	ids->generation = 1;
	*out = ids;
	return 0;
}

void identities_free(struct identities *ids)
{
	if (ids == NULL)
		return;
	pthread_mutex_destroy(&ids->lock);
	sodium_memzero(ids, sizeof(*ids));
	free(ids);
}

void identities_set_operator(struct identities *ids, const void *hash, size_t len)
{
	ids->has_operator = len == HASH_BYTES;
	if (ids->has_operator)
		memcpy(ids->operator_hash, hash, HASH_BYTES);
}

void identities_forget(struct identities *ids)
{
	pthread_mutex_lock(&ids->lock);
	ids->generation++;
	pthread_mutex_unlock(&ids->lock);
}

static bool has_expired(const struct identity *who)
{
	return who->expires_at != 0 && who->expires_at <= clock_wall_ms() / 1000;
}

static struct slot *slot_of(struct identities *ids, const unsigned char hash[HASH_BYTES])
{
	return &ids->slots[(hash[0] | hash[1] << 8) % SLOTS];
}

static void set_operator(struct identity *out)
{
	*out = (struct identity){ .kind = IDENTITY_OPERATOR, .permissions = UINT32_MAX };
	memcpy(out->id, "operator", sizeof("operator"));
	memcpy(out->name, "operator", sizeof("operator"));
}

int identities_find(struct identities *ids, enum ipc_credential kind, const char *text,
    struct identity *out)
{
	unsigned char hash[HASH_BYTES];
	struct slot *slot;
	bool found;

	*out = (struct identity){ .kind = IDENTITY_NONE };
	if (text == NULL || kind == IPC_CREDENTIAL_NONE)
		return 1;
	hash_of(text, hash);
	if (kind == IPC_CREDENTIAL_TOKEN && has_form(text, OPERATOR_TOKEN_PREFIX)) {
		if (ids->has_operator &&
		    sodium_memcmp(hash, ids->operator_hash, HASH_BYTES) == 0)
			set_operator(out);
		return 1;
	}
	if (!has_form(text, kind == IPC_CREDENTIAL_TOKEN ? API_TOKEN_PREFIX : ""))
		return 1;
	pthread_mutex_lock(&ids->lock);
	slot = slot_of(ids, hash);
	found = slot->generation == ids->generation && memcmp(slot->hash, hash, HASH_BYTES) == 0;
	if (found)
		*out = slot->identity;
	pthread_mutex_unlock(&ids->lock);
	if (found && has_expired(out))
		*out = (struct identity){ .kind = IDENTITY_NONE };
	return found;
}

static void remember(struct identities *ids, uint64_t generation,
    const unsigned char hash[HASH_BYTES], const struct identity *who)
{
	struct slot *slot = slot_of(ids, hash);

	pthread_mutex_lock(&ids->lock);
	if (generation == ids->generation) {
		slot->generation = generation;
		memcpy(slot->hash, hash, HASH_BYTES);
		slot->identity = *who;
	}
	pthread_mutex_unlock(&ids->lock);
}

/* ---- the database ---- */

enum permission scope_permission(const char *scope, size_t len)
{
	static const struct {
		const char *scope;
		enum permission permission;
	} settings[] = {
		{ "settings:read", PERMISSION_settings_view },
		{ "settings:write", PERMISSION_settings_edit },
		{ "settings:delete", PERMISSION_settings_delete },
	};
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strlen(settings[i].scope) == len && memcmp(settings[i].scope, scope, len) == 0)
			return settings[i].permission;
	return memchr(scope, ':', len) != NULL ? permission_find(scope, len) : PERMISSION_public;
}

static enum permission role_permission(const char *name, size_t len)
{
	/* What has a colon is for API tokens only. */
	return memchr(name, ':', len) == NULL ? permission_find(name, len) : PERMISSION_public;
}

/* The mask of a JSON array of names; names that are none of ours give nothing. */
static uint32_t mask_of(const char *json, enum permission (*find)(const char *, size_t))
{
	cJSON *root = NULL;
	const cJSON *item;
	uint32_t mask = 0;

	if (json == NULL || json_parse(json, strlen(json), NULL, &root, NULL) < 0)
		return 0;
	cJSON_ArrayForEach(item, root) {
		if (cJSON_IsString(item)) {
			enum permission p = find(item->valuestring, strlen(item->valuestring));

			mask |= p != PERMISSION_public ? PERMISSION_BIT(p) : 0;
		}
	}
	cJSON_Delete(root);
	return mask;
}

static void copy(char *out, size_t size, const char *text)
{
	size_t len = text != NULL ? strnlen(text, size - 1) : 0;

	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
}

static void read_session(const struct result *r, const char *id, struct identity *out)
{
	out->kind = IDENTITY_USER;
	out->expires_at = sql_integer(r, 0, 0);
	copy(out->id, sizeof(out->id), sql_text(r, 0, 1));
	copy(out->name, sizeof(out->name), sql_text(r, 0, 2));
	out->permissions = mask_of(sql_text(r, 0, 3), role_permission);
	copy(out->session, sizeof(out->session), id);
	if (out->expires_at <= 0)
		out->expires_at = 1; /* 0 would be "never" */
}

static void read_token(const struct result *r, struct identity *out)
{
	if (result_value(r, 0, 5)->kind != VALUE_NULL)
		return; /* revoked */
	out->kind = IDENTITY_TOKEN;
	out->expires_at = sql_integer(r, 0, 0);
	copy(out->id, sizeof(out->id), sql_text(r, 0, 1));
	copy(out->name, sizeof(out->name), sql_text(r, 0, 2));
	out->permissions = mask_of(sql_text(r, 0, 3), scope_permission);
	copy(out->plugin_id, sizeof(out->plugin_id), sql_text(r, 0, 4));
}

int identities_look_up(struct identities *ids, const struct db *db, enum ipc_credential kind,
    const char *text, struct identity *out, struct err *e)
{
	unsigned char hash[HASH_BYTES];
	struct result r = { 0 };
	uint64_t generation;
	char id[65];
	int rc;

	*out = (struct identity){ .kind = IDENTITY_NONE };
	hash_of(text, hash);
	sodium_bin2hex(id, sizeof(id), hash, sizeof(hash));
	pthread_mutex_lock(&ids->lock);
	generation = ids->generation;
	pthread_mutex_unlock(&ids->lock);
	rc = SQL(db, &r, e, kind == IPC_CREDENTIAL_TOKEN ?
	    "SELECT expires_at, id, name, scopes, plugin_id, revoked_at FROM apiTokens "
	    "WHERE token_hash = ?" :
	    "SELECT s.expires_at, u.id, u.username, r.permissions FROM authSession s "
	    "JOIN authUser u ON u.id = s.user_id LEFT JOIN roles r ON r.id = u.role_id "
	    "WHERE s.id = ?", value_text(id));
	if (rc == 0 && r.nrows == 1) {
		if (kind == IPC_CREDENTIAL_TOKEN)
			read_token(&r, out);
		else
			read_session(&r, id, out);
		if (out->kind != IDENTITY_NONE && has_expired(out))
			*out = (struct identity){ .kind = IDENTITY_NONE };
		if (out->kind != IDENTITY_NONE)
			remember(ids, generation, hash, out);
	}
	result_free(&r);
	return rc;
}

int identity_check(const struct identity *who, enum permission needed, struct err *e)
{
	bool may = (unsigned)needed < PERMISSION_COUNT;

	if (needed == PERMISSION_public)
		return 0;
	if (who->kind == IDENTITY_NONE)
		return err_set(e, ERR_UNKNOWN_CALLER, "Authentication required");
	if (needed == PERMISSION_session)
		may = who->kind == IDENTITY_USER;
	else if (needed == PERMISSION_operator)
		may = who->kind == IDENTITY_OPERATOR;
	else
		may = may && (who->permissions & PERMISSION_BIT(needed));
	return may ? 0 : err_set(e, ERR_DENIED, "Insufficient permissions");
}

/*
 * The selection file and its marker: see selection.h.
 *
 * Invariant: no failure is ever reported as "none".
 */
#include "base/selection.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"

#define REMEDY "restore it from a backup, then reload"
#define VERSION "1.0"

static const char *const engines[] = { "sqlite", "turso" };

static bool known_engine(const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		if (strcmp(name, engines[i]) == 0)
			return true;
	}
	return false;
}

/* The shape of clock_iso8601: digits where it has digits, else its signs. */
static bool is_time(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == '0' ? !digit : text[i] != shape[i])
			return false;
	}
	return true;
}

/* The text of a member, NULL when it is missing or not a string. */
static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static int parse(const char *text, size_t len, struct selection *out, struct err *e)
{
	const char *type, *at, *version;
	struct err why = { 0 };
	cJSON *root;
	int rc;

	rc = json_parse(text, len, NULL, &root, &why);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "not enough memory to read %s", SELECTION_FILE);
	if (rc < 0)
		return err_set(e, ERR_CORRUPT, "%s is damaged (%s); " REMEDY, SELECTION_FILE,
		    why.text);
	rc = ERR_CORRUPT;
	type = text_of(root, "type");
	at = text_of(root, "selectedAt");
	version = text_of(root, "version");
	if (!cJSON_IsObject(root) || cJSON_GetArraySize(root) != 3 || !type || !at || !version)
		err_set(e, rc, "%s is damaged (it must have exactly the texts type, "
		    "selectedAt and version); " REMEDY, SELECTION_FILE);
	else if (strcmp(version, VERSION) != 0)
		err_set(e, rc, "%s has a version other than " VERSION "; install the "
		    "program that wrote it, or " REMEDY, SELECTION_FILE);
	else if (!known_engine(type))
		err_set(e, rc, "%s names an engine that is neither sqlite nor turso; " REMEDY,
		    SELECTION_FILE);
	else if (!is_time(at))
		err_set(e, rc, "%s has a selectedAt that is not an ISO 8601 time in UTC with "
		    "milliseconds; " REMEDY, SELECTION_FILE);
	else
		rc = 0;
	if (rc == 0) {
		memset(out, 0, sizeof(*out));
		/* known_engine and is_time bound both. */
		memcpy(out->engine, type, strlen(type) + 1);
		memcpy(out->selected_at, at, strlen(at) + 1);
	}
	cJSON_Delete(root);
	return rc;
}

/* Read as root, a file that nobody may read or everybody may write would look
 * fine; it is a sign that somebody touched it. */
static int check_mode(int dirfd, struct err *e)
{
	struct stat st;

	if (fstatat(dirfd, SELECTION_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot examine %s", SELECTION_FILE);
	if ((st.st_mode & S_IRUSR) == 0)
		return err_set(e, ERR_DENIED, "%s is not readable by its owner (mode %04o); "
		    "set mode 0600, then reload", SELECTION_FILE, st.st_mode & 07777u);
	if ((st.st_mode & S_IWOTH) != 0)
		return err_set(e, ERR_DENIED, "%s is writable by everybody (mode %04o); check "
		    "its content, set mode 0600, then reload", SELECTION_FILE,
		    st.st_mode & 07777u);
	return 0;
}

int selection_read(int data_dirfd, struct selection *out, struct err *e)
{
	struct err why = { 0 };
	struct buf text;
	int rc;

	buf_init(&text, SELECTION_MAX_BYTES);
	rc = fs_read_file(data_dirfd, SELECTION_FILE, &text, &why);
	if (rc == ERR_NOT_FOUND) {
		rc = 0;
	} else if (rc < 0) {
		err_set(e, rc, "the selection file cannot be used (%s); repair or restore it, "
		    "then reload", why.text);
	} else {
		rc = check_mode(data_dirfd, e);
		if (rc == 0)
			rc = parse((const char *)text.data, text.len, out, e);
		if (rc == 0)
			rc = 1;
	}
	buf_free(&text);
	return rc;
}

int selection_write(int data_dirfd, const char *engine, struct err *e)
{
	char now[CLOCK_ISO_SIZE];
	struct buf text;
	int rc;

	if (!known_engine(engine))
		return err_set(e, ERR_INVALID, "there is no engine of that name");
	clock_iso8601(clock_wall_ms(), now);
	buf_init(&text, SELECTION_MAX_BYTES);
	rc = buf_printf(&text, "{\"type\":\"%s\",\"selectedAt\":\"%s\",\"version\":\"" VERSION
	    "\"}\n", engine, now);
	if (rc < 0)
		err_set(e, rc, "not enough memory to write %s", SELECTION_FILE);
	else
		rc = fs_write_file(data_dirfd, SELECTION_FILE, text.data, text.len, 0600, e);
	buf_free(&text);
	return rc;
}

int selection_marker_exists(int data_dirfd, struct err *e)
{
	return fs_exists(data_dirfd, SELECTION_MARKER, e);
}

int selection_marker_write(int data_dirfd, struct err *e)
{
	static const char text[] = "Setup of this data directory was completed. "
	    "Keep this file: it makes a lost db.selection.json an error.\n";

	return fs_write_file(data_dirfd, SELECTION_MARKER, text, sizeof(text) - 1, 0600, e);
}

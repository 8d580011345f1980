/*
 * Strict JSON: see json.h.
 *
 * A validator of our own reads the text once and enforces what json.h
 * promises; only a text that passed reaches cJSON (1.7.15), whose parser takes
 * any control character for white space, cuts numbers at 63 characters, ends
 * strings at U+0000, keeps duplicate members and reads beyond some malformed
 * texts.
 *
 * Invariants of the validator: pos <= len; recursion is at most max_depth
 * deep (and cJSON's, which has its own limit of 1000, never deeper); each byte
 * is looked at a bounded number of times.
 *
 * Member names: every name is hashed, with the number of its object in front
 * and a key that is new for each text, to 128 bits (SipHash-2-4-128), and
 * looked up in one open-addressing table for the whole text.  Equal hashes are
 * taken for equal names: nobody can find two others without the key.
 *
 * cJSON_ParseWithLength writes a global (cJSON_GetErrorPtr): a lock is around it.
 */
#include "base/json.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define NUMBER_MAX 63      /* characters; cJSON's own buffer */
#define DEPTH_CAP 512      /* whatever the caller asks for: bounds the stack */
#define NAMES_FIRST 64     /* slots; a power of two */

const struct json_limits json_limits_default = { .max_depth = 32, .max_members = 10000 };

struct name_hash {
	uint64_t half[2]; /* both 0: free slot */
};

struct validator {
	const char *text;
	size_t len;
	size_t pos;
	const struct json_limits *limits;
	size_t members;
	uint64_t objects;
	struct buf name; /* number of the object, then the decoded name */
	struct name_hash *names;
	size_t names_cap;
	size_t names_used;
	uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	struct err *e;
};

static int fail_at(struct validator *v, size_t pos, const char *reason)
{
	return err_set(v->e, ERR_INVALID, "invalid JSON at byte %zu: %s", pos, reason);
}

static int fail(struct validator *v, const char *reason)
{
	return fail_at(v, v->pos, reason);
}

static int out_of_memory(struct validator *v)
{
	return err_set(v->e, ERR_NOMEM, "not enough memory for the JSON text");
}

/* The next character, or -1 at the end. */
static int peek(const struct validator *v)
{
	return v->pos < v->len ? (unsigned char)v->text[v->pos] : -1;
}

static void skip_space(struct validator *v)
{
	int c;

	while ((c = peek(v)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		v->pos++;
}

/* ---- member names ---- */

static struct name_hash *find_slot(struct name_hash *names, size_t cap,
    const struct name_hash *h)
{
	size_t i = h->half[0] & (cap - 1);

	while ((names[i].half[0] || names[i].half[1]) &&
	    (names[i].half[0] != h->half[0] || names[i].half[1] != h->half[1]))
		i = (i + 1) & (cap - 1);
	return &names[i];
}

static int grow_names(struct validator *v)
{
	size_t cap = v->names_cap ? v->names_cap * 2 : NAMES_FIRST, i;
	struct name_hash *names = calloc(cap, sizeof(*names));

	if (!names)
		return out_of_memory(v);
	for (i = 0; i < v->names_cap; i++) {
		if (v->names[i].half[0] || v->names[i].half[1])
			*find_slot(names, cap, &v->names[i]) = v->names[i];
	}
	free(v->names);
	v->names = names;
	v->names_cap = cap;
	return 0;
}

/* Records the name in v->name; pos is where it starts in the text. */
static int add_name(struct validator *v, size_t pos)
{
	struct name_hash h, *slot;
	uint8_t digest[crypto_shorthash_siphashx24_BYTES];
	int rc;

	_Static_assert(sizeof(digest) == sizeof(h), "a hash is 128 bits");
	if (v->names_used * 2 >= v->names_cap) {
		rc = grow_names(v);
		if (rc < 0)
			return rc;
	}
	crypto_shorthash_siphashx24(digest, v->name.data, v->name.len, v->key);
	memcpy(&h, digest, sizeof(h));
	if (!h.half[0] && !h.half[1])
		h.half[0] = 1;
	slot = find_slot(v->names, v->names_cap, &h);
	if (slot->half[0] || slot->half[1])
		return fail_at(v, pos, "a member name appears twice in one object");
	*slot = h;
	v->names_used++;
	return 0;
}

/* ---- strings ---- */

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four hexadecimal digits at pos + 2 ("\u" is at pos); -1 when they are not. */
static int32_t unit_at(const struct validator *v, size_t pos)
{
	int32_t unit = 0;
	size_t i;

	if (v->len - pos < 6)
		return -1;
	for (i = 2; i < 6; i++) {
		int digit = hex_value((unsigned char)v->text[pos + i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* A \u escape, or two that are a surrogate pair; pos is at the backslash. */
static int unicode_escape(struct validator *v, uint32_t *cp)
{
	int32_t high = unit_at(v, v->pos), low;

	if (high < 0)
		return fail(v, "\\u needs four hexadecimal digits");
	if (high == 0)
		return fail(v, "U+0000 is not allowed");
	if (high < 0xd800 || high > 0xdfff) {
		v->pos += 6;
		*cp = (uint32_t)high;
		return 0;
	}
	if (high > 0xdbff || v->len - v->pos < 12 || v->text[v->pos + 6] != '\\' ||
	    v->text[v->pos + 7] != 'u')
		return fail(v, "a lone surrogate");
	low = unit_at(v, v->pos + 6);
	if (low < 0xdc00 || low > 0xdfff)
		return fail(v, "a lone surrogate");
	v->pos += 12;
	*cp = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
	return 0;
}

static int escape(struct validator *v, uint32_t *cp)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (v->len - v->pos < 2)
		return fail(v, "the text ends inside a string");
	if (v->text[v->pos + 1] == 'u')
		return unicode_escape(v, cp);
	at = v->text[v->pos + 1] ? strchr(from, v->text[v->pos + 1]) : NULL;
	if (!at)
		return fail(v, "an unknown escape sequence");
	*cp = (unsigned char)to[at - from];
	v->pos += 2;
	return 0;
}

/* A string from its opening to its closing quote; a member name is decoded
 * into v->name. */
static int string(struct validator *v, bool is_name)
{
	v->pos++;
	for (;;) {
		int c = peek(v), rc;
		uint32_t cp = 0;
		char utf8[4];
		size_t n;

		if (c < 0)
			return fail(v, "the text ends inside a string");
		if (c == '"') {
			v->pos++;
			return 0;
		}
		if (c < 0x20)
			return fail(v, "a control character inside a string");
		if (c == '\\') {
			rc = escape(v, &cp);
			if (rc < 0)
				return rc;
		} else {
			n = utf8_decode(v->text + v->pos, v->len - v->pos, &cp);
			if (n == 0)
				return fail(v, "invalid UTF-8");
			v->pos += n;
		}
		if (is_name && buf_append(&v->name, utf8, utf8_encode(cp, utf8)) < 0)
			return out_of_memory(v);
	}
}

/* ---- numbers and words ---- */

static size_t digits(struct validator *v)
{
	size_t start = v->pos;
	int c;

	while ((c = peek(v)) >= '0' && c <= '9')
		v->pos++;
	return v->pos - start;
}

static int check_number_value(struct validator *v, size_t start)
{
	char copy[NUMBER_MAX + 1], *dot;
	size_t n = v->pos - start;

	if (n > NUMBER_MAX)
		return fail_at(v, start, "a number longer than 63 characters");
	memcpy(copy, v->text + start, n);
	copy[n] = '\0';
	/* strtod wants the locale's decimal point, as cJSON gives it. */
	dot = strchr(copy, '.');
	if (dot)
		*dot = localeconv()->decimal_point[0];
	if (!isfinite(strtod(copy, NULL)))
		return fail_at(v, start, "a number outside the range of a double");
	return 0;
}

static int number(struct validator *v)
{
	size_t start = v->pos;

	if (peek(v) == '-')
		v->pos++;
	if (peek(v) == '0')
		v->pos++;
	else if (digits(v) == 0)
		return fail(v, "a digit is missing");
	if (peek(v) == '.') {
		v->pos++;
		if (digits(v) == 0)
			return fail(v, "a digit is missing after the decimal point");
	}
	if (peek(v) == 'e' || peek(v) == 'E') {
		v->pos++;
		if (peek(v) == '+' || peek(v) == '-')
			v->pos++;
		if (digits(v) == 0)
			return fail(v, "a digit is missing in the exponent");
	}
	return check_number_value(v, start);
}

static int word(struct validator *v, const char *expected)
{
	size_t n = strlen(expected);

	if (v->len - v->pos < n || memcmp(v->text + v->pos, expected, n) != 0)
		return fail(v, "a value is expected");
	v->pos += n;
	return 0;
}

/* ---- structure ---- */

static int value(struct validator *v, size_t depth);

static int count_member(struct validator *v)
{
	if (v->members >= v->limits->max_members)
		return fail(v, "too many members and elements");
	v->members++;
	return 0;
}

/* "name": */
static int member_name(struct validator *v, uint64_t object)
{
	size_t start = v->pos;
	int rc;

	if (peek(v) != '"')
		return fail(v, "a member name in quotes is expected");
	buf_clear(&v->name);
	if (buf_append(&v->name, &object, sizeof(object)) < 0)
		return out_of_memory(v);
	rc = string(v, true);
	if (rc == 0)
		rc = add_name(v, start);
	if (rc < 0)
		return rc;
	skip_space(v);
	if (peek(v) != ':')
		return fail(v, "a colon is expected after a member name");
	v->pos++;
	skip_space(v);
	return 0;
}

/* An array or object, from its opening to its closing bracket. */
static int container(struct validator *v, size_t depth, bool object)
{
	const char end = object ? '}' : ']';
	uint64_t number_of_object = v->objects;
	int rc;

	if (depth >= v->limits->max_depth || depth >= DEPTH_CAP)
		return fail(v, "too many nested arrays and objects");
	if (object)
		v->objects++;
	v->pos++;
	skip_space(v);
	if (peek(v) == end) {
		v->pos++;
		return 0;
	}
	for (;;) {
		rc = count_member(v);
		if (rc == 0 && object)
			rc = member_name(v, number_of_object);
		if (rc == 0)
			rc = value(v, depth + 1);
		if (rc < 0)
			return rc;
		skip_space(v);
		if (peek(v) == end) {
			v->pos++;
			return 0;
		}
		if (peek(v) != ',')
			return fail(v, object ? "a comma or } is expected" :
			    "a comma or ] is expected");
		v->pos++;
		skip_space(v);
	}
}

static int value(struct validator *v, size_t depth)
{
	switch (peek(v)) {
	case '{':
		return container(v, depth, true);
	case '[':
		return container(v, depth, false);
	case '"':
		return string(v, false);
	case 't':
		return word(v, "true");
	case 'f':
		return word(v, "false");
	case 'n':
		return word(v, "null");
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return number(v);
	case -1:
		return fail(v, "the text ends too early");
	default:
		return fail(v, "a value is expected");
	}
}

static int validate(const char *text, size_t len, const struct json_limits *limits,
    struct err *e)
{
	struct validator v = { .text = text, .len = len, .limits = limits, .e = e };
	int rc;

	/* No name is longer than the text. */
	buf_init(&v.name, len + sizeof(uint64_t));
	randombytes_buf(v.key, sizeof(v.key));
	skip_space(&v);
	rc = value(&v, 0);
	if (rc == 0) {
		skip_space(&v);
		if (v.pos != len)
			rc = fail(&v, "something follows the value");
	}
	buf_free(&v.name);
	free(v.names);
	return rc;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int json_parse(const char *text, size_t len, const struct json_limits *limits, cJSON **out,
    struct err *e)
{
	cJSON *tree;
	int rc;

	if (len == 0)
		return err_set(e, ERR_INVALID, "invalid JSON at byte 0: the text is empty");
	rc = validate(text, len, limits ? limits : &json_limits_default, e);
	if (rc < 0)
		return rc;
	/* The grammar was checked: all that can be wrong now is memory. */
	pthread_mutex_lock(&lock);
	tree = cJSON_ParseWithLength(text, len);
	pthread_mutex_unlock(&lock);
	if (!tree)
		return err_set(e, ERR_NOMEM, "not enough memory for the JSON text");
	*out = tree;
	return 0;
}

size_t json_utf8_prefix(const char *text, size_t len)
{
	return utf8_prefix(text, len);
}

/* Characters that stand in a JSON string as they are: the longest run. */
static size_t plain_run(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' &&
	    text[i] != '\\')
		i++;
	return i;
}

int json_put_string(struct buf *b, const char *text, size_t len)
{
	size_t start = b->len, done = 0, n;
	uint32_t cp;
	int rc = buf_putc(b, '"');

	while (rc == 0 && done < len) {
		n = plain_run(text + done, len - done);
		if (n > 0) {
			rc = buf_append(b, text + done, n);
			done += n;
			continue;
		}
		n = utf8_decode(text + done, len - done, &cp);
		if (n == 0) {
			rc = buf_append(b, "\xef\xbf\xbd", 3);
			n = 1;
		} else if (cp == '"' || cp == '\\') {
			rc = buf_printf(b, "\\%c", (char)cp);
		} else if (utf8_is_control(cp)) {
			rc = buf_printf(b, "\\u%04x", (unsigned)cp);
		} else {
			rc = buf_append(b, text + done, n);
		}
		done += n;
	}
	if (rc == 0)
		rc = buf_putc(b, '"');
	if (rc < 0)
		b->len = start;
	return rc;
}

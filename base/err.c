/*
 * Errors as values: see err.h.  Invariant: the text of a struct err is valid
 * UTF-8 without control characters, whatever the arguments were, so that it
 * can go to a log, a client or a channel as it is.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const char *const names[] = {
	[-ERR_OK] = "ok",
	[-ERR_NOMEM] = "nomem",
	[-ERR_IO] = "io",
	[-ERR_INVALID] = "invalid",
	[-ERR_CONFIG] = "config",
	[-ERR_PROTOCOL] = "protocol",
	[-ERR_CLOSED] = "closed",
	[-ERR_FULL] = "full",
	[-ERR_TIMEOUT] = "timeout",
	[-ERR_NOT_FOUND] = "not_found",
	[-ERR_EXISTS] = "exists",
	[-ERR_DENIED] = "denied",
	[-ERR_CORRUPT] = "corrupt",
	[-ERR_UNAVAILABLE] = "unavailable",
	[-ERR_CONSTRAINT] = "constraint",
	[-ERR_SQL] = "sql",
	[-ERR_INTERRUPTED] = "interrupted",
	[-ERR_UNSUPPORTED] = "unsupported",
	[-ERR_INTERNAL] = "internal",
	[-ERR_UNKNOWN_CALLER] = "unknown_caller",
	[-ERR_LIMITED] = "limited",
	[-ERR_WRONG_PASSWORD] = "wrong_password",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == -ERR_CODE_LAST + 1,
    "every error code has a name");

const char *err_name(int code)
{
	if (code > 0 || code < ERR_CODE_LAST)
		return "unknown";
	return names[-code];
}

/* Makes the text what the invariant says, in place.  A character that the
 * end of the buffer cut in two is dropped. */
static void clean(char text[ERR_TEXT_MAX])
{
	size_t len = strnlen(text, ERR_TEXT_MAX - 1), from = 0, to = 0, n;
	int full = len == ERR_TEXT_MAX - 1;
	uint32_t cp;

	while (from < len) {
		n = utf8_decode(text + from, len - from, &cp);
		if (n == 0) {
			if (full && len - from < 4 && (text[from] & 0xc0) == 0xc0)
				break;
			text[to++] = '?';
			from++;
		} else if (utf8_is_control(cp)) {
			text[to++] = ' ';
			from += n;
		} else {
			memmove(text + to, text + from, n);
			to += n;
			from += n;
		}
	}
	text[to] = '\0';
}

__attribute__((format(printf, 2, 0)))
static void format(char text[ERR_TEXT_MAX], const char *fmt, va_list ap)
{
	if (vsnprintf(text, ERR_TEXT_MAX, fmt, ap) < 0)
		text[0] = '\0';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (!e)
		return code;
	/* By way of a second buffer, since an argument may be e->text. */
	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	clean(text);
	e->code = code;
	e->retry_after_s = 0;
	memcpy(e->text, text, sizeof(e->text));
	return code;
}

int err_set_errno(struct err *e, int code, int errnum, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], reason[128];
	size_t len;
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	len = strlen(text);
	/* The GNU strerror_r: thread-safe, returns the text. */
	snprintf(text + len, sizeof(text) - len, ": %s",
	    strerror_r(errnum, reason, sizeof(reason)));
	clean(text);
	e->code = code;
	e->retry_after_s = 0;
	memcpy(e->text, text, sizeof(e->text));
	return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	size_t len;
	va_list ap;

	if (!e)
		return ERR_INTERNAL;
	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len, ": %.*s",
	    (int)(sizeof(text) - len - 1), e->text);
	clean(text);
	memcpy(e->text, text, sizeof(e->text));
	return e->code;
}

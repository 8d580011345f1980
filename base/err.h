/*
 * Errors as values.
 *
 * Library code never logs and never exits: it returns 0 or a negative
 * enum err_code and, where the caller passed a struct err, one sentence that
 * says what is wrong and what to do.  The main layers decide whether that
 * sentence goes to the log, to a client, or both.  A sentence never holds a
 * secret.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum err_code {
	ERR_OK = 0,
	ERR_NOMEM = -1,        /* memory exhausted */
	ERR_IO = -2,           /* a system call on a file or socket failed */
	ERR_INVALID = -3,      /* the caller's input is wrong */
	ERR_CONFIG = -4,       /* the operator's configuration is wrong */
	ERR_PROTOCOL = -5,     /* the peer broke a protocol; close the channel */
	ERR_CLOSED = -6,       /* the peer is gone */
	ERR_FULL = -7,         /* a bounded queue or buffer is full */
	ERR_TIMEOUT = -8,      /* a deadline passed */
	ERR_NOT_FOUND = -9,    /* the named thing does not exist */
	ERR_EXISTS = -10,      /* the named thing exists already */
	ERR_DENIED = -11,      /* not permitted */
	ERR_CORRUPT = -12,     /* stored state is damaged or was tampered with */
	ERR_UNAVAILABLE = -13, /* try again later */
	ERR_CONSTRAINT = -14,  /* an SQL constraint was violated */
	ERR_SQL = -15,         /* the SQL statement is wrong */
	ERR_INTERRUPTED = -16, /* interrupted on request */
	ERR_UNSUPPORTED = -17, /* the kernel or the engine cannot do this */
	ERR_INTERNAL = -18,    /* a broken invariant */
	ERR_UNKNOWN_CALLER = -19, /* no credential, or one that is not valid */
	ERR_LIMITED = -20,     /* too many attempts; retry_after_s says when again */
	ERR_WRONG_PASSWORD = -21, /* no such account, or not its password */
	ERR_CODE_LAST = -21
};

#define ERR_TEXT_MAX 512

struct err {
	int code; /* enum err_code */
	unsigned retry_after_s; /* of ERR_LIMITED; 0: not known */
	char text[ERR_TEXT_MAX];
};

/* Name of a code in lower case ("not_found"); "unknown" outside the list. */
const char *err_name(int code);

/* Sets *e (which may be NULL) and returns code, for `return err_set(...)`.
 * A text that does not fit is cut at the end of a UTF-8 character; invalid
 * UTF-8 becomes "?", control characters become spaces. */
int err_set(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with ": strerror(errnum)" appended. */
int err_set_errno(struct err *e, int code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts context in front of the text that e already holds ("context: text"),
 * keeps and returns its code.  ERR_INTERNAL when e is NULL. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

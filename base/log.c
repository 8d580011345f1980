/*
 * The log: see log.h.
 *
 * Invariants: what goes to fd 2 is whole lines, each at most LOG_LINE_MAX
 * bytes and free of control characters but its final newline; a write to a
 * pipe is at most PIPE_BUF bytes and follows a poll, so that it neither mixes
 * with another process's line nor blocks.  A reader that does not take the log
 * costs one wait of STALL_MS, then lines are dropped and counted until it
 * reads again.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define PENDING_SIZE 16384
#define STALL_MS 200
#define MESSAGE_ROOM 2048 /* of a line, escaped */
#define FIELD_ROOM 1024

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written atomically");

static const char *const level_names[] = {
	[LOG_FATAL] = "fatal",
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	[LOG_TRACE] = "trace",
};

#define NLEVELS (sizeof(level_names) / sizeof(level_names[0]))

/* The executor threads of the db-worker log too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	enum log_level level;
	char role[32];
	long pid;
	bool text;       /* stderr is a terminal */
	bool may_block;  /* pipe, socket or terminal: poll first */
	bool stalled;    /* the last write did not get through */
	bool in_line;    /* it stopped in the middle of a line */
	uint64_t dropped;
	char pending[PENDING_SIZE];
	size_t npending;
} state = { .level = LOG_INFO, .role = "deploystackd", .may_block = true };

void log_init(const char *role)
{
	struct stat st;

	pthread_mutex_lock(&lock);
	snprintf(state.role, sizeof(state.role), "%s", role);
	state.pid = (long)getpid();
	state.text = isatty(STDERR_FILENO) == 1;
	state.may_block = fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode);
	state.stalled = false;
	state.in_line = false;
	state.dropped = 0;
	state.npending = 0;
	pthread_mutex_unlock(&lock);
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

enum log_level log_get_level(void)
{
	return state.level;
}

int log_level_parse(const char *name)
{
	size_t i;

	for (i = 0; i < NLEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	}
	return -1;
}

const char *log_level_name(enum log_level level)
{
	return (size_t)level < NLEVELS ? level_names[level] : "unknown";
}

/* ---- output; the lock is held ---- */

/* Writes n bytes, whole lines of which none is longer than LOG_LINE_MAX.
 * Returns how many got through. */
static size_t write_some(const char *data, size_t n)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int attempts;

	for (attempts = 0; attempts < 8; attempts++) {
		ssize_t done;

		if (state.may_block && poll(&p, 1, state.stalled ? 0 : STALL_MS) == 0) {
			state.stalled = true;
			return 0;
		}
		done = write(STDERR_FILENO, data, n);
		if (done > 0) {
			state.stalled = false;
			return (size_t)done;
		}
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return 0;
	}
	state.stalled = true;
	return 0;
}

/* The longest run of whole lines that one write may take. */
static size_t chunk(const char *data, size_t n)
{
	size_t end;

	if (!state.may_block || n <= PIPE_BUF)
		return n;
	for (end = PIPE_BUF; end > 0 && data[end - 1] != '\n'; end--)
		;
	return end > 0 ? end : PIPE_BUF;
}

static size_t count_lines(const char *data, size_t n)
{
	size_t lines = 0, i;

	for (i = 0; i < n; i++)
		lines += data[i] == '\n';
	return lines;
}

static void write_lines(const char *data, size_t n)
{
	if (state.in_line && write_some("\n", 1) == 1)
		state.in_line = false;
	while (n > 0) {
		size_t want = chunk(data, n), done = 0;

		while (done < want) {
			size_t some = write_some(data + done, want - done);

			if (some == 0)
				break;
			done += some;
		}
		/* A line that stopped in its middle (a socket, a full disk) is
		 * given up with the rest. */
		if (done < want) {
			state.in_line = state.in_line ||
			    (done > 0 && data[done - 1] != '\n');
			state.dropped += count_lines(data + done, n - done);
			return;
		}
		data += want;
		n -= want;
	}
}

/* ---- one line ---- */

struct line {
	char data[LOG_LINE_MAX];
	size_t len;
	size_t limit; /* len may not pass it */
	bool cut;
};

static bool put(struct line *l, const char *data, size_t n)
{
	if (n > l->limit - l->len)
		return false;
	memcpy(l->data + l->len, data, n);
	l->len += n;
	return true;
}

static bool put_text(struct line *l, const char *text)
{
	return put(l, text, strlen(text));
}

/* Escaped text, at most room bytes of it; what is left out becomes "…". */
static void put_escaped(struct line *l, const char *text, size_t len, size_t room,
    bool quotes)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	size_t outer = l->limit, done = 0, n, out_len;
	uint32_t cp;

	if (room > l->limit - l->len)
		room = l->limit - l->len;
	if (room < 3) {
		l->cut = l->cut || len > 0;
		return;
	}
	l->limit = l->len + room - 3;
	while (done < len) {
		char out[16];

		n = utf8_decode(text + done, len - done, &cp);
		if (n == 0) {
			memcpy(out, "\xef\xbf\xbd", 3);
			out_len = 3;
			n = 1;
		} else if (quotes && (cp == '"' || cp == '\\')) {
			out[0] = '\\';
			out[1] = (char)cp;
			out_len = 2;
		} else if (utf8_is_control(cp)) {
			out_len = (size_t)snprintf(out, sizeof(out), "\\u%04x", (unsigned)cp);
		} else {
			memcpy(out, text + done, n);
			out_len = n;
		}
		if (!put(l, out, out_len))
			break;
		done += n;
	}
	l->limit = outer;
	if (done < len) {
		put(l, ellipsis, 3);
		l->cut = true;
	}
}

/* A field as JSON or as text; one that does not fit is left out whole. */
static void put_field(struct line *l, const struct log_field *f)
{
	size_t start = l->len;
	const char *text = f->str ? f->str : "";
	bool whole;
	char number[24];

	whole = put_text(l, state.text ? " " : ",\"") && put_text(l, f->name) &&
	    put_text(l, state.text ? "=" : "\":");
	if (f->kind == LOG_FIELD_INT) {
		snprintf(number, sizeof(number), "%lld", (long long)f->num);
		whole = whole && put_text(l, number);
	} else if (!f->str) {
		whole = whole && put_text(l, "null");
	} else if (whole && l->limit - l->len >= 2 + 3) {
		put_text(l, "\"");
		l->limit--;
		put_escaped(l, text, strlen(text), FIELD_ROOM, true);
		l->limit++;
		put_text(l, "\"");
	} else {
		whole = false;
	}
	if (!whole) {
		l->len = start;
		l->cut = true;
	}
}

static void put_head(struct line *l, enum log_level level)
{
	char now[CLOCK_ISO_SIZE], head[128];

	clock_iso8601(clock_wall_ms(), now);
	if (state.text)
		snprintf(head, sizeof(head), "%.12s %-5s %s[%ld] ", now + 11,
		    log_level_name(level), state.role, state.pid);
	else
		snprintf(head, sizeof(head),
		    "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%ld,"
		    "\"message\":\"", now, log_level_name(level), state.role, state.pid);
	put_text(l, head);
}

static void build(struct line *l, enum log_level level, const struct log_field *fields,
    size_t n, const char *message, size_t message_len)
{
	/* Room for what ends a line is kept free until then. */
	static const char truncated[] = ",\"truncated\":true";
	size_t i;

	l->len = 0;
	l->cut = false;
	l->limit = LOG_LINE_MAX - sizeof(truncated) - sizeof("}\n");
	put_head(l, level);
	put_escaped(l, message, message_len, MESSAGE_ROOM, !state.text);
	if (!state.text)
		put_text(l, "\"");
	for (i = 0; i < n; i++)
		put_field(l, &fields[i]);
	l->limit = LOG_LINE_MAX;
	if (!state.text) {
		if (l->cut)
			put_text(l, truncated);
		put_text(l, "}");
	}
	put_text(l, "\n");
}

/* Writes lines and, when it works again, how many were lost before. */
static void emit(const char *data, size_t n)
{
	static const char text[] = "log lines were dropped because nobody read them";
	struct log_field f = LOG_INT("lines", state.dropped);
	struct line l;

	write_lines(data, n);
	if (state.dropped > 0 && !state.stalled && f.num == (int64_t)state.dropped) {
		build(&l, LOG_WARN, &f, 1, text, sizeof(text) - 1);
		state.dropped = 0;
		write_lines(l.data, l.len);
	}
}

static void flush_pending(void)
{
	if (state.npending > 0) {
		emit(state.pending, state.npending);
		state.npending = 0;
	}
}

__attribute__((format(printf, 5, 0)))
static void write_line(bool buffered, enum log_level level, const struct log_field *fields,
    size_t n, const char *fmt, va_list ap)
{
	char message[LOG_LINE_MAX];
	struct line l;
	size_t len;
	int errnum = errno, wanted;

	/* Callers log on their way to reporting errno. */
	wanted = vsnprintf(message, sizeof(message), fmt, ap);
	len = wanted < 0 ? 0 : strnlen(message, sizeof(message));
	pthread_mutex_lock(&lock);
	build(&l, level, fields, n, message, len);
	if (state.npending + l.len > PENDING_SIZE || !buffered)
		flush_pending();
	if (buffered) {
		memcpy(state.pending + state.npending, l.data, l.len);
		state.npending += l.len;
	} else {
		emit(l.data, l.len);
	}
	pthread_mutex_unlock(&lock);
	errno = errnum;
}

void log_write(enum log_level level, const struct log_field *fields, size_t n,
    const char *fmt, ...)
{
	va_list ap;

	if (level > state.level)
		return;
	va_start(ap, fmt);
	write_line(false, level, fields, n, fmt, ap);
	va_end(ap);
}

void log_write_buffered(enum log_level level, const struct log_field *fields, size_t n,
    const char *fmt, ...)
{
	va_list ap;

	if (level > state.level)
		return;
	va_start(ap, fmt);
	write_line(true, level, fields, n, fmt, ap);
	va_end(ap);
}

void log_flush(void)
{
	int errnum = errno;

	pthread_mutex_lock(&lock);
	flush_pending();
	pthread_mutex_unlock(&lock);
	errno = errnum;
}

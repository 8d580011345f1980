/*
 * The log: one JSON object a line on stderr, or readable text when stderr is
 * a terminal.  A line is written by one write(2) and is at most LOG_LINE_MAX
 * bytes, so that lines of several processes never mix.
 *
 *   {"time":"…","level":"info","role":"db-worker","pid":12,"message":"…",…}
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_FATAL, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

#define LOG_LINE_MAX 4096 /* PIPE_BUF */

struct log_field {
	const char *name;
	enum { LOG_FIELD_STR, LOG_FIELD_INT } kind;
	const char *str; /* any bytes; invalid UTF-8 and controls are escaped */
	int64_t num;
};

#define LOG_STR(n, v) { (n), LOG_FIELD_STR, (v), 0 }
#define LOG_INT(n, v) { (n), LOG_FIELD_INT, NULL, (int64_t)(v) }

/* Names the process in every line.  Text format when fd 2 is a terminal. */
void log_init(const char *role);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "fatal" … "trace" to a level; -1 when the name is none of them. */
int log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

/* Writes one line at once.  Does nothing below the current level. */
void log_write(enum log_level level, const struct log_field *fields, size_t n,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As log_write, but the line may stay in memory until log_flush: for the
 * access log, where one write per request would dominate its cost. */
void log_write_buffered(enum log_level level, const struct log_field *fields,
    size_t n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void log_flush(void);

#define log_fatal(...) log_write(LOG_FATAL, NULL, 0, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, NULL, 0, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, NULL, 0, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, 0, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, NULL, 0, __VA_ARGS__)

#endif

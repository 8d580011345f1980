/*
 * Passwords and other secrets: see secret_input.h.
 *
 * On a terminal the signals that would end or stop the program are blocked while the
 * echo is off, but for the wait, which they interrupt; the terminal is put back before
 * they take effect.
 */
#include "cli/secret_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

#define NSIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

static int too_long(const struct buf *out, const char *where, struct err *e)
{
	return err_set(e, ERR_INVALID, "%s holds more than %zu bytes", where, out->max);
}

static int append(struct buf *out, const char *data, size_t n, const char *where,
    struct err *e)
{
	int rc = buf_append(out, data, n);

	if (rc == ERR_FULL)
		return too_long(out, where, e);
	return rc < 0 ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
}

static int check_text(const struct buf *out, const char *where, struct err *e)
{
	if (out->len > 0 && (memchr(out->data, '\0', out->len) != NULL ||
	    utf8_prefix((const char *)out->data, out->len) != out->len))
		return err_set(e, ERR_INVALID, "%s does not hold text in UTF-8", where);
	return 0;
}

static ssize_t read_some(int fd, char *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* ---- files ---- */

int secret_from_file(const char *path, struct buf *out, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *where = is_stdin ? "standard input" : path;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC), rc = 0;
	char chunk[4096];
	ssize_t n;

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot open %s", path);
	/* The final newline does not count. */
	out->max++;
	while (rc == 0 && (n = read_some(fd, chunk, sizeof(chunk))) != 0)
		rc = n < 0 ? err_set_errno(e, ERR_IO, errno, "cannot read %s", where) :
		    append(out, chunk, (size_t)n, where, e);
	out->max--;
	explicit_bzero(chunk, sizeof(chunk));
	if (!is_stdin)
		close(fd);
	if (rc == 0 && out->len > 0 && out->data[out->len - 1] == '\n')
		out->len--;
	if (rc == ERR_INVALID || out->len > out->max) {
		out->len = out->len < out->max ? out->len : out->max;
		return too_long(out, where, e);
	}
	return rc < 0 ? rc : check_text(out, where, e);
}

/* Byte by byte: what follows the line is not ours. */
static int line_of_stdin(struct buf *out, struct err *e)
{
	ssize_t n;
	char c = '\0';
	int rc = 0;

	while (rc == 0 && (n = read_some(STDIN_FILENO, &c, 1)) != 0 && (n < 0 || c != '\n'))
		rc = n < 0 ? err_set_errno(e, ERR_IO, errno, "cannot read standard input") :
		    append(out, &c, 1, "the line on standard input", e);
	return rc;
}

/* ---- the terminal ---- */

static void say(int fd, const char *text)
{
	/* Nothing is to be done about a terminal that takes no text. */
	if (write(fd, text, strlen(text)) < 0)
		return;
}

/* The terminal's next line; ERR_INTERRUPTED when a signal came. */
static int terminal_line(int fd, const sigset_t *open_mask, struct buf *out, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[1024], *end = NULL;
	ssize_t n = 0;
	int rc = 0;

	while (rc == 0 && end == NULL) {
		if (ppoll(&p, 1, NULL, open_mask) < 0 && errno == EINTR) {
			if (caught != 0)
				rc = err_set(e, ERR_INTERRUPTED, "interrupted");
			continue;
		}
		n = read_some(fd, chunk, sizeof(chunk));
		if (n < 0)
			rc = err_set_errno(e, ERR_IO, errno, "cannot read the terminal");
		if (n <= 0)
			break;
		end = memchr(chunk, '\n', (size_t)n);
		rc = append(out, chunk, (size_t)(end != NULL ? end - chunk : n), "the line", e);
	}
	explicit_bzero(chunk, sizeof(chunk));
	return rc;
}

static int ask_once(int fd, const char *question, struct buf *out, struct err *e)
{
	struct sigaction action = { .sa_handler = on_signal }, before[NSIGNALS];
	struct termios shown, hidden;
	sigset_t blocked, mask;
	size_t i;
	int rc;

	if (tcgetattr(fd, &shown) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot set up the terminal");
	caught = 0;
	sigemptyset(&blocked);
	sigemptyset(&action.sa_mask);
	for (i = 0; i < NSIGNALS; i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	for (i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &action, &before[i]);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
	hidden.c_lflag |= ECHONL | ICANON | ISIG;
	if (tcsetattr(fd, TCSAFLUSH, &hidden) < 0) {
		rc = err_set_errno(e, ERR_IO, errno, "cannot set up the terminal");
	} else {
		say(fd, question);
		say(fd, ": ");
		rc = terminal_line(fd, &mask, out, e);
		tcsetattr(fd, TCSAFLUSH, &shown);
		if (rc == ERR_INTERRUPTED)
			say(fd, "\n");
	}
	for (i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return rc;
}

/* A signal that only stopped the program, or is ignored, is followed by the same
 * question. */
static int ask_terminal(int fd, const char *question, struct buf *out, struct err *e)
{
	int rc;

	while ((rc = ask_once(fd, question, out, e)) == ERR_INTERRUPTED) {
		raise(caught);
		if (out->data != NULL)
			explicit_bzero(out->data, out->cap);
		buf_clear(out);
	}
	return rc;
}

int secret_ask(const char *what, struct buf *out, struct err *e)
{
	int fd, rc;

	if (!isatty(STDIN_FILENO)) {
		rc = line_of_stdin(out, e);
		return rc < 0 ? rc : check_text(out, "the line on standard input", e);
	}
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot open the terminal");
	rc = ask_terminal(fd, what, out, e);
	close(fd);
	return rc < 0 ? rc : check_text(out, "the line", e);
}

/* ---- passwords ---- */

static int ask_again(const struct buf *first, struct err *e)
{
	struct buf second;
	int rc;

	buf_init(&second, first->max);
	rc = secret_ask("The same again", &second, e);
	if (rc == 0 && (second.len != first->len ||
	    memcmp(second.data, first->data, first->len) != 0))
		rc = err_set(e, ERR_INVALID, "the two passwords differ; nothing was changed");
	buf_free_secret(&second);
	return rc;
}

int secret_password(const char *path, struct buf *out, struct err *e)
{
	int rc = path != NULL ? secret_from_file(path, out, e) : secret_ask("Password", out, e);

	if (rc < 0)
		return rc;
	if (out->len == 0)
		return err_set(e, ERR_INVALID, "no password was given");
	if (memchr(out->data, '\n', out->len) != NULL)
		return err_set(e, ERR_INVALID, "a password is one line");
	return path == NULL && isatty(STDIN_FILENO) ? ask_again(out, e) : 0;
}

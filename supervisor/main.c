/*
 * deploystackd: the supervisor's start.  See docs/man/deploystackd.8.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/selection.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"

enum exit_code { EXIT_USAGE = 2, EXIT_IN_USE = 75, EXIT_CONFIG = 78 };

#define LOCK_WAIT_MS 1500

extern char **environ;

static void usage(FILE *f)
{
	fputs("usage: deploystackd [--check | --help | --version]\n\n"
	    "Owns one application database and serves it over HTTP.\n\n"
	    "  --check    validate the configuration and exit\n"
	    "  --help     this text\n"
	    "  --version  print the version\n\n"
	    "Environment (a .env in the working directory is read too; secrets and\n"
	    "TURSO_DATABASE_URL also as NAME_FILE or $CREDENTIALS_DIRECTORY/NAME):\n\n", f);
	config_write_help(f);
}

/* Nothing of this process in a core file or under /proc for others. */
static void harden(void)
{
	struct rlimit none = { 0, 0 }, files;
	int null;

	umask(077);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
}

static int print_errors(struct config_errors *errors)
{
	size_t i;

	for (i = 0; i < errors->count; i++)
		log_fatal("%s", errors->text[i]);
	config_errors_free(errors);
	return EXIT_CONFIG;
}

static void check_dir(const char *name, const char *path, struct config_errors *errors)
{
	struct err e;
	int fd = fs_open_dir(path, &e);

	if (fd < 0)
		config_errors_add(errors, "%s: %s", name, e.text);
	else
		close(fd);
}

/* What can be wrong with the places that the configuration names. */
static void check_places(const struct config *c, struct config_errors *errors)
{
	struct data_dir d;
	struct selection selection;
	struct err e;
	int rc;

	check_dir("MIGRATIONS_DIR", c->migrations_dir, errors);
	check_dir("GLOBAL_SETTINGS_DIR", c->settings_dir, errors);
	rc = data_dir_open(&d, c->data_dir, false, c->db_uid, c->db_gid, &e);
	if (rc == ERR_NOT_FOUND)
		return;
	if (rc < 0) {
		config_errors_add(errors, "%s", e.text);
		return;
	}
	if (selection_read(d.fd, &selection, &e) < 0)
		config_errors_add(errors, "%s", e.text);
	data_dir_close(&d);
}

static int check(void)
{
	struct config_errors errors = { .count = 0 };
	struct config c;

	if (config_load(&c, &errors) == 0) {
		check_places(&c, &errors);
		config_free(&c);
	}
	if (errors.count > 0)
		return print_errors(&errors);
	puts("the configuration is valid");
	return 0;
}

/* ---- the loop ---- */

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	supervisor_stop(arg);
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	log_info("SIGHUP: reloading");
	supervisor_reload(arg);
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	supervisor_reap(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	supervisor_tick(arg);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	notify_send("WATCHDOG=1");
}

struct events {
	struct event *list[6];
	size_t count;
};

static int add(struct events *events, struct event *event, const struct timeval *tv)
{
	if (event == NULL || event_add(event, tv) < 0)
		return ERR_NOMEM;
	events->list[events->count++] = event;
	return 0;
}

static int run(struct event_base *base, struct supervisor *s)
{
	struct events events = { .count = 0 };
	struct timeval second = { 1, 0 }, watchdog = { 0, 0 };
	int64_t watchdog_ms = notify_watchdog_ms();
	int rc;

	signal(SIGPIPE, SIG_IGN);
	rc = add(&events, evsignal_new(base, SIGTERM, on_stop, s), NULL) |
	    add(&events, evsignal_new(base, SIGINT, on_stop, s), NULL) |
	    add(&events, evsignal_new(base, SIGHUP, on_reload, s), NULL) |
	    add(&events, evsignal_new(base, SIGCHLD, on_child, s), NULL) |
	    add(&events, event_new(base, -1, EV_PERSIST, on_tick, s), &second);
	if (watchdog_ms > 0) {
		watchdog.tv_sec = watchdog_ms / 1000;
		watchdog.tv_usec = watchdog_ms % 1000 * 1000;
		rc |= add(&events, event_new(base, -1, EV_PERSIST, on_watchdog, s), &watchdog);
	}
	if (rc == 0) {
		supervisor_start(s);
		rc = event_base_dispatch(base);
	}
	while (events.count > 0)
		event_free(events.list[--events.count]);
	return rc < 0 ? EXIT_FAILURE : 0;
}

static int open_all(const struct config *c, struct data_dir *d, struct listeners *l,
    struct err *e)
{
	int rc;

	rc = data_dir_open(d, c->data_dir, true, c->db_uid, c->db_gid, e);
	if (rc == 0)
		rc = data_dir_lock(d, LOCK_WAIT_MS, e);
	if (rc == 0)
		rc = listen_inherited(l, e);
	if (rc == 0)
		rc = listen_tcp(l, c->host, (uint16_t)c->port, e);
	if (rc >= 0)
		rc = listen_control(l, d->fd, e);
	return rc;
}

static int serve(void)
{
	struct config_errors errors = { .count = 0 };
	struct config c;
	struct data_dir d = { .fd = -1 };
	struct listeners l = { .count = 0 };
	struct event_base *base = NULL;
	struct supervisor *s = NULL;
	struct err e;
	int rc;

	if (config_load(&c, &errors) < 0)
		return print_errors(&errors);
	check_dir("MIGRATIONS_DIR", c.migrations_dir, &errors);
	check_dir("GLOBAL_SETTINGS_DIR", c.settings_dir, &errors);
	if (errors.count > 0) {
		config_free(&c);
		return print_errors(&errors);
	}
	log_set_level(c.log_level);
	log_info("deploystackd %s, sandbox %s", DEPLOYSTACKD_VERSION,
	    sandbox_mode_name(c.sandbox));
	rc = open_all(&c, &d, &l, &e);
	if (rc >= 0) {
		base = event_base_new();
		rc = base == NULL ? err_set(&e, ERR_NOMEM, "not enough memory to start") :
		    supervisor_new(&s, base, &c, &d, &l, &e);
	}
	if (rc < 0) {
		log_fatal("%s", e.text);
		rc = rc == ERR_EXISTS ? EXIT_IN_USE :
		    rc == ERR_IO || rc == ERR_NOMEM ? EXIT_FAILURE : EXIT_CONFIG;
	} else {
		rc = run(base, s);
	}
	supervisor_free(s);
	listen_close(&l);
	data_dir_close(&d);
	config_free(&c);
	if (base != NULL)
		event_base_free(base);
	if (rc == 0)
		log_info("stopped");
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int option = getopt_long(argc, argv, "", options, NULL);

	if (option == '?' || optind < argc) {
		fputs("usage: deploystackd [--check | --help | --version]\n", stderr);
		return EXIT_USAGE;
	}
	log_init("supervisor");
	if (option == 'h') {
		usage(stdout);
		return 0;
	}
	if (option == 'v') {
		puts("deploystackd " DEPLOYSTACKD_VERSION);
		return 0;
	}
	harden();
	notify_init();
	if (config_capture_environment(environ) < 0) {
		log_fatal("not enough locked memory for the configuration; raise the limit "
		    "(ulimit -l)");
		return EXIT_FAILURE;
	}
	return option == 'c' ? check() : serve();
}

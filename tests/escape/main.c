/*
 * The escape suite's runner: every attempt in a process of its own, in the real
 * sandbox, with a second thread that exists when it closes.  As root it runs
 * everything twice: as the daemon started by root would, and by an ordinary
 * user.  Output is TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/escape.h"

#define NOBODY 65534
#define WORKER_UID 60990

static unsigned ntests, nfailed;
static const char *who;

static void verdict(bool ok, const struct scene *s, const char *name, const char *what)
{
	ntests++;
	nfailed += !ok;
	printf("%sok %u - %s, %s: %s: %s\n", ok ? "" : "not ", ntests, who,
	    sandbox_role_name(s->role), name, what);
	fflush(stdout);
}

static void put_file(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, "x", 1) != 1)
		abort();
	fchmod(fd, 0666);
	close(fd);
}

static void give(const char *path, uid_t owner)
{
	if (geteuid() == 0 && chown(path, owner, owner) < 0)
		abort();
}

/* Files that the permissions would let anybody reach: only the sandbox stands
 * between. */
static void make_scene(struct scene *s, const char *base, uid_t owner)
{
	char link[400];

	memset(s, 0, sizeof(*s));
	snprintf(s->outside, sizeof(s->outside), "%s/outside", base);
	snprintf(s->data, sizeof(s->data), "%s/data", base);
	snprintf(s->db, sizeof(s->db), "%s/database", s->data);
	mkdir(s->outside, 0777);
	chmod(s->outside, 0777);
	mkdir(s->data, 0700);
	mkdir(s->db, 0700);
	put_file(s->data, "db.selection.json");
	put_file(s->outside, "secret");
	put_file(s->db, "deploystack.db");
	snprintf(link, sizeof(link), "%s/link", s->db);
	(void)!symlink("/etc/passwd", link);
	give(s->data, owner);
	give(s->db, owner);
	snprintf(link, sizeof(link), "%s/db.selection.json", s->data);
	give(link, owner);
}

static int tcp_listener(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		abort();
	return ntohs(sin.sin_port);
}

static void *second_thread(void *arg)
{
	poll(NULL, 0, -1);
	return arg;
}

static void enter(struct scene *s, enum sandbox_mode mode)
{
	struct sandbox_path paths[2];
	struct sandbox_report report;
	struct sandbox_request r = { .mode = mode, .role = s->role, .uid = WORKER_UID,
		.gid = WORKER_UID, .root_dirfd = -1, .max_fds = 64, .paths = paths };
	struct err e;
	pthread_t thread;
	int pair[2], rc;

	/* 0 and 1 are a channel to itself; stderr stays. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[0], 0) < 0 || dup2(pair[1], 1) < 0)
		_exit(99);
	s->db_dirfd = s->data_dirfd = -1;
	if (s->role != SANDBOX_API) {
		s->db_dirfd = open(s->db, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		paths[r.npaths++] = (struct sandbox_path){ s->db_dirfd, SANDBOX_READ_WRITE };
		r.root_dirfd = s->db_dirfd;
	}
	if (s->role == SANDBOX_DB_SETUP) {
		s->data_dirfd = open(s->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		paths[r.npaths++] = (struct sandbox_path){ s->data_dirfd, SANDBOX_READ_WRITE };
	}
	if (s->role == SANDBOX_DB_TURSO)
		r.connect_port = 1;
	rc = sandbox_drop(&r, &report, &e);
	if (rc == 0 && pthread_create(&thread, NULL, second_thread, NULL) != 0)
		_exit(99);
	if (rc == 0)
		rc = sandbox_lock(&r, &report, &e);
	if (rc < 0 || !report.complete || report.seccomp_mode != 2 || report.capabilities != 0 ||
	    report.dumpable || !report.no_new_privs) {
		fprintf(stderr, "# sandbox: %s\n", rc < 0 ? e.text : report.text);
		_exit(98);
	}
	snprintf(s->db_seen, sizeof(s->db_seen), "%s", report.chrooted ? "" : s->db);
}

/* In a child: the sandbox, then f.  Returns the wait status. */
static int in_sandbox(struct scene *s, int (*f)(const struct scene *s))
{
	pid_t pid = fork();
	int status, rc;

	if (pid == 0) {
		if (getenv("ESCAPE_VERBOSE") == NULL)
			(void)!freopen("/dev/null", "w", stderr);
		enter(s, SANDBOX_REQUIRE);
		rc = f(s);
		_exit(rc > 250 ? 250 : rc);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

static void try_attempt(struct scene *s, const struct attempt *a)
{
	static const char *const expected[] = { "killed", "refused", "allowed" };
	int status = in_sandbox(s, a->run);
	enum verdict got = WIFSIGNALED(status) ? DIES : WEXITSTATUS(status) == 0 ? WORKS : FAILS;
	bool ok = got == a->expect[s->role];
	char what[128];

	if (WIFSIGNALED(status)) {
		ok = ok && WTERMSIG(status) == SIGSYS;
		snprintf(what, sizeof(what), "killed by signal %d", WTERMSIG(status));
	} else {
		ok = ok && WEXITSTATUS(status) != 98 && WEXITSTATUS(status) != 99;
		snprintf(what, sizeof(what), "%s", WEXITSTATUS(status) == 0 ? "allowed" :
		    strerror(WEXITSTATUS(status)));
	}
	if (!ok)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), "; expected: %s",
		    expected[a->expect[s->role]]);
	verdict(ok, s, a->name, what);
}

static void run_all(const char *base, uid_t owner)
{
	struct scene s;
	size_t i;
	int role;

	make_scene(&s, base, owner);
	s.listener = tcp_listener();
	s.parent = getpid();
	s.sibling = fork();
	if (s.sibling == 0) {
		pause();
		_exit(0);
	}
	for (role = 0; role < SANDBOX_ROLE_COUNT; role++) {
		int status;
		char what[64];

		s.role = (enum sandbox_role)role;
		status = in_sandbox(&s, positive_run);
		if (WIFSIGNALED(status))
			snprintf(what, sizeof(what), "killed by signal %d", WTERMSIG(status));
		else
			snprintf(what, sizeof(what), "line %d", WEXITSTATUS(status));
		verdict(status == 0, &s, "does its work", status == 0 ? "yes" : what);
		for (i = 0; i < nattempts; i++)
			try_attempt(&s, &attempts[i]);
	}
	verdict(kill(s.sibling, 0) == 0, &s, "the sibling is alive", "after all attempts");
	kill(s.sibling, SIGKILL);
	waitpid(s.sibling, NULL, 0);
}

static void remove_tree(const char *base)
{
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", base, (char *)NULL);
		_exit(1);
	}
	wait(NULL);
}

/* In a child of its own, as an ordinary user. */
static int as_user(const char *base)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(97);
		who = "ordinary user";
		nfailed = 0;
		run_all(base, NOBODY);
		fflush(stdout);
		_exit(nfailed > 0);
	}
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(void)
{
	char base[] = "/tmp/escape-XXXXXX", base_user[] = "/tmp/escape-XXXXXX";
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(base) == NULL || mkdtemp(base_user) == NULL)
		return 1;
	chmod(base, 0755);
	chmod(base_user, 0755);
	who = geteuid() == 0 ? "root" : "ordinary user";
	run_all(base, geteuid() == 0 ? WORKER_UID : geteuid());
	failed = nfailed > 0;
	if (geteuid() == 0) {
		give(base_user, NOBODY);
		failed |= as_user(base_user);
	}
	remove_tree(base);
	remove_tree(base_user);
	return failed;
}

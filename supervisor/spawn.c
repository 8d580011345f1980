/*
 * Starting a worker: see spawn.h.  Between fork and exec only
 * async-signal-safe calls.
 */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FD 3
#define PARKED (FIRST_FD + SPAWN_FDS_MAX)

static void reset_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void fail(const char *step)
{
	ssize_t ignored = write(STDERR_FILENO, step, strlen(step));

	(void)ignored;
	_exit(127);
}

static _Noreturn void child(const char *path, const char *name, const int *fds, size_t nfds)
{
	char *argv[] = { (char *)name, NULL }, *envp[] = { NULL };
	int parked[SPAWN_FDS_MAX], null;
	size_t i;

	reset_signals();
	umask(077);
	setsid();
	/* Out of the way first: a source may lie where another must go. */
	for (i = 0; i < nfds; i++)
		if ((parked[i] = fcntl(fds[i], F_DUPFD, PARKED)) < 0)
			fail("cannot start a worker: no free descriptor\n");
	for (i = 0; i < nfds; i++)
		if (dup2(parked[i], FIRST_FD + (int)i) < 0)
			fail("cannot start a worker: cannot place a descriptor\n");
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		fail("cannot start a worker: cannot open /dev/null\n");
	syscall(SYS_close_range, FIRST_FD + (unsigned)nfds, ~0u, 0);
	execve(path, argv, envp);
	fail("cannot start a worker: its program cannot be executed\n");
}

pid_t spawn(const char *path, const char *name, const int *fds, size_t nfds, struct err *e)
{
	sigset_t all, old;
	pid_t pid;

	if (nfds > SPAWN_FDS_MAX)
		return err_set(e, ERR_INTERNAL, "too many descriptors for a worker");
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child(path, name, fds, nfds);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot start %s", name);
	return pid;
}

/*
 * What every role may call.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "sandbox/profile.h"

GROUP(group_process, "this process",
	ALLOW("exit"), ALLOW("exit_group"),
	ALLOW("rt_sigreturn"),   /* return from the SIGSYS handler's siblings */
	ALLOW("rt_sigprocmask"), /* abort(), threads */
	ALLOW("restart_syscall"),/* the kernel's, after SIGCONT */
	ALLOW("getpid"), ALLOW("gettid"), ALLOW("getppid"),
	ALLOW("getuid"), ALLOW("geteuid"), ALLOW("getgid"), ALLOW("getegid"),
	ALLOW_ON_SELF("tgkill", 0), /* abort() */
	ALLOW_IF("prctl", 0, PR_GET_SECCOMP), /* the report */
	ALLOW_IF("prctl", 0, PR_GET_NO_NEW_PRIVS),
	ALLOW_IF("prctl", 0, PR_GET_DUMPABLE),
	ALLOW_IF2("prlimit64", 0, 0, 2, 0), /* sysconf(): read own limits, set none */
	ALLOW("sysinfo"),        /* qsort() asks for the memory size */
	ALLOW("getrandom"),
	FAIL("rt_sigaction", EPERM), /* the SIGSYS handler stays as it is */
);

GROUP(group_clock, "clock",
	ALLOW("clock_gettime"), ALLOW("gettimeofday"), ALLOW("time"), ALLOW("clock_getres"),
	ALLOW("clock_nanosleep"), ALLOW("nanosleep"),
);

GROUP(group_memory, "memory, never executable",
	ALLOW("brk"), ALLOW("munmap"), ALLOW("mremap"), ALLOW("madvise"),
	ALLOW_WITHOUT("mmap", 2, PROT_EXEC),
	ALLOW_WITHOUT("mprotect", 2, PROT_EXEC),
	ALLOW("mlock"), ALLOW("munlock"), /* secrets */
);

GROUP(group_threads, "threads that exist already",
	ALLOW("futex"), ALLOW("sched_yield"), ALLOW("set_robust_list"), ALLOW("rseq"),
	ALLOW("sched_getaffinity"), /* malloc counts processors for its arenas */
	FAIL("clone3", ENOSYS),     /* libc falls back to clone, which is not allowed */
);

GROUP(group_event_loop, "event loop on descriptors that exist already",
	ALLOW("epoll_wait"), ALLOW("epoll_pwait"), ALLOW("epoll_ctl"),
	ALLOW("poll"), ALLOW("ppoll"),
	ALLOW("read"), ALLOW("write"), ALLOW("readv"), ALLOW("writev"), ALLOW("close"),
	ALLOW_IF("fcntl", 1, F_GETFL), ALLOW_IF("fcntl", 1, F_SETFL),
	ALLOW_IF("fcntl", 1, F_GETFD), ALLOW_IF("fcntl", 1, F_SETFD),
	ALLOW_IF("fcntl", 1, F_DUPFD_CLOEXEC),
	FAIL("ioctl", ENOTTY), /* libc probes terminals; nothing is one */
);

GROUP(group_messages, "channels, which were inherited or came through one",
	ALLOW("sendmsg"), ALLOW("recvmsg"), ALLOW("sendto"), ALLOW("recvfrom"),
	ALLOW("shutdown"), ALLOW("getsockopt"),
);

/* Not only missing above: these end the process whatever a later rule says,
 * without a handler in between. */
GROUP(group_never, "never",
	KILL("execve"), KILL("execveat"), KILL("fork"), KILL("vfork"),
	KILL("ptrace"), KILL("process_vm_readv"), KILL("process_vm_writev"),
	KILL("process_madvise"), KILL("pidfd_open"), KILL("pidfd_getfd"),
	KILL("pidfd_send_signal"), KILL("kcmp"),
	KILL("bpf"), KILL("perf_event_open"), KILL("userfaultfd"),
	KILL("io_uring_setup"), KILL("io_uring_enter"), KILL("io_uring_register"),
	KILL("keyctl"), KILL("add_key"), KILL("request_key"),
	KILL("mount"), KILL("umount2"), KILL("pivot_root"), KILL("chroot"),
	KILL("move_mount"), KILL("open_tree"), KILL("fsopen"), KILL("fsmount"),
	KILL("unshare"), KILL("setns"), KILL("memfd_create"), KILL("memfd_secret"),
	KILL("init_module"), KILL("finit_module"), KILL("delete_module"),
	KILL("kexec_load"), KILL("kexec_file_load"), KILL("reboot"),
	KILL("swapon"), KILL("swapoff"), KILL("acct"), KILL("quotactl"),
	KILL("setuid"), KILL("setgid"), KILL("setreuid"), KILL("setregid"),
	KILL("setresuid"), KILL("setresgid"), KILL("setgroups"), KILL("capset"),
	KILL("seccomp"), KILL("personality"), KILL("modify_ldt"),
	KILL("iopl"), KILL("ioperm"), KILL("open_by_handle_at"),
	KILL("settimeofday"), KILL("clock_settime"), KILL("adjtimex"),
	KILL("sethostname"), KILL("setdomainname"), KILL("syslog"),
);

#ifdef SANDBOX_SANITIZED
/* A worker has no environment that could say this, and the search for leaks at
 * its end needs ptrace, which no role has. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0:abort_on_error=1";
}

GROUP(group_sanitizer, "sanitizer builds only: their run-time library",
	ALLOW("sigaltstack"), ALLOW("sched_getaffinity"), ALLOW("getrusage"),
	ALLOW("readlink"), ALLOW("gettid"), ALLOW("clone"), ALLOW("wait4"),
	ALLOW("openat"), ALLOW("open"), ALLOW("stat"), ALLOW("lstat"), ALLOW("fstat"),
	ALLOW("newfstatat"), ALLOW("getdents64"), ALLOW("lseek"), ALLOW("pipe2"),
	ALLOW("set_tid_address"), ALLOW("prctl"), ALLOW("pipe"), ALLOW("access"),
);
#endif

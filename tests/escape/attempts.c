/*
 * The attempts.  Files by every road, sockets of every family, other processes,
 * executable memory, kernel interfaces, the sandbox itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/escape/escape.h"

static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

/* ---- files ---- */

static int open_path(const char *dir, const char *name, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return result(open(path, flags | O_CLOEXEC, 0600));
}

static int passwd(const struct scene *s) { return result(open("/etc/passwd", O_RDONLY)); }
static int open_outside(const struct scene *s) { return result(open(s->outside, O_RDONLY | O_DIRECTORY)); }
static int outside_read(const struct scene *s) { return open_path(s->outside, "secret", O_RDONLY); }
static int outside_write(const struct scene *s) { return open_path(s->outside, "secret", O_WRONLY); }
static int outside_create(const struct scene *s) { return open_path(s->outside, "new", O_RDWR | O_CREAT); }
static int outside_symlink(const struct scene *s) { return open_path(s->db_seen, "link", O_RDONLY); }
static int dotdot(const struct scene *s) { return open_path(s->db_seen, "../../outside/secret", O_RDONLY); }
static int openat2_outside(const struct scene *s) { return result(sys.openat_beneath(s->db_dirfd, "../../outside/secret", O_RDONLY, 0)); }
static int db_read(const struct scene *s) { return open_path(s->db_seen, "deploystack.db", O_RDONLY); }
static int db_create(const struct scene *s) { return open_path(s->db_seen, "new.db", O_RDWR | O_CREAT); }
static int self_mem(const struct scene *s) { return result(open("/proc/self/mem", O_RDWR)); }
static int tty(const struct scene *s) { return result(open("/dev/tty", O_RDWR)); }
static int kmsg(const struct scene *s) { return result(open("/dev/kmsg", O_WRONLY)); }
static int truncate_outside(const struct scene *s) { char p[300]; snprintf(p, sizeof(p), "%s/secret", s->outside); return result(truncate(p, 0)); }
static int chmod_outside(const struct scene *s) { return result(chmod(s->outside, 0777)); }
static int chown_outside(const struct scene *s) { return result(chown(s->outside, 1, 1)); }
static int make_dir(const struct scene *s) { char p[340]; snprintf(p, sizeof(p), "%s/d", s->db_seen); return result(mkdir(p, 0700)); }
static int make_node(const struct scene *s) { char p[340]; snprintf(p, sizeof(p), "%s/n", s->db_seen); return result(mknod(p, S_IFIFO | 0600, 0)); }
static int make_symlink(const struct scene *s) { char p[340]; snprintf(p, sizeof(p), "%s/l", s->db_seen); return result(symlink("/etc/passwd", p)); }
static int hard_link(const struct scene *s) { char a[340], b[340]; snprintf(a, sizeof(a), "%s/secret", s->outside); snprintf(b, sizeof(b), "%s/h", s->db_seen); return result(link(a, b)); }
static int rename_out(const struct scene *s) { char a[340], b[340]; snprintf(a, sizeof(a), "%s/deploystack.db", s->db_seen); snprintf(b, sizeof(b), "%s/stolen", s->outside); return result(rename(a, b)); }
/* By path, and by the descriptor that the setup role has. */
static int selection(const struct scene *s, int flags)
{
	int rc = open_path(s->data, "db.selection.json", flags);

	return rc == 0 ? 0 : result(sys.openat_beneath(s->data_dirfd, "db.selection.json", flags,
	    0600));
}
static int selection_write(const struct scene *s) { return selection(s, O_WRONLY | O_CREAT); }
static int selection_read(const struct scene *s) { return selection(s, O_RDONLY); }
static int handle_open(const struct scene *s) { struct { unsigned bytes; int type; char h[8]; } h = { 8, 1, "" }; return result(syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY)); }
static int inotify(const struct scene *s) { return result(syscall(SYS_inotify_init1, 0)); }
static int fanotify(const struct scene *s) { return result(syscall(SYS_fanotify_init, 0, 0)); }

static int proc_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return result(open(path, O_RDONLY));
}
static int parent_environ(const struct scene *s) { return proc_file(s->parent, "environ"); }
static int sibling_mem(const struct scene *s) { return proc_file(s->sibling, "mem"); }
static int sibling_maps(const struct scene *s) { return proc_file(s->sibling, "maps"); }

/* ---- sockets ---- */

static int family(int f, int type) { return result(socket(f, type | SOCK_CLOEXEC, 0)); }
static int sock_inet_dgram(const struct scene *s) { return family(AF_INET, SOCK_DGRAM); }
static int sock_inet(const struct scene *s) { return family(AF_INET, SOCK_STREAM); }
static int sock_inet6(const struct scene *s) { return family(AF_INET6, SOCK_STREAM); }
static int sock_unix(const struct scene *s) { return family(AF_UNIX, SOCK_STREAM); }
static int sock_netlink(const struct scene *s) { return family(AF_NETLINK, SOCK_RAW); }
static int sock_packet(const struct scene *s) { return family(AF_PACKET, SOCK_RAW); }
static int sock_raw(const struct scene *s) { return family(AF_INET, SOCK_RAW); }
static int sock_vsock(const struct scene *s) { return family(AF_VSOCK, SOCK_STREAM); }
static int sock_alg(const struct scene *s) { return family(AF_ALG, SOCK_SEQPACKET); }
static int sock_pair(const struct scene *s) { int p[2]; return result(socketpair(AF_UNIX, SOCK_STREAM, 0, p)); }
static int connect_other_port(const struct scene *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->listener),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&sin, sizeof(sin)));
}
static int bind_port(const struct scene *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	return result(bind(0, (struct sockaddr *)&sin, sizeof(sin)));
}
static int listen_any(const struct scene *s) { return result(listen(0, 1)); }

/* ---- processes ---- */

static int do_exec(const struct scene *s) { char name[] = "sh", *a[] = { name, NULL }; return result(execve("/bin/sh", a, a + 1)); }
static int do_execveat(const struct scene *s) { char name[] = "sh", *a[] = { name, NULL }; return result(syscall(SYS_execveat, AT_FDCWD, "/bin/sh", a, a + 1, 0)); }
static int memfd(const struct scene *s) { return result(syscall(SYS_memfd_create, "x", 0)); }
static int do_fork(const struct scene *s)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}
static int raw_clone(const struct scene *s) { long p = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); if (p == 0) _exit(0); return result(p); }
static int raw_clone3(const struct scene *s) { struct { uint64_t f[11]; } a = { { 0 } }; return result(syscall(SYS_clone3, &a, sizeof(a))); }
#ifdef SYS_vfork
static int raw_vfork(const struct scene *s) { long p = syscall(SYS_vfork); if (p == 0) _exit(0); return result(p); }
#endif
static void *nothing(void *arg) { return arg; }
static int new_thread(const struct scene *s) { pthread_t t; return pthread_create(&t, NULL, nothing, NULL); }
static int do_ptrace(const struct scene *s) { return result(ptrace(PTRACE_ATTACH, s->sibling, 0, 0)); }
static int vm_read(const struct scene *s) { char b[8]; struct iovec l = { b, 8 }, r = { (void *)(uintptr_t)s, 8 }; return result(process_vm_readv(s->sibling, &l, 1, &r, 1, 0)); }
static int vm_write(const struct scene *s) { char b[8] = ""; struct iovec l = { b, 8 }, r = { (void *)(uintptr_t)s, 8 }; return result(process_vm_writev(s->sibling, &l, 1, &r, 1, 0)); }
static int kill_parent(const struct scene *s) { return result(kill(s->parent, 0)); }
static int kill_sibling(const struct scene *s) { return result(kill(s->sibling, SIGKILL)); }
static int kill_all(const struct scene *s) { return result(kill(-1, 0)); }
static int tgkill_sibling(const struct scene *s) { return result(syscall(SYS_tgkill, s->sibling, s->sibling, SIGKILL)); }
static int tkill_sibling(const struct scene *s) { return result(syscall(SYS_tkill, s->sibling, SIGKILL)); }
static int sigqueue_sibling(const struct scene *s) { union sigval v = { 0 }; return result(sigqueue(s->sibling, SIGTERM, v)); }
static int do_pidfd(const struct scene *s) { return result(syscall(SYS_pidfd_open, s->sibling, 0)); }
static int set_priority(const struct scene *s) { return result(setpriority(PRIO_PROCESS, (id_t)s->sibling, 19)); }
static int affinity(const struct scene *s) { cpu_set_t c; CPU_ZERO(&c); CPU_SET(0, &c); return result(sched_setaffinity(s->sibling, sizeof(c), &c)); }
static int limit_other(const struct scene *s) { struct rlimit l = { 1, 1 }; return result(prlimit(s->parent, RLIMIT_NOFILE, &l, NULL)); }
static int limit_raise(const struct scene *s) { struct rlimit l = { 100000, 100000 }; return result(setrlimit(RLIMIT_NOFILE, &l)); }
static int fcntl_owner(const struct scene *s) { return result(fcntl(1, F_SETOWN, s->sibling)); }
static int do_kcmp(const struct scene *s) { return result(syscall(SYS_kcmp, s->parent, s->sibling, 0, 0, 0)); }

/* ---- memory ---- */

static int map_exec(const struct scene *s) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0; }
static int protect_exec(const struct scene *s)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int pkey_exec(const struct scene *s)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ | PROT_EXEC, -1));
}
static int read_implies_exec(const struct scene *s) { return result(syscall(SYS_personality, 0x0400000)); }
static int shm(const struct scene *s) { return result(syscall(SYS_shmget, 1, 4096, 01600)); }
static int faultfd(const struct scene *s) { return result(syscall(SYS_userfaultfd, 0)); }
static int secret_memory(const struct scene *s) { return result(syscall(447, 0)); }
static int remap_pages(const struct scene *s) { return result(syscall(SYS_remap_file_pages, 0, 0, 0, 0, 0)); }

/* ---- the kernel ---- */

static int do_bpf(const struct scene *s) { return result(syscall(SYS_bpf, 0, NULL, 0)); }
static int perf(const struct scene *s) { return result(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int uring(const struct scene *s) { char p[256] = { 0 }; return result(syscall(SYS_io_uring_setup, 1, p)); }
static int keys(const struct scene *s) { return result(syscall(SYS_keyctl, 0, -3, 0)); }
static int addkey(const struct scene *s) { return result(syscall(SYS_add_key, "user", "k", "v", 1, -3)); }
static int do_mount(const struct scene *s) { return result(mount("none", "/", "tmpfs", 0, NULL)); }
static int do_umount(const struct scene *s) { return result(umount2("/", MNT_DETACH)); }
static int pivot(const struct scene *s) { return result(syscall(SYS_pivot_root, ".", ".")); }
static int do_chroot(const struct scene *s) { return result(chroot("..")); }
static int do_unshare(const struct scene *s) { return result(unshare(CLONE_NEWUSER)); }
static int do_setns(const struct scene *s) { return result(setns(0, 0)); }
static int become_root(const struct scene *s) { return result(syscall(SYS_setuid, 0)); }
static int become_root_group(const struct scene *s) { return result(syscall(SYS_setgid, 0)); }
static int set_groups(const struct scene *s) { return result(syscall(SYS_setgroups, 0, NULL)); }
static int take_caps(const struct scene *s) { struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 }; struct __user_cap_data_struct d[2] = { { 1, 1, 1 } }; return result(syscall(SYS_capset, &h, d)); }
static int dumpable(const struct scene *s) { return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
static int change_seccomp(const struct scene *s) { return result(syscall(SYS_seccomp, 1, 0, NULL)); }
static int prctl_seccomp(const struct scene *s) { return result(prctl(PR_SET_SECCOMP, 2, NULL, 0, 0)); }
static int change_handler(const struct scene *s) { struct sigaction sa = { .sa_handler = SIG_IGN }; return result(sigaction(SIGSYS, &sa, NULL)); }
static int block_then_call(const struct scene *s)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return result(syscall(SYS_getpgid, 0));
}
static int inject_tty(const struct scene *s) { char c = 'x'; return result(ioctl(0, TIOCSTI, &c)); }
static int console_ioctl(const struct scene *s) { char c = 2; return result(ioctl(0, TIOCLINUX, &c)); }
static int io_priv(const struct scene *s) { return result(syscall(SYS_iopl, 3)); }
static int io_perm(const struct scene *s) { return result(syscall(SYS_ioperm, 0, 1, 1)); }
static int ldt(const struct scene *s) { return result(syscall(SYS_modify_ldt, 0, NULL, 0)); }
static int module(const struct scene *s) { return result(syscall(SYS_init_module, NULL, 0, "")); }
static int do_kexec(const struct scene *s) { return result(syscall(SYS_kexec_load, 0, 0, NULL, 0)); }
static int do_reboot(const struct scene *s) { return result(syscall(SYS_reboot, 0, 0, 0, NULL)); }
static int swap(const struct scene *s) { return result(swapon("/x", 0)); }
static int set_clock(const struct scene *s) { struct timeval tv = { 1, 0 }; return result(settimeofday(&tv, NULL)); }
static int host_name(const struct scene *s) { return result(sethostname("x", 1)); }
static int kernel_log(const struct scene *s) { return result(klogctl(3, NULL, 0)); }
static int accounting(const struct scene *s) { return result(acct(NULL)); }
static int quota(const struct scene *s) { return result(syscall(SYS_quotactl, 0, NULL, 0, NULL)); }
static int landlock(const struct scene *s) { return result(syscall(444, NULL, 0, 1)); }
static int x32(const struct scene *s) { return result(syscall(0x40000000 | SYS_getpid)); }

#if defined(__x86_64__)
static int int80(const struct scene *s)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory"); /* getpid by the 32-bit table */
	return rc < 0 ? (int)-rc : 0;
}
#endif

#define ALL(v) { v, v, v, v }
#define API(a, v) { a, v, v, v }

const struct attempt attempts[] = {
	{ "read /etc/passwd", passwd, ALL(FAILS) },
	{ "list a directory outside", open_outside, ALL(FAILS) },
	{ "read a file outside", outside_read, ALL(FAILS) },
	{ "write a file outside", outside_write, ALL(FAILS) },
	{ "create a file outside", outside_create, ALL(FAILS) },
	{ "follow a symbolic link out", outside_symlink, ALL(FAILS) },
	{ "leave by ..", dotdot, ALL(FAILS) },
	{ "leave by openat2", openat2_outside, ALL(FAILS) },
	{ "read the database's directory", db_read, API(FAILS, WORKS) },
	{ "create in the database's directory", db_create, API(FAILS, WORKS) },
	{ "write the selection file", selection_write, { FAILS, WORKS, FAILS, FAILS } },
	{ "read the selection file", selection_read, { FAILS, WORKS, FAILS, FAILS } },
	{ "open /proc/self/mem", self_mem, ALL(FAILS) },
	{ "open the supervisor's environ", parent_environ, ALL(FAILS) },
	{ "open a sibling's mem", sibling_mem, ALL(FAILS) },
	{ "open a sibling's maps", sibling_maps, ALL(FAILS) },
	{ "open /dev/tty", tty, ALL(FAILS) },
	{ "open /dev/kmsg", kmsg, ALL(FAILS) },
	{ "truncate by path", truncate_outside, ALL(DIES) },
	{ "chmod", chmod_outside, ALL(DIES) },
	{ "chown", chown_outside, ALL(DIES) },
	{ "mkdir", make_dir, ALL(DIES) },
	{ "mknod", make_node, ALL(DIES) },
	{ "symlink", make_symlink, ALL(DIES) },
	{ "hard link", hard_link, ALL(DIES) },
	{ "rename out of the directory", rename_out, { DIES, FAILS, DIES, DIES } },
	{ "open_by_handle_at", handle_open, ALL(DIES) },
	{ "inotify", inotify, ALL(DIES) },
	{ "fanotify", fanotify, ALL(DIES) },
	{ "TCP socket", sock_inet, { DIES, DIES, DIES, WORKS } },
	{ "TCP socket, IPv6", sock_inet6, { DIES, DIES, DIES, WORKS } },
	{ "UDP socket", sock_inet_dgram, ALL(DIES) },
	{ "Unix socket", sock_unix, ALL(DIES) },
	{ "netlink socket", sock_netlink, ALL(DIES) },
	{ "packet socket", sock_packet, ALL(DIES) },
	{ "raw socket", sock_raw, ALL(DIES) },
	{ "vsock socket", sock_vsock, ALL(DIES) },
	{ "crypto socket", sock_alg, ALL(DIES) },
	{ "socketpair", sock_pair, ALL(DIES) },
	{ "connect to another port", connect_other_port, { DIES, DIES, DIES, FAILS } },
	{ "bind", bind_port, ALL(DIES) },
	{ "listen", listen_any, ALL(DIES) },
	{ "exec", do_exec, ALL(DIES) },
	{ "execveat", do_execveat, ALL(DIES) },
	{ "memfd", memfd, ALL(DIES) },
	{ "fork", do_fork, ALL(DIES) },
	{ "clone", raw_clone, ALL(DIES) },
	{ "clone3", raw_clone3, ALL(FAILS) },
#ifdef SYS_vfork
	{ "vfork", raw_vfork, ALL(DIES) },
#endif
	{ "new thread", new_thread, ALL(DIES) },
	{ "ptrace", do_ptrace, ALL(DIES) },
	{ "process_vm_readv", vm_read, ALL(DIES) },
	{ "process_vm_writev", vm_write, ALL(DIES) },
	{ "kill the supervisor", kill_parent, ALL(DIES) },
	{ "kill a sibling", kill_sibling, ALL(DIES) },
	{ "kill everybody", kill_all, ALL(DIES) },
	{ "tgkill a sibling", tgkill_sibling, ALL(DIES) },
	{ "tkill a sibling", tkill_sibling, ALL(DIES) },
	{ "sigqueue", sigqueue_sibling, ALL(DIES) },
	{ "pidfd_open", do_pidfd, ALL(DIES) },
	{ "setpriority of a sibling", set_priority, ALL(DIES) },
	{ "sched_setaffinity of a sibling", affinity, ALL(DIES) },
	{ "prlimit of the supervisor", limit_other, ALL(DIES) },
	{ "raise an own limit", limit_raise, ALL(DIES) },
	{ "signals by F_SETOWN", fcntl_owner, ALL(DIES) },
	{ "kcmp", do_kcmp, ALL(DIES) },
	{ "executable mmap", map_exec, ALL(DIES) },
	{ "executable mprotect", protect_exec, ALL(DIES) },
	{ "executable pkey_mprotect", pkey_exec, ALL(DIES) },
	{ "READ_IMPLIES_EXEC", read_implies_exec, ALL(DIES) },
	{ "System V shared memory", shm, ALL(DIES) },
	{ "userfaultfd", faultfd, ALL(DIES) },
	{ "memfd_secret", secret_memory, ALL(DIES) },
	{ "remap_file_pages", remap_pages, ALL(DIES) },
	{ "bpf", do_bpf, ALL(DIES) },
	{ "perf_event_open", perf, ALL(DIES) },
	{ "io_uring", uring, ALL(DIES) },
	{ "keyctl", keys, ALL(DIES) },
	{ "add_key", addkey, ALL(DIES) },
	{ "mount", do_mount, ALL(DIES) },
	{ "umount", do_umount, ALL(DIES) },
	{ "pivot_root", pivot, ALL(DIES) },
	{ "chroot", do_chroot, ALL(DIES) },
	{ "unshare a user namespace", do_unshare, ALL(DIES) },
	{ "setns", do_setns, ALL(DIES) },
	{ "setuid(0)", become_root, ALL(DIES) },
	{ "setgid(0)", become_root_group, ALL(DIES) },
	{ "setgroups", set_groups, ALL(DIES) },
	{ "capset", take_caps, ALL(DIES) },
	{ "become dumpable", dumpable, ALL(DIES) },
	{ "seccomp()", change_seccomp, ALL(DIES) },
	{ "prctl(PR_SET_SECCOMP)", prctl_seccomp, ALL(DIES) },
	{ "replace the SIGSYS handler", change_handler, ALL(FAILS) },
	{ "block SIGSYS, then a forbidden call", block_then_call, ALL(DIES) },
	{ "ioctl TIOCSTI", inject_tty, ALL(FAILS) },
	{ "ioctl TIOCLINUX", console_ioctl, ALL(FAILS) },
	{ "iopl", io_priv, ALL(DIES) },
	{ "ioperm", io_perm, ALL(DIES) },
	{ "modify_ldt", ldt, ALL(DIES) },
	{ "init_module", module, ALL(DIES) },
	{ "kexec_load", do_kexec, ALL(DIES) },
	{ "reboot", do_reboot, ALL(DIES) },
	{ "swapon", swap, ALL(DIES) },
	{ "set the clock", set_clock, ALL(DIES) },
	{ "sethostname", host_name, ALL(DIES) },
	{ "kernel log", kernel_log, ALL(DIES) },
	{ "acct", accounting, ALL(DIES) },
	{ "quotactl", quota, ALL(DIES) },
	{ "landlock", landlock, ALL(DIES) },
	{ "x32 system call", x32, ALL(DIES) },
#if defined(__x86_64__)
	{ "32-bit system call", int80, ALL(DIES) },
#endif
};

const size_t nattempts = sizeof(attempts) / sizeof(attempts[0]);

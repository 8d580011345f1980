/*
 * The seccomp filter: see seccomp.h.
 *
 * A call that no rule names raises SIGSYS; the handler, which cannot be
 * replaced any more, writes which call it was and then makes one that kills.
 */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define NAMES_MAX 512
#define NAME_SIZE 28

/* Made before the lock: the handler may only write. */
static char names[NAMES_MAX][NAME_SIZE];
static char role_name[32];

static void prepare_names(const char *role)
{
	int i;

	snprintf(role_name, sizeof(role_name), "%s", role);
	for (i = 0; i < NAMES_MAX; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		snprintf(names[i], NAME_SIZE, "%s", name != NULL ? name : "");
		free(name);
	}
}

static size_t append(char *out, size_t at, size_t size, const char *text)
{
	while (*text != '\0' && at < size)
		out[at++] = *text++;
	return at;
}

static void on_refused(int sig, siginfo_t *info, void *context)
{
	char line[160], digits[16];
	int nr = info->si_syscall, n = nr < 0 ? 0 : nr;
	size_t at, d = sizeof(digits) - 1;
	ssize_t ignored;

	digits[d] = '\0';
	do {
		digits[--d] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0 && d > 0);
	at = append(line, 0, sizeof(line), role_name);
	at = append(line, at, sizeof(line), ": system call ");
	at = append(line, at, sizeof(line), nr >= 0 && nr < NAMES_MAX && names[nr][0] ?
	    names[nr] : "number");
	at = append(line, at, sizeof(line), " (");
	at = append(line, at, sizeof(line), digits + d);
	at = append(line, at, sizeof(line), ") refused by the sandbox\n");
	ignored = write(STDERR_FILENO, line, at);
	(void)ignored;
	syscall(SYS_reboot, 0, 0, 0, 0); /* group_never: the filter kills */
	_exit(128 + SIGSYS);
}

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
	struct scmp_arg_cmp when[2];
	unsigned n = 0;
	uint32_t action = rule->verdict == RULE_ALLOW ? SCMP_ACT_ALLOW :
	    rule->verdict == RULE_KILL ? SCMP_ACT_KILL_PROCESS :
	    SCMP_ACT_ERRNO((unsigned)rule->errnum);
	int nr = seccomp_syscall_resolve_name(rule->call), rc;

	/* Unknown to this library, or not of this architecture: not allowed then. */
	if (nr == __NR_SCMP_ERROR || nr < 0)
		return 0;
	for (; n < 2 && rule->when[n].test != TEST_NONE; n++) {
		when[n] = (struct scmp_arg_cmp){ .arg = rule->when[n].arg, .op = SCMP_CMP_EQ,
			.datum_a = rule->when[n].value, .datum_b = 0 };
		if (rule->when[n].test == TEST_SELF_PID)
			when[n].datum_a = (scmp_datum_t)getpid();
		else if (rule->when[n].test == TEST_BITS_CLEAR)
			when[n].op = SCMP_CMP_MASKED_EQ; /* datum_a is the mask, datum_b 0 */
	}
	rc = seccomp_rule_add_array(ctx, action, nr, n, when);
	/* The same rule twice (groups may overlap) is no error. */
	return rc == -EEXIST ? 0 : rc;
}

static int fill(scmp_filter_ctx ctx, const struct profile *p, unsigned *calls)
{
	const struct group *const *g;
	size_t i;
	int rc = 0;

#ifdef SANDBOX_SANITIZED
	for (i = 0; rc == 0 && i < group_sanitizer.count; i++)
		rc = add_rule(ctx, &group_sanitizer.rules[i]);
#endif
	for (g = p->groups; rc == 0 && *g != NULL; g++)
		for (i = 0; rc == 0 && i < (*g)->count; i++) {
			const struct rule *rule = &(*g)->rules[i];

			rc = add_rule(ctx, rule);
#ifdef SANDBOX_SANITIZED
			/* The run-time library's needs win over a refusal. */
			if (rule->verdict != RULE_ALLOW)
				rc = 0;
#endif
			if (rule->verdict == RULE_ALLOW && (i == 0 ||
			    strcmp(rule->call, rule[-1].call) != 0))
				++*calls;
		}
	return rc;
}

int seccomp_apply(const struct profile *p, const char *role, unsigned *calls, struct err *e)
{
	struct sigaction sa = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx ctx;
	int rc;

	*calls = 0;
	prepare_names(role);
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return err_set_errno(e, ERR_IO, errno, "cannot handle SIGSYS");
	ctx = seccomp_init(SCMP_ACT_TRAP);
	if (ctx == NULL)
		return err_set(e, ERR_NOMEM, "not enough memory for the seccomp filter");
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = fill(ctx, p, calls);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc != 0)
		return err_set_errno(e, ERR_UNSUPPORTED, -rc, "cannot load the seccomp filter; "
		    "the kernel needs CONFIG_SECCOMP_FILTER");
	return 0;
}

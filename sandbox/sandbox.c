/*
 * The sandbox: see sandbox.h.
 */
#include "sandbox/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox/landlock.h"
#include "sandbox/privileges.h"
#include "sandbox/profile.h"
#include "sandbox/seccomp.h"

static const struct {
	const char *name;
	const struct profile *profile;
} roles[] = {
	[SANDBOX_API] = { "api-worker", &profile_api },
	[SANDBOX_DB_SETUP] = { "db-worker (setup)", &profile_db_setup },
	[SANDBOX_DB_SQLITE] = { "db-worker (sqlite)", &profile_db_sqlite },
	[SANDBOX_DB_TURSO] = { "db-worker (turso)", &profile_db_turso },
};

_Static_assert(sizeof(roles) / sizeof(roles[0]) == SANDBOX_ROLE_COUNT, "every role has a row");

static const char *const modes[] = {
	[SANDBOX_REQUIRE] = "require",
	[SANDBOX_BEST_EFFORT] = "best-effort",
	[SANDBOX_OFF] = "off",
};

int sandbox_mode_parse(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(name, modes[i]) == 0)
			return (int)i;
	return -1;
}

const char *sandbox_mode_name(enum sandbox_mode mode)
{
	return (size_t)mode < sizeof(modes) / sizeof(modes[0]) ? modes[mode] : "unknown";
}

const char *sandbox_role_name(enum sandbox_role role)
{
	return (size_t)role < SANDBOX_ROLE_COUNT ? roles[role].name : "unknown";
}

/* ---- the report ---- */

__attribute__((format(printf, 2, 3)))
static void say(struct sandbox_report *report, const char *fmt, ...)
{
	size_t len = strlen(report->text);
	va_list ap;

	if (len > 0 && len + 2 < sizeof(report->text)) {
		memcpy(report->text + len, ", ", 3);
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(report->text + len, sizeof(report->text) - len, fmt, ap);
	va_end(ap);
}

/* A part that could not be had: fatal when it is required. */
static int missing(const struct sandbox_request *r, struct sandbox_report *report, int rc,
    struct err *e)
{
	report->complete = false;
	if (r->mode == SANDBOX_BEST_EFFORT) {
		say(report, "MISSING: %s", e->text);
		return 0;
	}
	err_prefix(e, "SANDBOX=require: %s", sandbox_role_name(r->role));
	return rc;
}

static void report_identity(struct sandbox_report *report)
{
	report->uid = geteuid();
	report->gid = getegid();
	report->capabilities = privileges_effective();
	report->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	report->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
	say(report, "uid %u", (unsigned)report->uid);
	if (report->capabilities == 0)
		say(report, "no capabilities");
	else
		say(report, "capabilities %llx", (unsigned long long)report->capabilities);
	if (report->no_new_privs)
		say(report, "no_new_privs");
	if (report->chrooted)
		say(report, "own root directory");
}

static void report_landlock(struct sandbox_report *report, const struct landlock_result *l)
{
	report->landlock_abi = l->abi;
	report->landlock_rules = l->rules;
	say(report, "Landlock ABI %d (%u %s)", l->abi, l->rules,
	    l->rules == 1 ? "rule" : "rules");
	if (l->net)
		say(report, "TCP restricted");
	if (l->scoped)
		say(report, "signals and abstract sockets scoped");
}

/* ---- the two steps ---- */

int sandbox_drop(const struct sandbox_request *r, struct sandbox_report *report, struct err *e)
{
	const struct profile *p = roles[r->role].profile;
	struct landlock_result landlock = { 0 };
	struct err local;
	int rc;

	if (e == NULL)
		e = &local;
	memset(report, 0, sizeof(*report));
	report->complete = r->mode != SANDBOX_OFF;
	rc = privileges_limit(r, e);
	if (rc < 0)
		return rc;
	if (r->mode == SANDBOX_OFF) {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		say(report, "SANDBOX=off: not sandboxed");
		report_identity(report);
		return 0;
	}
	rc = privileges_close_fds(r, e);
	if (rc == 0)
		rc = privileges_drop(r, &report->chrooted, e);
	if (rc < 0)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, ERR_UNSUPPORTED, "cannot set no_new_privs");
	report_identity(report);
	rc = landlock_apply(r, &landlock, e);
	if (rc == 0)
		report_landlock(report, &landlock);
	/* Without TCP rules a role that may make sockets could reach any port; the
	 * others are held by seccomp. */
	if (rc == 0 && p->needs_port_rule && !landlock.net)
		rc = err_set(e, ERR_UNSUPPORTED, "the kernel's Landlock (ABI %d) cannot restrict TCP "
		    "ports; ABI 4 (Linux 6.7) is needed", landlock.abi);
	return rc < 0 ? missing(r, report, rc, e) : 0;
}

int sandbox_lock(const struct sandbox_request *r, struct sandbox_report *report, struct err *e)
{
	struct err local;
	unsigned calls;
	int rc;

	if (e == NULL)
		e = &local;
	if (r->mode == SANDBOX_OFF)
		return 0;
	rc = seccomp_apply(roles[r->role].profile, roles[r->role].name, &calls, e);
	if (rc < 0)
		return missing(r, report, rc, e);
	rc = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	report->seccomp_mode = rc > 0 ? (uint8_t)rc : 0;
	say(report, "seccomp allow-list of %u calls", calls);
	return 0;
}

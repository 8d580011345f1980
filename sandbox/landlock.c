/*
 * Landlock: see landlock.h.  Everything that the kernel's ABI can deny is
 * handled; only what the request names is admitted.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's uapi (include/uapi/linux/landlock.h). */
#define SYS_LANDLOCK_CREATE_RULESET 444
#define SYS_LANDLOCK_ADD_RULE 445
#define SYS_LANDLOCK_RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG (1ull << 8)
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_BIND_TCP (1ull << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

static int pretended = -1;

void landlock_pretend_abi(int abi)
{
	pretended = abi;
}

int landlock_abi(void)
{
	long abi;

	if (pretended >= 0)
		return pretended;
	abi = syscall(SYS_LANDLOCK_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

static uint64_t handled_fs(int abi)
{
	return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
	    (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static uint64_t access_rights(enum sandbox_access access)
{
	uint64_t rights = FS_READ_FILE | FS_READ_DIR;

	if (access == SANDBOX_READ_WRITE)
		rights |= FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE;
	return rights;
}

static int add_rules(int ruleset, const struct sandbox_request *r, uint64_t handled, bool net,
    unsigned *rules)
{
	size_t i;

	for (i = 0; i < r->npaths; i++) {
		struct path_attr attr = {
			.allowed_access = access_rights(r->paths[i].access) & handled,
			.parent_fd = r->paths[i].dirfd,
		};

		if (syscall(SYS_LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0)
			return -1;
		++*rules;
	}
	if (net && r->connect_port != 0) {
		struct port_attr attr = { NET_CONNECT_TCP, r->connect_port };

		if (syscall(SYS_LANDLOCK_ADD_RULE, ruleset, RULE_NET_PORT, &attr, 0) < 0)
			return -1;
		++*rules;
	}
	return 0;
}

int landlock_apply(const struct sandbox_request *r, struct landlock_result *out, struct err *e)
{
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(attr.handled_access_fs);
	int ruleset, errnum;

	*out = (struct landlock_result){ .abi = landlock_abi() };
	if (out->abi == 0)
		return err_set(e, ERR_UNSUPPORTED, "the kernel offers no Landlock; boot a kernel "
		    "with CONFIG_SECURITY_LANDLOCK and landlock in its lsm= list");
	attr.handled_access_fs = handled_fs(out->abi);
	if (out->abi >= 4) {
		attr.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = sizeof(attr) - sizeof(attr.scoped);
		out->net = true;
	}
	if (out->abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(attr);
		out->scoped = true;
	}
	ruleset = (int)syscall(SYS_LANDLOCK_CREATE_RULESET, &attr, size, 0);
	if (ruleset < 0)
		return err_set_errno(e, ERR_UNSUPPORTED, errno, "cannot make Landlock rules");
	if (add_rules(ruleset, r, attr.handled_access_fs, out->net, &out->rules) < 0 ||
	    syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0) {
		errnum = errno;
		close(ruleset);
		return err_set_errno(e, ERR_UNSUPPORTED, errnum, "cannot enforce Landlock rules");
	}
	close(ruleset);
	return 0;
}

/*
 * What a profile is: groups of system calls.  A call that no group names ends
 * the process.  Several rows of one call are alternatives.
 */
#ifndef SANDBOX_PROFILE_H
#define SANDBOX_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

/* Sanitizers' run-time libraries make calls of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

enum rule_verdict { RULE_ALLOW, RULE_ERRNO, RULE_KILL };
enum rule_test { TEST_NONE, TEST_EQUAL, TEST_BITS_CLEAR, TEST_SELF_PID };

struct rule {
	const char *call;
	enum rule_verdict verdict;
	int errnum; /* RULE_ERRNO */
	struct {
		enum rule_test test;
		unsigned arg;
		uint64_t value; /* compared, or the bits that must be clear */
	} when[2];
};

#define ALLOW(call) { (call), RULE_ALLOW, 0, { { TEST_NONE, 0, 0 } } }
#define ALLOW_IF(call, arg, value) \
	{ (call), RULE_ALLOW, 0, { { TEST_EQUAL, (arg), (uint64_t)(value) } } }
#define ALLOW_IF2(call, arg1, value1, arg2, value2) \
	{ (call), RULE_ALLOW, 0, { { TEST_EQUAL, (arg1), (uint64_t)(value1) }, \
	    { TEST_EQUAL, (arg2), (uint64_t)(value2) } } }
#define ALLOW_WITHOUT(call, arg, bits) \
	{ (call), RULE_ALLOW, 0, { { TEST_BITS_CLEAR, (arg), (uint64_t)(bits) } } }
#define ALLOW_ON_SELF(call, arg) \
	{ (call), RULE_ALLOW, 0, { { TEST_SELF_PID, (arg), 0 } } }
#define FAIL(call, errnum) { (call), RULE_ERRNO, (errnum), { { TEST_NONE, 0, 0 } } }
#define KILL(call) { (call), RULE_KILL, 0, { { TEST_NONE, 0, 0 } } }

struct group {
	const char *purpose;
	const struct rule *rules;
	size_t count;
};

#define GROUP(name, purpose_text, ...) \
	static const struct rule name##_rules[] = { __VA_ARGS__ }; \
	const struct group name = { (purpose_text), name##_rules, \
	    sizeof(name##_rules) / sizeof(name##_rules[0]) }

#define PROFILE_GROUPS_MAX 12

struct profile {
	const struct group *groups[PROFILE_GROUPS_MAX]; /* ends with NULL */
	bool needs_port_rule; /* incomplete without Landlock's TCP rules */
};

/* Shared by all roles (profile_common.c). */
extern const struct group group_process, group_clock, group_memory, group_threads,
    group_event_loop, group_messages, group_never;
#ifdef SANDBOX_SANITIZED
extern const struct group group_sanitizer;
#endif
/* Of the db-worker's roles (profile_db.c). */
extern const struct group group_database_files, group_setup_files, group_outgoing;
/* Of the api-worker (profile_api.c). */
extern const struct group group_connections, group_no_files;

extern const struct profile profile_api, profile_db_setup, profile_db_sqlite,
    profile_db_turso;

#endif

/*
 * What the kernel says about a process (proc(5)): for the status.
 */
#ifndef SUPERVISOR_PROCESS_INFO_H
#define SUPERVISOR_PROCESS_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_info {
	uint64_t rss_bytes;
	uint32_t uid, gid;     /* effective */
	char capabilities[20]; /* effective, hexadecimal */
	uint8_t seccomp_mode;
	bool no_new_privs;
};

/* Zeros when the process is gone. */
void process_info_read(pid_t pid, struct process_info *out);

#endif

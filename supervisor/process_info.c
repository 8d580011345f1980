/*
 * What the kernel says about a process: see process_info.h.
 */
#include "supervisor/process_info.h"

#include <stdio.h>
#include <string.h>

void process_info_read(pid_t pid, struct process_info *out)
{
	char path[64], line[256];
	unsigned long long kib;
	unsigned a, b;
	FILE *f;

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			out->rss_bytes = kib * 1024;
		else if (sscanf(line, "Uid: %u %u", &a, &b) == 2)
			out->uid = b;
		else if (sscanf(line, "Gid: %u %u", &a, &b) == 2)
			out->gid = b;
		else if (sscanf(line, "Seccomp: %u", &a) == 1)
			out->seccomp_mode = (uint8_t)a;
		else if (sscanf(line, "NoNewPrivs: %u", &a) == 1)
			out->no_new_privs = a != 0;
		else
			(void)sscanf(line, "CapEff: %19s", out->capabilities);
	}
	fclose(f);
}

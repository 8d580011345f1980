/*
 * The answer to system_status: every process, as the kernel reports it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/internal.h"
#include "supervisor/process_info.h"

static void fill_process(struct rec_process *p, struct process_info *info, const char *role,
    pid_t pid)
{
	process_info_read(pid, info);
	p->role = role;
	p->pid = (uint32_t)pid;
	p->rss_bytes = info->rss_bytes;
	p->uid = info->uid;
	p->gid = info->gid;
	p->capabilities = info->capabilities;
	p->seccomp_mode = info->seccomp_mode;
	p->no_new_privs = info->no_new_privs;
}

static void fill_worker(struct rec_process *p, struct process_info *info, const struct worker *w)
{
	fill_process(p, info, w->kind->role, w->pid);
	p->state = life_state_name(w->state);
	p->restarts = w->restarts;
	p->uptime_ms = w->pid != 0 ? (uint64_t)(clock_monotonic_ms() - w->started_ms) : 0;
	p->sandbox = w->sandbox;
	p->last_exit = w->last_exit[0] != '\0' ? w->last_exit : NULL;
}

static bool crash_loop(const struct supervisor *s)
{
	int64_t now = clock_monotonic_ms();
	size_t i;

	for (i = 0; i < s->napi; i++)
		if (backoff_is_crash_loop(&s->api[i].backoff, now))
			return true;
	return backoff_is_crash_loop(&s->db.backoff, now);
}

void system_status(struct supervisor *s, struct worker *w, const struct msg *request)
{
	size_t n = s->napi + 2, i;
	struct rec_process *processes = calloc(n, sizeof(*processes));
	struct process_info *info = calloc(n, sizeof(*info));
	struct msg m;

	if (processes != NULL && info != NULL) {
		fill_process(&processes[0], &info[0], "supervisor", getpid());
		processes[0].state = life_state_name(LIFE_READY);
		processes[0].uptime_ms = (uint64_t)(clock_monotonic_ms() - s->started_ms);
		fill_worker(&processes[1], &info[1], &s->db);
		processes[1].mode = s->database.mode == IPC_DB_SETUP ? "setup" : "serve";
		for (i = 0; i < s->napi; i++)
			fill_worker(&processes[2 + i], &info[2 + i], &s->api[i]);
		msg_init(&m, MSG_system_status_reply, request->id);
		m.system_status_reply.version = DEPLOYSTACKD_VERSION;
		m.system_status_reply.sandbox_mode = sandbox_mode_name(s->config.sandbox);
		m.system_status_reply.data_dir = s->data_dir.path;
		m.system_status_reply.crash_loop = crash_loop(s);
		m.system_status_reply.processes.items = processes;
		m.system_status_reply.processes.count = (uint32_t)n;
		worker_send(w, &m);
	}
	free(processes);
	free(info);
}

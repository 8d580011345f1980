/*
 * deploystackctl status [--json]
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

static const char *text(const cJSON *object, const char *name, char *out, size_t size)
{
	print_clean(out, size, cJSON_GetStringValue(cJSON_GetObjectItem(object, name)));
	return out;
}

static double number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void print_process(const cJSON *p)
{
	char role[32], mode[32], state[32], uptime[32], rss[32], caps[64], sandbox[1024],
	    last[256], name[80];

	text(p, "role", role, sizeof(role));
	text(p, "mode", mode, sizeof(mode));
	print_duration(uptime, sizeof(uptime), number(p, "uptime_ms"));
	print_size(rss, sizeof(rss), number(p, "rss_bytes"));
	snprintf(name, sizeof(name), strcmp(mode, "-") == 0 ? "%s" : "%s (%s)", role, mode);
	printf("%-20s %7.0f  %-9s %9s  %8.0f  %9s\n", name, number(p, "pid"),
	    text(p, "state", state, sizeof(state)), uptime, number(p, "restarts"), rss);
	printf("%-20s          uid %.0f, gid %.0f, capabilities %s, seccomp %.0f, no_new_privs %s\n",
	    "", number(p, "uid"), number(p, "gid"), text(p, "capabilities", caps, sizeof(caps)),
	    number(p, "seccomp_mode"), cJSON_IsTrue(cJSON_GetObjectItem(p, "no_new_privs")) ?
	    "yes" : "no");
	if (strcmp(text(p, "sandbox", sandbox, sizeof(sandbox)), "-") != 0 && sandbox[0] != '\0')
		printf("%-20s          %s\n", "", sandbox);
	if (strcmp(text(p, "last_exit", last, sizeof(last)), "-") != 0)
		printf("%-20s          the one before: %s\n", "", last);
}

static void print_database(const cJSON *d)
{
	char engine[32], version[64], size[32], problem[1024], tag[256], when[CLOCK_ISO_SIZE];
	const cJSON *m;

	if (!cJSON_IsTrue(cJSON_GetObjectItem(d, "configured"))) {
		puts("\ndatabase             not configured; run: deploystackctl setup sqlite");
		return;
	}
	print_size(size, sizeof(size), number(d, "size_bytes"));
	printf("\ndatabase             %s", text(d, "engine", engine, sizeof(engine)));
	if (cJSON_IsTrue(cJSON_GetObjectItem(d, "initialized")))
		printf(" %s, ready, %s\n", text(d, "engine_version", version, sizeof(version)), size);
	else
		puts(", NOT READY");
	if (strcmp(text(d, "problem", problem, sizeof(problem)), "-") != 0)
		printf("problem              %s\n", problem);
	cJSON_ArrayForEach(m, cJSON_GetObjectItem(d, "migrations")) {
		clock_iso8601((int64_t)number(m, "created_at"), when);
		printf("migration            %s (made %.10s)\n", text(m, "tag", tag, sizeof(tag)), when);
	}
}

static void print_status(const cJSON *json)
{
	char version[64], mode[32], dir[4096];
	const cJSON *p;

	printf("deploystackd %s, sandbox %s, data in %s\n", text(json, "version", version,
	    sizeof(version)), text(json, "sandbox_mode", mode, sizeof(mode)),
	    text(json, "data_dir", dir, sizeof(dir)));
	if (cJSON_IsTrue(cJSON_GetObjectItem(json, "crash_loop")))
		puts("WARNING: a worker dies as fast as it is started; the log says why");
	printf("\n%-20s %7s  %-9s %9s  %8s  %9s\n", "process", "pid", "state", "up", "restarts",
	    "memory");
	cJSON_ArrayForEach(p, cJSON_GetObjectItem(json, "processes"))
		print_process(p);
	print_database(cJSON_GetObjectItem(json, "database"));
}

int command_status(const struct cli *cli, int argc, char **argv)
{
	struct reply r;
	struct err e;
	int rc, exit_code = CLI_OK;

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "--json") != 0)) {
		print_error("usage: deploystackctl status [--json]");
		return CLI_USAGE;
	}
	rc = client_request(cli->data_dir, "GET", "/api/system/status", NULL, &r, &e);
	if (rc < 0)
		return client_fail(rc, &e);
	if (r.status != 200 || r.json == NULL) {
		exit_code = reply_fail(&r);
	} else if (argc == 1) {
		exit_code = print_json(r.json);
	} else {
		print_status(r.json);
	}
	reply_free(&r);
	return exit_code;
}

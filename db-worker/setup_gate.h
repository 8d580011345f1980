/*
 * The setup act as a service: once, by whoever may.
 */
#ifndef DB_WORKER_SETUP_GATE_H
#define DB_WORKER_SETUP_GATE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "db-worker/setup.h"

struct setup_gate {
	pthread_mutex_t lock;
	bool open;             /* this is a setup-mode db-worker */
	bool done;             /* the database is complete and selected */
	struct setup setup;
	int problem_code;      /* what was wrong when this process started */
	struct err problem;
	bool problem_told;     /* then a fresh process tries again */
};

void setup_gate_init(struct setup_gate *g);

#endif

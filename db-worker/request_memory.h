/*
 * The end of a request's memory; only requests.c calls it.
 */
#ifndef DB_WORKER_REQUEST_MEMORY_H
#define DB_WORKER_REQUEST_MEMORY_H

#include "db-worker/requests.h"

/* Wipes and frees all that request_alloc gave. */
void request_memory_free(struct request *q);

#endif

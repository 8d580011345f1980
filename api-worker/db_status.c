/*
 * GET /api/db/status: answered from memory, always.
 */
#include "api-worker/handlers.h"
#include "api-worker/worker.h"

void handle_db_status(struct exchange *x)
{
	const struct db_view *v = &worker_of(x)->view;

	answer(x, 200, "application/json; charset=utf-8", v->status, v->status_len);
}

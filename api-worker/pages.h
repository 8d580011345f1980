/*
 * A list that comes from the db-worker in pages and goes to the client as one answer:
 * {"success":true,"data":[…]}.
 */
#ifndef API_WORKER_PAGES_H
#define API_WORKER_PAGES_H

#include "api-worker/exchange.h"

struct pages {
	struct buf json;
	char group_id[101], pattern[256]; /* what the next page is of; "": all */
};

/* Begins the answer; NULL when it was answered for lack of memory. */
struct pages *pages_begin(struct exchange *x);

/* Between the two: what pages_begin gave. */
struct pages *pages_of(struct exchange *x);

/* Answers. */
void pages_end(struct exchange *x);

#endif

/*
 * How many connections each peer address has: an IPv4 address, or the /64
 * network of an IPv6 address, since one host has a whole one.
 */
#ifndef API_WORKER_PEERS_H
#define API_WORKER_PEERS_H

#include <sys/socket.h>

#include "base/err.h"

struct peers;
struct peer;

/* ERR_NOMEM. */
int peers_new(struct peers **out, struct err *e);
void peers_free(struct peers *p);

/* Counts one more connection of that address; NULL when it has max already, or
 * memory ran out. */
struct peer *peers_enter(struct peers *p, const struct sockaddr *address, unsigned max);

/* One less; NULL is fine. */
void peers_leave(struct peers *p, struct peer *peer);

#endif

/*
 * Connections per address: see peers.h.
 *
 * A hash table with chains, keyed so that nobody can choose addresses that
 * meet in one chain.  Invariant: an entry exists exactly while its count > 0.
 */
#include "api-worker/peers.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024
#define KEY_SIZE 16

struct peer {
	struct peer *next;
	unsigned bucket;
	unsigned count;
	unsigned char key[KEY_SIZE];
};

struct peers {
	unsigned char secret[crypto_shorthash_KEYBYTES];
	struct peer *bucket[BUCKETS];
};

int peers_new(struct peers **out, struct err *e)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, ERR_NOMEM, "not enough memory for the table of peers");
	crypto_shorthash_keygen(p->secret);
	*out = p;
	return 0;
}

void peers_free(struct peers *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while (p->bucket[i]) {
			struct peer *next = p->bucket[i]->next;

			free(p->bucket[i]);
			p->bucket[i] = next;
		}
	}
	free(p);
}

static void make_key(const struct sockaddr *address, unsigned char key[KEY_SIZE])
{
	memset(key, 0, KEY_SIZE);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		key[0] = 4;
		memcpy(key + 12, &in->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
			key[0] = 4;
			memcpy(key + 12, in->sin6_addr.s6_addr + 12, 4);
			return;
		}
		memcpy(key + 8, in->sin6_addr.s6_addr, 8);
		key[0] = 6;
	}
}

struct peer *peers_enter(struct peers *p, const struct sockaddr *address, unsigned max)
{
	unsigned char key[KEY_SIZE], hash[crypto_shorthash_BYTES];
	struct peer *peer;
	unsigned bucket;

	make_key(address, key);
	crypto_shorthash(hash, key, KEY_SIZE, p->secret);
	bucket = (hash[0] | (unsigned)hash[1] << 8) % BUCKETS;
	for (peer = p->bucket[bucket]; peer; peer = peer->next)
		if (memcmp(peer->key, key, KEY_SIZE) == 0)
			break;
	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return NULL;
		memcpy(peer->key, key, KEY_SIZE);
		peer->bucket = bucket;
		peer->next = p->bucket[bucket];
		p->bucket[bucket] = peer;
	} else if (peer->count >= max) {
		return NULL;
	}
	peer->count++;
	return peer;
}

void peers_leave(struct peers *p, struct peer *peer)
{
	struct peer **at;

	if (!peer || --peer->count > 0)
		return;
	for (at = &p->bucket[peer->bucket]; *at != peer; at = &(*at)->next)
		;
	*at = peer->next;
	free(peer);
}

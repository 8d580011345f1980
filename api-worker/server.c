/*
 * Accepting: see server.h.
 *
 * Invariant: the number of connections never passes the cap; at most
 * REFUSALS_MAX more are there to be told so and closed.
 */
#include "api-worker/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-worker/connection.h"

#define ACCEPT_BATCH 4     /* then other workers and connections have their turn */
#define ACCEPT_PAUSE_MS 100
#define CONTROL_MAX 32     /* connections to the control socket */
#define LINGER_MS 2000
#define FREE_EXCHANGES_MAX 64

/* ---- exchanges, for reuse ---- */

struct exchange *http_server_take_exchange(struct http_server *s)
{
	struct exchange *x = s->free_exchanges;

	if (!x)
		return exchange_new();
	s->free_exchanges = x->next;
	s->nfree--;
	return x;
}

void http_server_give_exchange(struct http_server *s, struct exchange *x)
{
	if (s->nfree == FREE_EXCHANGES_MAX) {
		exchange_free(x);
		return;
	}
	buf_clear(&x->out);
	buf_clear(&x->pending);
	exchange_reset(x);
	x->next = s->free_exchanges;
	s->free_exchanges = x;
	s->nfree++;
}

/* ---- accepting ---- */

static void accept_all(struct http_server *s, bool on)
{
	size_t i;

	for (i = 0; i < s->nlisteners; i++) {
		if (on)
			event_add(&s->listeners[i]->acceptable, NULL);
		else
			event_del(&s->listeners[i]->acceptable);
	}
}

/* Out of descriptors or memory: the connection stays in the kernel's queue, and
 * asking again at once would only burn the processor. */
static void pause_accepting(struct http_server *s)
{
	const struct timeval tv = { 0, ACCEPT_PAUSE_MS * 1000 };

	s->paused = true;
	accept_all(s, false);
	evtimer_add(&s->pause_timer, &tv);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	s->paused = false;
	if (s->accepting)
		accept_all(s, true);
}

static void describe_address(const struct sockaddr *a, char out[CONNECTION_ADDRESS_SIZE])
{
	const void *binary = a->sa_family == AF_INET ?
	    (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr :
	    (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;

	if (!inet_ntop(a->sa_family, binary, out, CONNECTION_ADDRESS_SIZE))
		out[0] = '\0';
}

/* Those who are refused may not take the place of others either. */
static void tell_refused(struct http_server *s, const struct http_listener *l, int fd,
    const char *address, int status, const char *text)
{
	if (s->nrefused >= REFUSALS_MAX)
		close(fd);
	else
		connection_refuse(s, l, fd, address, status, text);
}

static void welcome_control(struct http_listener *l, int fd)
{
	struct http_server *s = l->server;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	char who[CONNECTION_ADDRESS_SIZE];
	struct err e;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close(fd);
		return;
	}
	snprintf(who, sizeof(who), "uid %lu pid %ld", (unsigned long)peer.uid, (long)peer.pid);
	if (s->nconnections[IPC_LISTEN_CONTROL] >= CONTROL_MAX)
		close(fd);
	else if (peer.uid != 0 && peer.uid != s->limits.control_uid)
		tell_refused(s, l, fd, who, 403,
		    "Only root and the daemon's user may use the control socket.");
	else if (connection_new(s, l, fd, NULL, who, &e) < 0)
		close(fd);
}

static void welcome_tcp(struct http_listener *l, int fd, const struct sockaddr *address)
{
	struct http_server *s = l->server;
	unsigned n = s->nconnections[IPC_LISTEN_TCP];
	char text[CONNECTION_ADDRESS_SIZE];
	struct peer *peer;
	struct err e;

	describe_address(address, text);
	if (n >= s->limits.max_connections) {
		tell_refused(s, l, fd, text, 503, "Too many connections; try again.");
		return;
	}
	peer = peers_enter(s->peers, address, s->limits.max_connections_per_address);
	if (!peer) {
		tell_refused(s, l, fd, text, 503,
		    "Too many connections from this address; try again.");
		return;
	}
	if (connection_new(s, l, fd, peer, text, &e) < 0) {
		peers_leave(s->peers, peer);
		close(fd);
	}
}

static void on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct http_listener *l = arg;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage space;
	} address;
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH && l->server->accepting && !l->server->paused; i++) {
		socklen_t len = sizeof(address);

		memset(&address, 0, sizeof(address.in6));
		fd = accept4(listening, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				pause_accepting(l->server);
			/* EAGAIN: another worker was faster.  The rest are errors of
			 * the connection that went away. */
			return;
		}
		if (l->kind == IPC_LISTEN_CONTROL)
			welcome_control(l, fd);
		else
			welcome_tcp(l, fd, &address.any);
	}
}

int http_server_add_listener(struct http_server *s, int fd, enum ipc_listener_kind kind,
    bool loopback, struct err *e)
{
	struct http_listener **list, *l;
	int listening = 0, one = 1, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(listening);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
		return err_set(e, ERR_INVALID, "descriptor %d is not a listening socket", fd);
	/* Accepted connections inherit it. */
	if (kind == IPC_LISTEN_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	list = realloc(s->listeners, (s->nlisteners + 1) * sizeof(*list));
	if (!list)
		return err_set(e, ERR_NOMEM, "not enough memory for a listener");
	s->listeners = list;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(e, ERR_NOMEM, "not enough memory for a listener");
	*l = (struct http_listener){ .server = s, .fd = fd, .kind = kind, .loopback = loopback };
	event_assign(&l->acceptable, s->base, fd, EV_READ | EV_PERSIST, on_acceptable, l);
	s->listeners[s->nlisteners++] = l;
	return 0;
}

void http_server_start(struct http_server *s)
{
	if (s->accepting || s->draining)
		return;
	s->accepting = true;
	accept_all(s, true);
}

/* ---- life ---- */

static void on_expired(struct phased *p)
{
	connection_expired((struct connection *)(void *)((char *)p -
	    offsetof(struct connection, phased)));
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
	s->limits = *limits;
	phases_set_limit(&s->phases, PHASE_IDLE, limits->idle_timeout_ms);
	phases_set_limit(&s->phases, PHASE_HEAD, limits->header_timeout_ms);
	phases_set_limit(&s->phases, PHASE_BODY, limits->body_timeout_ms);
	phases_set_limit(&s->phases, PHASE_WRITE, limits->write_timeout_ms);
	phases_set_limit(&s->phases, PHASE_LINGER, LINGER_MS);
}

int http_server_new(struct http_server **out, struct event_base *base,
    const struct http_app *app, const struct http_limits *limits, struct err *e)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s || peers_new(&s->peers, e) < 0) {
		free(s);
		return err_set(e, ERR_NOMEM, "not enough memory for the HTTP server");
	}
	s->base = base;
	s->app = *app;
	phases_init(&s->phases, base, on_expired);
	evtimer_assign(&s->pause_timer, base, on_pause_over, s);
	http_server_set_limits(s, limits);
	*out = s;
	return 0;
}

void http_server_free(struct http_server *s)
{
	struct exchange *x;
	size_t i;

	if (!s)
		return;
	phases_close(&s->phases);
	evtimer_del(&s->pause_timer);
	for (i = 0; i < s->nlisteners; i++) {
		event_del(&s->listeners[i]->acceptable);
		close(s->listeners[i]->fd);
		free(s->listeners[i]);
	}
	free(s->listeners);
	while ((x = s->free_exchanges) != NULL) {
		s->free_exchanges = x->next;
		exchange_free(x);
	}
	peers_free(s->peers);
	free(s);
}

static unsigned count_all(const struct http_server *s)
{
	return s->nconnections[IPC_LISTEN_TCP] + s->nconnections[IPC_LISTEN_CONTROL] +
	    s->nrefused;
}

void http_server_connection_gone(struct http_server *s)
{
	if (s->draining && count_all(s) == 0)
		s->drained(s->drained_arg);
}

void http_server_drain(struct http_server *s, void (*done)(void *arg), void *arg)
{
	struct phased *p;
	unsigned i;

	if (s->draining)
		return;
	s->draining = true;
	s->drained = done;
	s->drained_arg = arg;
	s->accepting = false;
	accept_all(s, false);
	if (count_all(s) == 0) {
		done(arg);
		return;
	}
	for (i = PHASE_HEAD; i < PHASE_COUNT; i++)
		TAILQ_FOREACH(p, &s->phases.queue[i], entry)
			connection_drain((struct connection *)(void *)((char *)p -
			    offsetof(struct connection, phased)));
	/* Each of these ends or gets another phase: while draining none becomes
	 * idle again. */
	while ((p = TAILQ_FIRST(&s->phases.queue[PHASE_IDLE])) != NULL)
		connection_drain((struct connection *)(void *)((char *)p -
		    offsetof(struct connection, phased)));
}

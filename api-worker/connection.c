/*
 * The life of a connection: see connection.h.
 *
 * Invariants: requests of one connection are handled one at a time and
 * answered in their order; while a handler is at work or answers wait to be
 * sent nothing is read, so that what one connection can hold in memory is
 * bounded (a head, a body within its limit, one read of pipelined bytes, the
 * answers to one read); a connection is freed only while no handler is at work.
 */
#include "api-worker/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define OUT_PAUSE (64u << 10)       /* pipelined answers are sent from here on */
#define DISCARD_MAX (64u << 10)     /* of a body that nobody wants; else close */
#define BODIES_MAX (64u << 20)      /* of all connections together */
#define LINGER_BYTES_MAX (1u << 20) /* taken after the last answer */
#define SLOW_READER_FACTOR 10       /* times the write timeout, in all */

/* ---- life ---- */

static void set_reading(struct connection *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	if (on)
		event_add(&c->readable, NULL);
	else
		event_del(&c->readable);
}

static void set_writing(struct connection *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	if (on)
		event_add(&c->writable, NULL);
	else
		event_del(&c->writable);
}

static void set_phase(struct connection *c, enum phase phase)
{
	if (c->phased.phase != phase || c->renewed)
		phases_enter(&c->server->phases, &c->phased, phase);
	c->renewed = false;
}

static void account_body(struct connection *c, size_t bytes)
{
	c->server->body_bytes += bytes;
	c->server->body_bytes -= c->x->accounted;
	c->x->accounted = bytes;
}

static void release_exchange(struct connection *c)
{
	if (!c->x)
		return;
	account_body(c, 0);
	http_server_give_exchange(c->server, c->x);
	c->x = NULL;
}

static void end(struct connection *c)
{
	struct http_server *s = c->server;

	phases_enter(&s->phases, &c->phased, PHASE_NONE);
	release_exchange(c);
	event_del(&c->readable);
	event_del(&c->writable);
	close(c->fd);
	peers_leave(s->peers, c->peer);
	(*c->counter)--;
	free(c);
	http_server_connection_gone(s);
}

/* Closing at once while the client still sends would destroy the answer on its
 * way (RFC 9112 section 9.6). */
static void linger(struct connection *c)
{
	release_exchange(c);
	set_writing(c, false);
	if (shutdown(c->fd, SHUT_WR) < 0) {
		end(c);
		return;
	}
	set_reading(c, true);
	set_phase(c, PHASE_LINGER);
}

static bool take_exchange(struct connection *c)
{
	struct exchange *x;

	if (c->x)
		return true;
	x = http_server_take_exchange(c->server);
	if (!x)
		return false;
	x->connection = c;
	x->app = c->server->app.arg;
	x->listener = c->listener->kind;
	x->loopback = c->listener->loopback;
	x->peer = c->address;
	c->x = x;
	c->renewed = true;
	return true;
}

/* ---- requests ---- */

static void call_handler(struct exchange *x)
{
	x->running = true;
	x->handler(x);
}

/* Without a handler: the request itself is refused. */
static void refuse(struct connection *c, int status, const char *text)
{
	struct exchange *x = c->x;

	if (x->id[0] == '\0') {
		x->started_us = clock_monotonic_us();
		exchange_name(x);
	}
	x->close = true;
	answer_error(x, status, "%s", text);
}

/* The head is complete. */
static void begin(struct connection *c, size_t waiting)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct exchange *x = c->x;
	const struct http_request *r = exchange_request(x);

	x->started_us = clock_monotonic_us();
	x->close = !r->keep_alive || c->server->draining;
	exchange_name(x);
	c->server->app.route(x);
	if (!http_parser_has_body(&x->parser))
		return;
	http_parser_body(&x->parser, x->store_body ? x->body_max : DISCARD_MAX, x->store_body);
	if (!r->expect_continue)
		return;
	if (!x->store_body) {
		/* The client waits for a word, and this one is the last. */
		x->close = true;
		call_handler(x);
	} else if (r->content_length <= x->body_max && waiting == 0) {
		buf_append(&x->out, go_on, sizeof(go_on) - 1);
	}
}

static void refused_by_parser(struct connection *c)
{
	struct exchange *x = c->x;
	const struct http_error *error = x->parser.error;

	/* A body that nobody wants does not change the answer. */
	if (error->status == 413 && x->handler && !x->store_body) {
		x->close = true;
		call_handler(x);
		return;
	}
	refuse(c, error->status, error->text);
}

/* The answer is in x->out. */
static void finish_request(struct connection *c)
{
	struct exchange *x = c->x;

	c->server->app.answered(x);
	c->closing = x->close;
	c->renewed = true;
	if (c->closing)
		return;
	account_body(c, 0);
	exchange_reset(x);
}

/* Sends what the socket takes; false when the connection is broken. */
static bool flush(struct connection *c)
{
	struct buf *out = &c->x->out;

	while (out->len > 0) {
		ssize_t n = send(c->fd, out->data, out->len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		buf_consume(out, (size_t)n);
	}
	return true;
}

/* One step of process(): true while it goes on. */
static bool step(struct connection *c, enum http_result result, size_t waiting)
{
	struct exchange *x = c->x;

	switch (result) {
	case HTTP_MORE:
		if (!x->store_body || x->parser.request.body.len == x->accounted)
			break;
		account_body(c, x->parser.request.body.len);
		if (c->server->body_bytes > BODIES_MAX)
			refuse(c, 503, "Too many request bodies at once; try again.");
		break;
	case HTTP_HEADERS:
		begin(c, waiting);
		break;
	case HTTP_COMPLETE:
		call_handler(x);
		break;
	case HTTP_REFUSED:
		refused_by_parser(c);
		break;
	}
	if (x->answered) {
		finish_request(c);
		return !c->closing;
	}
	return result == HTTP_HEADERS && !x->running;
}

/* Takes requests out of data until it is used up, a handler takes its time, or
 * the client does not take its answers. */
static void process(struct connection *c, const char *data, size_t len)
{
	struct exchange *x = c->x;
	enum http_result result;
	size_t used;
	bool on;

	c->processing = true;
	do {
		result = http_parser_feed(&x->parser, data, len, &used);
		data += used;
		len -= used;
		on = step(c, result, len);
		if (on && x->out.len > OUT_PAUSE)
			on = flush(c) && x->out.len == 0;
	} while (on && (len > 0 || !http_parser_idle(&x->parser)));
	if (len > 0 && !c->closing && buf_append(&x->pending, data, len) < 0)
		c->closing = true;
	c->processing = false;
}

static void wait_for_client(struct connection *c)
{
	enum http_state state = c->x->parser.state;

	if (http_parser_idle(&c->x->parser)) {
		if (c->server->draining) {
			end(c);
			return;
		}
		release_exchange(c);
		c->renewed = true;
		set_phase(c, PHASE_IDLE);
	} else if (state == HTTP_STATE_LENGTH || state == HTTP_STATE_CHUNKED) {
		set_phase(c, PHASE_BODY);
	} else {
		set_phase(c, PHASE_HEAD);
	}
	set_reading(c, true);
}

/* What comes after process(): sends, waits or ends.  True when there are bytes
 * in pending to go on with. */
static bool settle(struct connection *c)
{
	struct exchange *x = c->x;
	bool sound = flush(c);

	if (x->running && !x->answered) {
		if (!sound) {
			buf_clear(&x->out);
			x->close = true;
		}
		set_reading(c, false);
		set_phase(c, PHASE_BUSY);
		return false;
	}
	if (!sound) {
		end(c);
		return false;
	}
	if (x->out.len > 0) {
		set_reading(c, false);
		set_writing(c, true);
		c->renewed = true;
		set_phase(c, PHASE_WRITE);
		c->write_since_ms = c->phased.since_ms;
		return false;
	}
	set_writing(c, false);
	if (c->closing) {
		linger(c);
		return false;
	}
	if (x->pending.len > 0)
		return true;
	wait_for_client(c);
	return false;
}

static void go_on(struct connection *c)
{
	while (settle(c)) {
		struct buf pending = c->x->pending;

		buf_init(&c->x->pending, pending.max);
		process(c, (const char *)pending.data, pending.len);
		buf_free(&pending);
	}
}

void connection_answered(struct connection *c)
{
	if (c->processing)
		return;
	finish_request(c);
	go_on(c);
}

/* ---- events ---- */

static void drop_rest(struct connection *c, ssize_t n)
{
	if (n > 0) {
		c->lingered += (size_t)n;
		if (c->lingered <= LINGER_BYTES_MAX)
			return;
	}
	end(c);
}

/* True when something was there. */
static bool read_some(struct connection *c)
{
	struct http_server *s = c->server;
	ssize_t n = recv(c->fd, s->buffer, sizeof(s->buffer), 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (c->phased.phase == PHASE_LINGER) {
		drop_rest(c, n);
		return true;
	}
	if (n <= 0 || !take_exchange(c)) {
		end(c);
		return true;
	}
	process(c, s->buffer, (size_t)n);
	go_on(c);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	read_some(arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	int64_t limit = (int64_t)c->server->limits.write_timeout_ms * SLOW_READER_FACTOR;
	size_t before = c->x->out.len;

	if (!flush(c)) {
		end(c);
	} else if (c->x->out.len == 0) {
		go_on(c);
	} else if (c->x->out.len < before) {
		if (clock_monotonic_ms() - c->write_since_ms > limit) {
			end(c);
			return;
		}
		c->renewed = true;
		set_phase(c, PHASE_WRITE);
	}
}

void connection_expired(struct connection *c)
{
	switch (c->phased.phase) {
	case PHASE_HEAD:
		refuse(c, 408, "The request head did not arrive in time.");
		break;
	case PHASE_BODY:
		refuse(c, 408, "The request body did not arrive in time.");
		break;
	default:
		end(c);
		break;
	}
}

void connection_drain(struct connection *c)
{
	/* A request may have come that has not been read. */
	if (c->phased.phase == PHASE_IDLE) {
		if (!read_some(c))
			end(c);
	} else if (c->x && !c->x->answered) {
		c->x->close = true;
	}
}

/* ---- start ---- */

static struct connection *make(struct http_server *s, const struct http_listener *l, int fd,
    const char *address, unsigned *counter)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->listener = l;
	c->fd = fd;
	c->counter = counter;
	(*counter)++;
	snprintf(c->address, sizeof(c->address), "%s", address);
	event_assign(&c->readable, s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, s->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	return c;
}

int connection_new(struct http_server *s, const struct http_listener *l, int fd,
    struct peer *peer, const char *address, struct err *e)
{
	struct connection *c = make(s, l, fd, address, &s->nconnections[l->kind]);

	if (!c)
		return err_set(e, ERR_NOMEM, "not enough memory for a connection");
	c->peer = peer;
	set_phase(c, PHASE_IDLE);
	set_reading(c, true);
	return 0;
}

void connection_refuse(struct http_server *s, const struct http_listener *l, int fd,
    const char *address, int status, const char *text)
{
	struct connection *c = make(s, l, fd, address, &s->nrefused);

	if (!c) {
		close(fd);
		return;
	}
	if (!take_exchange(c)) {
		end(c);
		return;
	}
	refuse(c, status, text);
}

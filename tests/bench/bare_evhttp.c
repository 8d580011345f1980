/*
 * The ceiling that figures are compared with: a bare libevent HTTP server that
 * answers every request with the same bytes.  Prints its port.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *body;

static void answer(struct evhttp_request *req, void *arg)
{
	struct evbuffer *b = evhttp_request_get_output_buffer(req);

	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
	    "application/json; charset=utf-8");
	evbuffer_add_reference(b, body, strlen(body), NULL, NULL);
	evhttp_send_reply(req, 200, "OK", NULL);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *s;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	body = argc > 1 ? argv[1] : "{}";
	evhttp_set_gencb(http, answer, NULL);
	s = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	if (s == NULL || getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&sin, &len) < 0)
		return 1;
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	return event_base_dispatch(base) < 0;
}

/*
 * A small load generator: load PORT CONNECTIONS SECONDS PATH [COOKIE [PREFIX]]
 *
 * Keep-alive connections, one request at a time on each; prints requests per
 * second.  With PREFIX each request is a POST of a new setting whose key begins so.
 * Any answer other than 200 and 201 ends it with an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
	int fd;
	size_t got, want; /* of the answer; want 0: the head is not complete */
	char data[8192];
};

static const char *path, *cookie, *prefix;
static unsigned long asked;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

static void ask(struct connection *c)
{
	char request[1024], body[256] = "";
	size_t request_len;

	if (prefix != NULL)
		snprintf(body, sizeof(body), "{\"key\":\"%s.%lu\",\"value\":\"a value of some "
		    "length\"}", prefix, asked++);
	request_len = (size_t)snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n"
	    "Host: 127.0.0.1\r\nCookie: %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s", prefix != NULL ? "POST" : "GET", path, cookie,
	    strlen(body), body);
	c->got = c->want = 0;
	if (write(c->fd, request, request_len) != (ssize_t)request_len)
		die("cannot send");
}

static void open_connection(struct connection *c, int port, int epoll)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = c } };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("cannot connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev);
	ask(c);
}

/* True when an answer is complete. */
static bool receive(struct connection *c)
{
	ssize_t n = read(c->fd, c->data + c->got, sizeof(c->data) - 1 - c->got);
	char *end, *length;

	if (n <= 0)
		die("the connection was closed");
	c->got += (size_t)n;
	c->data[c->got] = '\0';
	if (c->want == 0 && (end = strstr(c->data, "\r\n\r\n")) != NULL) {
		if (strncmp(c->data, "HTTP/1.1 20", 11) != 0)
			die("an answer other than 200 and 201");
		length = strcasestr(c->data, "Content-Length:");
		c->want = (size_t)(end + 4 - c->data) +
		    (length != NULL ? strtoul(length + 15, NULL, 10) : 0);
	}
	return c->want > 0 && c->got >= c->want;
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	struct connection *all;
	int epoll = epoll_create1(EPOLL_CLOEXEC), connections, i, n;
	unsigned long answers = 0;
	double start, seconds, end;

	if (argc < 5 || argc > 7)
		die("usage: load PORT CONNECTIONS SECONDS PATH [COOKIE [PREFIX]]");
	connections = (int)strtol(argv[2], NULL, 10);
	seconds = strtod(argv[3], NULL);
	path = argv[4];
	cookie = argc > 5 ? argv[5] : "none=0";
	prefix = argc > 6 ? argv[6] : NULL;
	all = calloc((size_t)connections, sizeof(*all));
	if (all == NULL)
		die("not enough memory");
	for (i = 0; i < connections; i++)
		open_connection(&all[i], (int)strtol(argv[1], NULL, 10), epoll);
	start = now();
	end = start + seconds;
	while (now() < end) {
		n = epoll_wait(epoll, events, 256, 1000);
		if (n <= 0)
			die("no answer within a second");
		for (i = 0; i < n; i++)
			if (receive(events[i].data.ptr)) {
				answers++;
				ask(events[i].data.ptr);
			}
	}
	printf("%.0f\n", (double)answers / (now() - start));
	free(all);
	return 0;
}

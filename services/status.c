/* status.c - usherd's state over HTTP/1.1: a page for people, metrics for Prometheus,
 * yes or no for whoever balances load.
 *
 * Nobody holds it up: a request has a deadline that bytes do not move, so has
 * the taking of an answer, and a connection that asks nothing ends by itself. */
#include "service.h"
#include "status-pages.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_S     10 /* from the first byte of a request to its last, unless -t says another */
#define REQUEST_S_MAX 3600
#define IDLE_MS       15000 /* between two requests */
#define ANSWER_MS     30000 /* for taking an answer */
#define LINGER_MS     2000  /* for reading what a refused client still sends */
#define LINGER_MAX    262144
#define PIPE_PIECE    4096 /* what a pipe that is ready takes without blocking */

struct connection {
	const char *control;
	uint64_t limit_ms;         /* for a request */
	char bytes[HTTP_HEAD_MAX]; /* have come and are not used up */
	size_t length;
	bool first;          /* nothing was answered yet */
	uint64_t request_ms; /* the deadline of the request that has begun; 0: none has */
	struct http_request request;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Returns 0, -ETIMEDOUT, or -errno. */
static int wait_until(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd ready = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = now_ms();
		int count = now < deadline_ms ? poll(&ready, 1, (int)(deadline_ms - now)) : 0;

		if (count > 0)
			return 0;
		if (count == 0 && now >= deadline_ms)
			return -ETIMEDOUT;
		if (count < 0 && errno != EINTR)
			return -errno;
	}
}

/* ---- answers ---- */

/* What is ready is written, and nothing that would block. */
static ssize_t write_some(const char *data, size_t length)
{
	ssize_t written = send(STDOUT_FILENO, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (written < 0 && errno == ENOTSOCK)
		written = write(STDOUT_FILENO, data, length < PIPE_PIECE ? length : PIPE_PIECE);
	return written;
}

static int write_until(const char *data, size_t length, uint64_t deadline_ms)
{
	while (length > 0) {
		int error = wait_until(STDOUT_FILENO, POLLOUT, deadline_ms);
		ssize_t written = error == 0 ? write_some(data, length) : 0;

		if (error < 0)
			return error;
		if (written < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (written > 0) {
			data += written;
			length -= (size_t)written;
		}
	}
	return 0;
}

/* Nothing of a page may come from anywhere else, nor may it be shown inside another. */
static const char fixed_headers[] =
	"Cache-Control: no-store\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n";

static int send_reply(const struct status_reply *reply, bool without_body, bool keep_alive)
{
	uint64_t deadline_ms = now_ms() + ANSWER_MS;
	time_t now = time(NULL);
	struct tm tm;
	char head[1024], date[40] = "";
	int length, error;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	length = snprintf(head, sizeof(head),
			  "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s"
			  "Connection: %s\r\n\r\n",
			  (int)reply->status, http_reason(reply->status), date, reply->type, reply->length,
			  reply->status == HTTP_METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "",
			  fixed_headers, keep_alive ? "keep-alive" : "close");
	error = write_until(head, (size_t)length, deadline_ms);
	if (error == 0 && !without_body)
		error = write_until(reply->body, reply->length, deadline_ms);
	return error;
}

/* A socket that is closed with unread bytes is reset, and the answer with it: so the client is told the end,
 * and what it still sends is read. */
static void linger(void)
{
	uint64_t deadline_ms = now_ms() + LINGER_MS;
	size_t total = 0;
	char away[4096];

	if (shutdown(STDOUT_FILENO, SHUT_WR) < 0)
		return;
	while (total < LINGER_MAX && wait_until(STDIN_FILENO, POLLIN, deadline_ms) == 0) {
		ssize_t got = read(STDIN_FILENO, away, sizeof(away));

		if (got <= 0)
			return;
		total += (size_t)got;
	}
}

static int refuse(struct connection *connection, enum http_verdict verdict)
{
	struct status_reply reply;
	int error;

	status_refuse(verdict, &reply);
	error = send_reply(&reply, connection->request.head, false);
	status_reply_free(&reply);
	if (error == 0)
		linger();
	return error;
}

/* ---- requests ---- */

/* Reads what there is. Returns how many bytes, 0 at the end, -ETIMEDOUT, or -errno. */
static ssize_t read_more(struct connection *connection)
{
	uint64_t deadline_ms = connection->request_ms;
	ssize_t got;
	int error;

	if (deadline_ms == 0)
		deadline_ms = now_ms() + (connection->first ? connection->limit_ms : IDLE_MS);
	error = wait_until(STDIN_FILENO, POLLIN, deadline_ms);
	if (error < 0)
		return error;
	got = service_read(connection->bytes + connection->length,
			   sizeof(connection->bytes) - connection->length);
	if (got > 0)
		connection->length += (size_t)got;
	if (got > 0 && connection->request_ms == 0)
		connection->request_ms = connection->first ? deadline_ms : now_ms() + connection->limit_ms;
	return got;
}

/* Answers the request of `used` bytes at the beginning. Returns 0, -ECONNRESET when there is to be no other,
 * or -errno. */
static int answer(struct connection *connection, size_t used)
{
	struct status_reply reply;
	bool keep_alive;
	int error;

	status_answer(connection->request.path, connection->control, &reply);
	keep_alive = connection->request.keep_alive && !reply.last;
	error = send_reply(&reply, connection->request.head, keep_alive);
	status_reply_free(&reply);
	connection->length -= used;
	memmove(connection->bytes, connection->bytes + used, connection->length);
	connection->first = false;
	connection->request_ms = connection->length > 0 ? now_ms() + connection->limit_ms : 0;
	if (error == 0 && !keep_alive) {
		linger();
		return -ECONNRESET;
	}
	return error;
}

/* Serves what has come. Returns 0 when more is needed, -ECONNRESET at the end, or -errno. */
static int serve_requests(struct connection *connection)
{
	enum http_verdict verdict;
	size_t used;

	while ((verdict = http_parse(connection->bytes, connection->length, &connection->request, &used)) ==
	       HTTP_OK) {
		int error = answer(connection, used);

		if (error < 0)
			return error;
	}
	if (verdict == HTTP_MORE)
		return 0;

	int error = refuse(connection, verdict);

	return error < 0 ? error : -ECONNRESET;
}

static int serve(void *context)
{
	struct connection *connection = context;
	ssize_t got;
	int error = 0;

	while ((got = read_more(connection)) > 0) {
		error = serve_requests(connection);
		if (error < 0)
			break;
	}
	if (error == 0 && got == -ETIMEDOUT && connection->length > 0)
		error = refuse(connection, HTTP_TIMEOUT);
	else if (error == 0 && got == 0 && connection->length > 0)
		error = refuse(connection, HTTP_BAD_REQUEST);
	else if (error == 0)
		error = (int)got;
	/* A client that takes its time is no failure of ours: service_ended() knows ETIMEDOUT. */
	return service_ended("status", error);
}

static bool parse_seconds(const char *text, uint64_t *ret_ms)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || seconds < 1 || seconds > REQUEST_S_MAX)
		return false;
	*ret_ms = seconds * 1000;
	return true;
}

int main(int argc, char **argv)
{
	static struct connection connection = { .limit_ms = REQUEST_S * 1000, .first = true };
	static const struct service service = {
		.name = "status",
		.stream = serve,
	};
	int option;

	while ((option = getopt(argc, argv, "s:t:")) != -1) {
		if (option == 's')
			connection.control = optarg;
		else if (option != 't' || !parse_seconds(optarg, &connection.limit_ms))
			goto usage;
	}
	if (optind < argc)
		goto usage;
	return service_run(&service, &connection);
usage:
	fprintf(stderr,
		"usage: status [-s CONTROL-SOCKET] [-t SECONDS]\n"
		"Speaks HTTP on standard input and output: /, /status.json, /metrics, /healthz, /readyz.\n"
		"SECONDS, 1 to %d, is how long a request may take (%d unless given).\n",
		REQUEST_S_MAX, REQUEST_S);
	return EX_USAGE;
}

/* status-http.h - one request of HTTP/1.1 (RFC 9112), taken apart. Strict, because whoever
 * wrote it is not trusted and a proxy in front may read a lenient one in another way.
 * Bytes in, a verdict out: no system calls, no memory. */
#ifndef USHERD_SERVICES_STATUS_HTTP_H
#define USHERD_SERVICES_STATUS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* A request line with its headers, and all that is ever read ahead. */
#define HTTP_HEAD_MAX    8192
#define HTTP_HEADERS_MAX 100

/* The verdicts are status codes of HTTP; HTTP_MORE is none. */
enum http_verdict {
	HTTP_MORE = 0,
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_METHOD_NOT_ALLOWED = 405,
	HTTP_TIMEOUT = 408,
	HTTP_CONTENT_TOO_LARGE = 413,
	HTTP_URI_TOO_LONG = 414,
	HTTP_HEADERS_TOO_LARGE = 431,
	HTTP_UNAVAILABLE = 503,
	HTTP_VERSION_NOT_SUPPORTED = 505,
};

struct http_request {
	bool head;                /* HEAD, else GET */
	bool keep_alive;          /* the client may ask for more on this connection */
	char path[HTTP_HEAD_MAX]; /* without host and query, %XX decoded; begins with a slash */
};

/* Looks at the `length` bytes that have come since the end of the last request. HTTP_OK: a whole
 * request, of `ret_used` bytes; it has no body. HTTP_MORE: right so far, and below
 * HTTP_HEAD_MAX bytes. Anything else: the connection is to be closed after this answer, since
 * nobody knows where the next request would begin; `ret_request->head` is set if it was a HEAD. */
enum http_verdict http_parse(const char *bytes, size_t length, struct http_request *ret_request,
			     size_t *ret_used);

/* The words of a status line that belong to a code. */
const char *http_reason(enum http_verdict verdict);

#endif

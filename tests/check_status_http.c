/* check_status_http.c - the request parser of the status service: what is a request, and which
 * answer everything else gets. */
#include "../services/status-http.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define HOST            "Host: localhost:7080\r\n"

static const struct row {
	const char *name, *bytes;
	enum http_verdict verdict;
	const char *path; /* of a whole request */
	bool head, closes;
	size_t more; /* bytes behind it */
} rows[] = {
	{ "get", "GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/", false, false, 0 },
	{ "head", "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/metrics", true, false, 0 },
	{ "brackets in a query", "GET /metrics?name[]=x&y HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/metrics",
	  false, false, 0 },
	{ "query", "GET /metrics?name=x&y HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/metrics", false, false, 0 },
	{ "decoded once", "GET /%2541 HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/%41", false, false, 0 },
	{ "decoded", "GET /status%2Ejson HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/status.json", false, false,
	  0 },
	{ "a question mark in the path", "GET /a%3Fb HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/a?b", false, false,
	  0 },
	{ "absolute", "GET HTTP://localhost:7080/readyz?q HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/readyz",
	  false, false, 0 },
	{ "absolute, no path", "GET http://localhost HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/", false, false,
	  0 },
	{ "absolute, query only", "GET http://localhost?a HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/", false,
	  false, 0 },
	{ "1.0", "GET / HTTP/1.0\r\n\r\n", HTTP_OK, "/", false, true, 0 },
	{ "1.0 that stays", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_OK, "/", false, false,
	  0 },
	{ "1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", HTTP_OK, "/", false, false, 0 },
	{ "close", "GET / HTTP/1.1\r\n" HOST "Connection: te, Close\r\n\r\n", HTTP_OK, "/", false, true, 0 },
	{ "close wins", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\nConnection: keep-alive\r\n\r\n",
	  HTTP_OK, "/", false, true, 0 },
	{ "an empty line before", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/", false, false, 0 },
	{ "one behind", "GET / HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n", HTTP_OK, "/", false, false, 17 },
	{ "an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_OK, "/", false, false, 0 },
	{ "an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:7080\r\n\r\n", HTTP_OK, "/", false, false, 0 },
	{ "no body", "GET / HTTP/1.1\r\n" HOST "Content-Length: 000\r\n\r\n", HTTP_OK, "/", false, false, 0 },
	{ "obsolete text", "GET / HTTP/1.1\r\n" HOST "X: \xe4\tb \r\n\r\n", HTTP_OK, "/", false, false, 0 },

	{ "nothing", "", HTTP_MORE, NULL, false, false, 0 },
	{ "half a line", "GET / HT", HTTP_MORE, NULL, false, false, 0 },
	{ "half an end", "GET / HTTP/1.1\r", HTTP_MORE, NULL, false, false, 0 },
	{ "a line", "GET / HTTP/1.1\r\n", HTTP_MORE, NULL, false, false, 0 },
	{ "no empty line", "GET / HTTP/1.1\r\n" HOST, HTTP_MORE, NULL, false, false, 0 },
	{ "half an empty line", "GET / HTTP/1.1\r\n" HOST "\r", HTTP_MORE, NULL, false, false, 0 },

	{ "post", "POST / HTTP/1.1\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false, false, 0 },
	{ "get in small letters", "get / HTTP/1.1\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false, false, 0 },
	{ "options", "OPTIONS * HTTP/1.1\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false, false, 0 },
	{ "connect", "CONNECT a:1 HTTP/1.1\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false, false, 0 },
	{ "version 2", "GET / HTTP/2.0\r\n", HTTP_VERSION_NOT_SUPPORTED, NULL, false, false, 0 },
	{ "preface of version 2", "PRI * HTTP/2.0\r\n", HTTP_VERSION_NOT_SUPPORTED, NULL, false, false, 0 },
	{ "a body", "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", HTTP_CONTENT_TOO_LARGE, NULL,
	  false, false, 0 },
	{ "a huge body", "GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n",
	  HTTP_CONTENT_TOO_LARGE, NULL, false, false, 0 },
	{ "a body in chunks", "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
	  HTTP_CONTENT_TOO_LARGE, NULL, false, false, 0 },
	{ "a body in any encoding", "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: \r\n\r\n",
	  HTTP_CONTENT_TOO_LARGE, NULL, false, false, 0 },

	{ "both bodies", "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
	  HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "chunks in 1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_BAD_REQUEST, NULL,
	  false, false, 0 },
	{ "two lengths", "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n",
	  HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a list of lengths", "GET / HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n", HTTP_BAD_REQUEST, NULL,
	  false, false, 0 },
	{ "a length below 0", "GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n", HTTP_BAD_REQUEST, NULL,
	  false, false, 0 },
	{ "an empty length", "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n", HTTP_BAD_REQUEST, NULL, false,
	  false, 0 },
	{ "no host", "GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "two hosts", "GET / HTTP/1.1\r\n" HOST HOST, HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "bare line feeds", "GET / HTTP/1.1\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a bare line feed in a header", "GET / HTTP/1.1\r\nX: a\nHost: b\r\n\r\n", HTTP_BAD_REQUEST, NULL,
	  false, false, 0 },
	{ "a bare CR", "GET / HTTP/1.1\r\nX: a\rb", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a CR in another method", "P\rOST / HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a CR in the target of a post", "POST /\ra HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a CR before the end", "GET / HTTP/1.1\r\nX: a\r\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a folded line", "GET / HTTP/1.1\r\n" HOST " b\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a folded first line", "GET / HTTP/1.1\r\n Host: b\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a blank before the colon", "GET / HTTP/1.1\r\nHost : b\r\n", HTTP_BAD_REQUEST, NULL, false, false,
	  0 },
	{ "a header without a colon", "GET / HTTP/1.1\r\nHost\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a header without a name", "GET / HTTP/1.1\r\n: a\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a control character", "GET / HTTP/1.1\r\nX: \x01\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "0.9", "GET /\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "no target", "GET  HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "two blanks", "GET  / HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a blank behind", "GET / HTTP/1.1 \r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a tab", "GET\t/ HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a version in small letters", "GET / http/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a long version", "GET / HTTP/1.10\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a star", "GET * HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "no slash", "GET a HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "absolute without a host", "GET http:/// HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "absolute in another scheme", "GET ftp://a/ HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false,
	  0 },
	{ "absolute with a user", "GET http://u@a/ HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a fragment", "GET /#a HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "half a %XX", "GET /%4 HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "no hex", "GET /%4g HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a NUL in the path", "GET /%00 HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "a line feed in the path", "GET /%0a HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "high bytes in the path", "GET /\xe4 HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "TLS", "\x16\x03\x01", HTTP_BAD_REQUEST, NULL, false, false, 0 },
	{ "empty lines for ever", "\r\n\r\n\r\n\r\n\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false, 0 },
};

static struct http_request request;

START_TEST(test_row)
{
	const struct row *row = &rows[_i];
	size_t used = 12345;
	enum http_verdict verdict = http_parse(row->bytes, strlen(row->bytes), &request, &used);

	ck_assert_msg(verdict == row->verdict, "%s: %d", row->name, (int)verdict);
	if (verdict != HTTP_OK) {
		ck_assert_uint_eq(used, 12345);
		return;
	}
	ck_assert_msg(strcmp(request.path, row->path) == 0, "%s: %s", row->name, request.path);
	ck_assert_msg(request.head == row->head && request.keep_alive != row->closes, "%s", row->name);
	ck_assert_uint_eq(used, strlen(row->bytes) - row->more);
}
END_TEST

/* Byte for byte: right until it is wrong, and then it stays wrong. */
START_TEST(test_row_in_pieces)
{
	const struct row *row = &rows[_i];
	size_t length = strlen(row->bytes), used;

	for (size_t part = 0; part < length; part++) {
		enum http_verdict verdict = http_parse(row->bytes, part, &request, &used);

		ck_assert_msg(verdict == HTTP_MORE || verdict == row->verdict, "%s: %d after %zu bytes",
			      row->name, (int)verdict, part);
	}
}
END_TEST

/* The last byte that is borne, and the first that is not. */
static enum http_verdict parse_long(const char *before, size_t filled, const char *after)
{
	static char bytes[3 * HTTP_HEAD_MAX];
	size_t length = (size_t)sprintf(bytes, "%s", before), used;

	memset(bytes + length, 'a', filled);
	length += filled;
	length += (size_t)sprintf(bytes + length, "%s", after);
	return http_parse(bytes, length, &request, &used);
}

START_TEST(test_bounds)
{
	static const char tail[] = "\r\n\r\n", line[] = " HTTP/1.0\r\n\r\n", head[] = "GET / HTTP/1.0\r\nX: ";
	size_t target = HTTP_HEAD_MAX - strlen("GET /") - strlen(line);
	size_t value = HTTP_HEAD_MAX - strlen(head) - strlen(tail);

	ck_assert_int_eq(parse_long("GET /", target, line), HTTP_OK);
	ck_assert_uint_eq(strlen(request.path), target + 1);
	ck_assert_int_eq(parse_long("GET /", target + 1, line), HTTP_HEADERS_TOO_LARGE);
	ck_assert_int_eq(parse_long("GET /", target + strlen(line), line), HTTP_URI_TOO_LONG);
	ck_assert_int_eq(parse_long("GET /", 2 * HTTP_HEAD_MAX, ""), HTTP_URI_TOO_LONG);
	ck_assert_int_eq(parse_long("GET /", HTTP_HEAD_MAX - 6, ""), HTTP_MORE);
	ck_assert_int_eq(parse_long(head, value, tail), HTTP_OK);
	ck_assert_int_eq(parse_long(head, value + 1, tail), HTTP_HEADERS_TOO_LARGE);
	ck_assert_int_eq(parse_long(head, 2 * HTTP_HEAD_MAX, ""), HTTP_HEADERS_TOO_LARGE);
}
END_TEST

static enum http_verdict parse_headers(size_t count)
{
	static char bytes[HTTP_HEAD_MAX];
	size_t length = (size_t)sprintf(bytes, "GET / HTTP/1.0\r\n"), used;

	for (size_t i = 0; i < count; i++)
		length += (size_t)sprintf(bytes + length, "X: y\r\n");
	length += (size_t)sprintf(bytes + length, "\r\n");
	return http_parse(bytes, length, &request, &used);
}

START_TEST(test_header_count)
{
	ck_assert_int_eq(parse_headers(HTTP_HEADERS_MAX), HTTP_OK);
	ck_assert_int_eq(parse_headers(HTTP_HEADERS_MAX + 1), HTTP_HEADERS_TOO_LARGE);
}
END_TEST

/* NUL ends a C string, and no request. */
START_TEST(test_nul)
{
	static const char in_header[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	static const char in_target[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char in_method[] = "GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t used;

	ck_assert_int_eq(http_parse(in_header, sizeof(in_header) - 1, &request, &used), HTTP_BAD_REQUEST);
	ck_assert_int_eq(http_parse(in_target, sizeof(in_target) - 1, &request, &used), HTTP_BAD_REQUEST);
	ck_assert_int_eq(http_parse(in_method, sizeof(in_method) - 1, &request, &used), HTTP_BAD_REQUEST);
}
END_TEST

/* The answer to a HEAD that is refused has no body either. */
START_TEST(test_head_refused)
{
	static const char bytes[] = "HEAD / HTTP/1.1\r\n\r\n";
	size_t used;

	ck_assert_int_eq(http_parse(bytes, sizeof(bytes) - 1, &request, &used), HTTP_BAD_REQUEST);
	ck_assert(request.head);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("status_http");
	TCase *tcase = tcase_create("http_parse");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_row, 0, ELEMENTS(rows));
	tcase_add_loop_test(tcase, test_row_in_pieces, 0, ELEMENTS(rows));
	tcase_add_test(tcase, test_bounds);
	tcase_add_test(tcase, test_header_count);
	tcase_add_test(tcase, test_nul);
	tcase_add_test(tcase, test_head_refused);
	return suite;
}

RUN_SUITE(make_suite)

/* status-http.c - a request is read line by line as far as it has come, so that what is
 * wrong is known with the line that is wrong; nothing is kept between two looks.
 *
 * Lines end with CR LF and with nothing else. A request that has, or may have, a
 * body is refused: then no byte of it can be taken for another request. */
#include "status-http.h"

#include <string.h>
#include <strings.h>

/* Empty lines before a request, which RFC 9112 wants to be borne. */
#define EMPTY_LINES_MAX 4

struct piece {
	const char *at;
	size_t length;
};

/* What the lines so far have said. */
struct reading {
	struct http_request *request;
	bool http_1_0, close, keep_alive;
	bool has_length, has_body, has_encoding;
	unsigned hosts, headers;
};

const char *http_reason(enum http_verdict verdict)
{
	switch (verdict) {
	case HTTP_OK:
		return "OK";
	case HTTP_BAD_REQUEST:
		return "Bad Request";
	case HTTP_NOT_FOUND:
		return "Not Found";
	case HTTP_METHOD_NOT_ALLOWED:
		return "Method Not Allowed";
	case HTTP_TIMEOUT:
		return "Request Timeout";
	case HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case HTTP_URI_TOO_LONG:
		return "URI Too Long";
	case HTTP_HEADERS_TOO_LARGE:
		return "Request Header Fields Too Large";
	case HTTP_UNAVAILABLE:
		return "Service Unavailable";
	case HTTP_VERSION_NOT_SUPPORTED:
		return "HTTP Version Not Supported";
	case HTTP_MORE:
		break;
	}
	return "Unknown";
}

/* ---- characters ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* tchar of RFC 9110. */
static bool is_token_char(char c)
{
	return is_digit(c) || is_letter(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* What may stand in a request target: visible, and no fragment. */
static bool is_target_char(char c)
{
	return c > ' ' && c < 0x7f && !is_one_of(c, "#\"<>\\^`{|}");
}

static bool is_host_char(char c)
{
	return is_digit(c) || is_letter(c) || is_one_of(c, "-._~!$&'()*+,;=:[]%");
}

/* Obsolete text (above 0x7f) is borne, as it is everywhere. */
static bool is_value_char(char c)
{
	return c == '\t' || (unsigned char)c >= 0x80 || (c >= ' ' && c < 0x7f);
}

static bool consists_of(struct piece text, bool (*is_right)(char c))
{
	for (size_t i = 0; i < text.length; i++) {
		if (!is_right(text.at[i]))
			return false;
	}
	return true;
}

/* ---- pieces ---- */

static bool equals(struct piece text, const char *word)
{
	return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

static bool equals_in_any_case(struct piece text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

static bool is_token(struct piece text)
{
	return text.length > 0 && consists_of(text, is_token_char);
}

/* Cuts what stands before `separator` off `rest`; false when there is none. */
static bool cut(struct piece *rest, char separator, struct piece *ret_before)
{
	const char *at = rest->length > 0 ? memchr(rest->at, separator, rest->length) : NULL;

	if (at == NULL)
		return false;
	*ret_before = (struct piece){ rest->at, (size_t)(at - rest->at) };
	rest->length -= ret_before->length + 1;
	rest->at = at + 1;
	return true;
}

static struct piece without_blanks(struct piece text)
{
	while (text.length > 0 && is_one_of(text.at[0], " \t")) {
		text.at++;
		text.length--;
	}
	while (text.length > 0 && is_one_of(text.at[text.length - 1], " \t"))
		text.length--;
	return text;
}

/* ---- the request line ---- */

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes %XX, once. What it stands for must be text, too. */
static bool decode(struct piece path, char *out)
{
	for (size_t i = 0; i < path.length; i++) {
		char c = path.at[i];

		if (c == '%') {
			int high = i + 2 < path.length ? hex_value(path.at[i + 1]) : -1;
			int low = i + 2 < path.length ? hex_value(path.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			if ((unsigned char)c < ' ' || c == 0x7f)
				return false;
			i += 2;
		}
		*out++ = c;
	}
	*out = '\0';
	return true;
}

/* The target as a path: "/path?query" or, as proxies are asked, "http://host/path?query". */
static bool parse_target(struct piece target, char path[static HTTP_HEAD_MAX])
{
	static const char scheme[] = "http://";
	struct piece before;

	if (target.length == 0 || !consists_of(target, is_target_char))
		return false;
	if (target.length > sizeof(scheme) - 1 && strncasecmp(target.at, scheme, sizeof(scheme) - 1) == 0) {
		struct piece host = { target.at + sizeof(scheme) - 1, 0 };

		target.length -= sizeof(scheme) - 1;
		while (host.length < target.length && !is_one_of(host.at[host.length], "/?"))
			host.length++;
		if (host.length == 0 || !consists_of(host, is_host_char))
			return false;
		target = (struct piece){ host.at + host.length, target.length - host.length };
		if (target.length == 0 || target.at[0] == '?')
			target = (struct piece){ "/", 1 };
	}
	if (target.at[0] != '/')
		return false;
	if (cut(&target, '?', &before))
		target = before;
	return decode(target, path);
}

/* "HTTP/1.1" and its like; versions below 1.0 had no such word. */
static enum http_verdict parse_version(struct piece version, bool *ret_is_1_0)
{
	if (version.length != 8 || memcmp(version.at, "HTTP/", 5) != 0 || !is_digit(version.at[5]) ||
	    version.at[6] != '.' || !is_digit(version.at[7]))
		return HTTP_BAD_REQUEST;
	if (version.at[5] != '1')
		return HTTP_VERSION_NOT_SUPPORTED;
	*ret_is_1_0 = version.at[7] == '0';
	return HTTP_OK;
}

static enum http_verdict parse_request_line(struct reading *reading, struct piece line)
{
	struct piece method, target;
	enum http_verdict verdict;

	if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target))
		return HTTP_BAD_REQUEST;
	verdict = parse_version(line, &reading->http_1_0);
	if (verdict != HTTP_OK)
		return verdict;
	reading->request->head = equals(method, "HEAD");
	if (!reading->request->head && !equals(method, "GET"))
		return HTTP_METHOD_NOT_ALLOWED;
	return parse_target(target, reading->request->path) ? HTTP_OK : HTTP_BAD_REQUEST;
}

/* ---- headers ---- */

static enum http_verdict read_host(struct reading *reading, struct piece value)
{
	return ++reading->hosts == 1 && consists_of(value, is_host_char) ? HTTP_OK : HTTP_BAD_REQUEST;
}

/* Said twice it is wrong, even if both say the same: some would believe the one, and some the other. */
static enum http_verdict read_length(struct reading *reading, struct piece value)
{
	if (reading->has_length || value.length == 0 || !consists_of(value, is_digit))
		return HTTP_BAD_REQUEST;
	reading->has_length = true;
	for (size_t i = 0; i < value.length; i++)
		reading->has_body |= value.at[i] != '0';
	return HTTP_OK;
}

static enum http_verdict read_encoding(struct reading *reading, struct piece value)
{
	(void)value;
	reading->has_encoding = true;
	return HTTP_OK;
}

static enum http_verdict read_connection(struct reading *reading, struct piece value)
{
	struct piece word;
	bool more;

	do {
		more = cut(&value, ',', &word);
		word = without_blanks(more ? word : value);
		reading->close |= equals_in_any_case(word, "close");
		reading->keep_alive |= equals_in_any_case(word, "keep-alive");
	} while (more);
	return HTTP_OK;
}

static const struct {
	const char *name;
	enum http_verdict (*read)(struct reading *reading, struct piece value);
} headers[] = {
	{ "Host", read_host },
	{ "Content-Length", read_length },
	{ "Transfer-Encoding", read_encoding },
	{ "Connection", read_connection },
};

static enum http_verdict parse_header(struct reading *reading, struct piece line)
{
	struct piece name, value = line;

	if (++reading->headers > HTTP_HEADERS_MAX)
		return HTTP_HEADERS_TOO_LARGE;
	/* A line that begins with a blank (it went on from the one before, once) has no name. */
	if (!cut(&value, ':', &name) || !is_token(name) || !consists_of(value, is_value_char))
		return HTTP_BAD_REQUEST;
	value = without_blanks(value);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (equals_in_any_case(name, headers[i].name))
			return headers[i].read(reading, value);
	}
	return HTTP_OK;
}

/* What only the whole of the headers tells. */
static enum http_verdict finish(struct reading *reading)
{
	if (reading->has_encoding)
		return reading->has_length || reading->http_1_0 ? HTTP_BAD_REQUEST : HTTP_CONTENT_TOO_LARGE;
	if (reading->has_body)
		return HTTP_CONTENT_TOO_LARGE;
	if (reading->hosts == 0 && !reading->http_1_0)
		return HTTP_BAD_REQUEST;
	reading->request->keep_alive = !reading->close && (!reading->http_1_0 || reading->keep_alive);
	return HTTP_OK;
}

/* ---- lines ---- */

/* Cuts the next line off; HTTP_MORE when its end has not come. */
static enum http_verdict next_line(struct piece *rest, struct piece *ret_line)
{
	struct piece line, other;

	if (!cut(rest, '\n', &line)) {
		/* A CR is right only as the last byte so far. */
		line = *rest;
		if (cut(&line, '\r', &other) && line.length > 0)
			return HTTP_BAD_REQUEST;
		return HTTP_MORE;
	}
	if (line.length == 0 || line.at[line.length - 1] != '\r')
		return HTTP_BAD_REQUEST;
	line.length--;
	if (memchr(line.at, '\r', line.length) != NULL)
		return HTTP_BAD_REQUEST;
	*ret_line = line;
	return HTTP_OK;
}

/* The request line, without the empty lines before it. */
static enum http_verdict first_line(struct piece *rest, struct piece *ret_line)
{
	for (int i = 0; i <= EMPTY_LINES_MAX; i++) {
		enum http_verdict verdict = next_line(rest, ret_line);

		/* Nobody who speaks HTTP begins like that: it need not be waited for. */
		if (verdict == HTTP_MORE && rest->length > 0 && rest->at[0] != '\r' &&
		    !is_token_char(rest->at[0]))
			return HTTP_BAD_REQUEST;
		if (verdict != HTTP_OK || ret_line->length > 0)
			return verdict;
	}
	return HTTP_BAD_REQUEST;
}

enum http_verdict http_parse(const char *bytes, size_t length, struct http_request *ret_request,
			     size_t *ret_used)
{
	struct piece rest = { bytes, length < HTTP_HEAD_MAX ? length : HTTP_HEAD_MAX }, line;
	struct reading reading = { .request = ret_request };
	bool is_full = length >= HTTP_HEAD_MAX;
	enum http_verdict verdict;

	ret_request->head = false;
	verdict = first_line(&rest, &line);
	if (verdict == HTTP_MORE)
		return is_full ? HTTP_URI_TOO_LONG : HTTP_MORE;
	if (verdict == HTTP_OK)
		verdict = parse_request_line(&reading, line);
	while (verdict == HTTP_OK) {
		verdict = next_line(&rest, &line);
		if (verdict == HTTP_MORE)
			return is_full ? HTTP_HEADERS_TOO_LARGE : HTTP_MORE;
		if (verdict == HTTP_OK && line.length == 0) {
			verdict = finish(&reading);
			if (verdict == HTTP_OK)
				*ret_used = (size_t)(rest.at - bytes);
			return verdict;
		}
		if (verdict == HTTP_OK)
			verdict = parse_header(&reading, line);
	}
	return verdict;
}

/* fuzz_http.c - http_parse() on any bytes: a request that is whole has an end, a path and no
 * body; what comes in pieces is judged as what comes at once. */
#include "base.h"
#include "../services/status-http.h"

#include <stdbool.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_request request, again;

static void check_request(const char *bytes, size_t length, size_t used)
{
	size_t used_again = 0;

	if (used == 0 || used > length || used > HTTP_HEAD_MAX || bytes[used - 1] != '\n')
		BUG("a request that ends nowhere");
	if (request.path[0] != '/')
		BUG("a path without a slash");
	for (const char *at = request.path; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			BUG("a control character in a path");
	}
	/* What stands behind it plays no part. */
	if (http_parse(bytes, used, &again, &used_again) != HTTP_OK || used_again != used ||
	    strcmp(request.path, again.path) != 0)
		BUG("it depends on what comes behind it");
	for (size_t i = 0; i + 4 < used; i++) {
		if (memcmp(bytes + i, "\r\n\r\n", 4) == 0 && i > 0 && bytes[i - 1] != '\n')
			BUG("an empty line inside");
	}
}

/* As it would come: whatever was refused early is refused late, for it is the same bytes. */
static void check_pieces(const char *bytes, size_t length, enum http_verdict verdict)
{
	for (size_t part = 0; part < length; part += 1 + part / 16) {
		size_t used;
		enum http_verdict early = http_parse(bytes, part, &again, &used);

		if (early != HTTP_MORE && early != verdict)
			BUG("another verdict on the beginning");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	size_t used = 0;
	enum http_verdict verdict = http_parse(bytes, size, &request, &used);

	if (verdict == HTTP_OK)
		check_request(bytes, size, used);
	else if (used != 0)
		BUG("a length of what is no request");
	if (verdict == HTTP_MORE && size >= HTTP_HEAD_MAX)
		BUG("it would read for ever");
	if (verdict != HTTP_MORE && strcmp(http_reason(verdict), "Unknown") == 0)
		BUG("a verdict without words");
	check_pieces(bytes, size, verdict);
	return 0;
}

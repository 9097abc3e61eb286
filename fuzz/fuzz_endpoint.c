/* fuzz_endpoint.c - endpoint_parse() on any text: a refusal says why and has given
 * nothing; what is accepted prints as a text that reads back as the same bytes. */
#include "base.h"
#include "endpoint.h"

#include <errno.h>
#include <string.h>

#define ENOUGH 8 /* endpoints of a range that may have 131070 */

struct collected {
	struct endpoint items[ENOUGH];
	size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int collect(void *context, const struct endpoint *endpoint)
{
	struct collected *collected = context;

	collected->items[collected->count++] = *endpoint;
	return collected->count == ENOUGH ? -ENOBUFS : 0;
}

static void check_refusal(const struct collected *collected, const char *reason)
{
	if (collected->count != 0)
		BUG("an endpoint of a refused text");
	if (*reason == '\0')
		BUG("a refusal without a reason");
	for (; *reason != '\0'; reason++)
		if ((unsigned char)*reason < ' ' || *reason == 0x7f)
			BUG("a control byte in a reason");
}

static void check_endpoint(const struct endpoint *endpoint)
{
	struct collected again = { .count = 0 };
	char text[ENDPOINT_TEXT_MAX], reason[256];

	endpoint_print(endpoint, text);
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at >= 0x7f || *at == ',')
			BUG("a text that a list would take apart");
	if (endpoint_parse(text, collect, &again, reason, sizeof(reason)) != 0 || again.count != 1)
		BUG("a printed endpoint is refused");
	if (memcmp(endpoint, &again.items[0], sizeof(*endpoint)) != 0)
		BUG("a printed endpoint reads back as another");
	if (!endpoint_equal(endpoint, &again.items[0]) ||
	    endpoint_hash(endpoint) != endpoint_hash(&again.items[0]))
		BUG("an endpoint differs from itself");
	if (endpoint->length > sizeof(endpoint->address))
		BUG("an address longer than itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	struct collected collected = { .count = 0 };
	char reason[256] = "", tiny[1] = "";
	int error;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	error = endpoint_parse(text, collect, &collected, reason, sizeof(reason));
	if (error == -EINVAL) {
		check_refusal(&collected, reason);
		if (endpoint_parse(text, collect, &collected, tiny, sizeof(tiny)) != -EINVAL)
			BUG("the room for the reason decides");
		return 0;
	}
	if ((error != 0 && error != -ENOBUFS) || collected.count == 0)
		BUG("an unknown answer");
	for (size_t i = 0; i < collected.count; i++)
		check_endpoint(&collected.items[i]);
	return 0;
}

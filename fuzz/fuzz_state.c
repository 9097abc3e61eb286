/* fuzz_state.c - the state of another program, which may be anything: it is read whole, record by
 * record, or refused with a reason. What does not begin as a state is taken for records of one. */
#include "base.h"
#include "daemon.h"
#include "state.h"

#include <string.h>

#define HEAD "usherd-state 1 1.0\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is wrong is said on stderr, each time. */
static void look(struct state *state)
{
	static FILE *nowhere;
	FILE *before = stderr;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "we");
	stderr = nowhere;

	int status = daemon_look(state);

	stderr = before;
	if (status != 0 && state_reason(state)[0] == '\0')
		BUG("a refusal without a reason");
}

static void try(const char *bytes, size_t length)
{
	char reason[STATE_REASON_MAX] = "";
	struct state *state = NULL;

	if (state_parse(bytes, length, STATE_LOOK, &state, reason) < 0) {
		if (reason[0] == '\0' || state != NULL)
			BUG("a refusal without a reason");
		return;
	}
	look(state);
	state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	size_t lines = 0, length;
	char *text;

	if (size >= sizeof(HEAD) - 1 && memcmp(data, HEAD, 13) == 0) {
		try(bytes, size);
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	text = malloc(size + 128);
	if (text == NULL)
		return 0;
	memcpy(text, HEAD, sizeof(HEAD) - 1);
	if (size > 0)
		memcpy(text + sizeof(HEAD) - 1, data, size);
	length = sizeof(HEAD) - 1 + size;
	if (size > 0 && bytes[size - 1] != '\n') {
		text[length++] = '\n';
		lines++;
	}
	length += (size_t)snprintf(text + length, 64, "{\"record\":\"end\",\"count\":%zu}\n", lines);
	try(text, length);
	free(text);
	return 0;
}

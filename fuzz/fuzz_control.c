/* fuzz_control.c - control_request_parse() on any bytes: a refusal says why in text that does nobody
 * harm and touches nothing; what is accepted is within what the table allows, and asking
 * for it again in quotes gives the same. */
#include "base.h"
#include "control-request.h"

#include <stdbool.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether there is a text in all of it, no byte of which controls a terminal. */
static bool is_plain(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return length < size;
}

static void check_string(const struct control_request *request, const char *text)
{
	if (text == NULL)
		return;
	if (text < request->text || text >= request->text + sizeof(request->text))
		BUG("a string that is not in the request");
	if (*text == '\0' || !is_plain(text, (size_t)(request->text + sizeof(request->text) - text)))
		BUG("a string that was not checked");
}

static void check_option(const struct control_request *request, unsigned bit, const char *value)
{
	if (((request->options & bit) != 0) != (value != NULL))
		BUG("an option without its value");
	check_string(request, value);
}

static void check_request(const struct control_request *request)
{
	const struct control_verb *verb;

	if (request->verb >= CONTROL_VERBS)
		BUG("no such verb");
	verb = &control_verbs[request->verb];
	if (verb->rights == CONTROL_CLIENT)
		BUG("that is no request");
	if (request->argument_count < verb->least || request->argument_count > verb->most)
		BUG("too many or too few arguments");
	if ((request->options & ~verb->options) != 0)
		BUG("an option of another verb");
	for (size_t i = 0; i < CONTROL_ARGUMENTS_MAX; i++) {
		if ((i < request->argument_count) != (request->arguments[i] != NULL))
			BUG("arguments that were not counted");
		check_string(request, request->arguments[i]);
	}
	check_option(request, CONTROL_SERVICE, request->service);
	check_option(request, CONTROL_ADDRESS, request->address);
	check_option(request, CONTROL_LEVEL, request->level);
}

/* The request as a line in which everything is quoted. */
static void quote(FILE *out, const char *option, const char *text)
{
	if (text == NULL)
		return;
	fprintf(out, " '%s", option);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void check_again(const struct control_request *request)
{
	char reason[CONTROL_REASON_MAX];
	_cleanup_free_ char *line = NULL;
	struct control_request again;
	size_t length;
	FILE *out = open_memstream(&line, &length);

	if (out == NULL)
		return;
	fputs(control_verbs[request->verb].word, out);
	quote(out, "", request->arguments[0]);
	quote(out, "", request->arguments[1]);
	quote(out, "--service=", request->service);
	quote(out, "--address=", request->address);
	quote(out, "--level=", request->level);
	quote(out, "--now", (request->options & CONTROL_NOW) != 0 ? "" : NULL);
	quote(out, "--dry-run", (request->options & CONTROL_DRY_RUN) != 0 ? "" : NULL);
	fclose(out);
	if (length >= CONTROL_LINE_MAX) /* the quotes made it too long */
		return;
	if (control_request_parse(line, length, &again, reason) != 0 || again.verb != request->verb ||
	    again.options != request->options || !is_same(again.arguments[0], request->arguments[0]) ||
	    !is_same(again.arguments[1], request->arguments[1]) ||
	    !is_same(again.service, request->service) || !is_same(again.address, request->address) ||
	    !is_same(again.level, request->level))
		BUG("the same request in quotes is another one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct control_request request;
	int error = control_request_parse((const char *)data, size, &request, reason);

	if (error == 0) {
		check_request(&request);
		check_again(&request);
	} else if (*reason == '\0' || !is_plain(reason, sizeof(reason))) {
		BUG("a refusal without a reason, or with one that does harm");
	}
	return 0;
}

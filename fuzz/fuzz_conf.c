/* fuzz_conf.c - any bytes as services.ini: either a snapshot that -T prints as a
 * file which loads to the same snapshot, or errors that each say why and where. Nothing is opened but
 * what look-ups of users, groups and programs open. */
#include "base.h"
#include "conf-internal.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_environment environment = {.services_directory = "/nonexistent"};

static void check_errors(const struct conf_errors *errors, size_t size)
{
	if (errors->count == 0)
		BUG("refused without an error");
	for (size_t i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		if (error->reason[0] == '\0' || strcmp(error->path, "fuzz.ini") != 0)
			BUG("an error that says nothing");
		if (error->line > size + 1)
			BUG("an error beyond the file");
		if (i > 0 && error->line < errors->items[i - 1].line)
			BUG("errors out of order");
	}
}

/* -T without its comments, which name lines. */
static char *print(const struct conf *conf, size_t *ret_size)
{
	char *text = NULL, *to, *from;
	FILE *stream = open_memstream(&text, ret_size);

	if (stream == NULL)
		abort();
	conf_print(conf, stream);
	if (fclose(stream) != 0)
		abort();
	to = from = text;
	while (*from != '\0') {
		size_t length = strcspn(from, "\n") + 1;

		if (*from != ';') {
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	*to = '\0';
	*ret_size = (size_t)(to - text);
	return text;
}

static void check_snapshot(const struct conf *conf)
{
	struct conf_errors errors = {0};
	struct conf *again = NULL;
	size_t size, size_again;
	_cleanup_free_ char *text = print(conf, &size);

	if (conf->service_count == 0)
		BUG("a snapshot without services");
	if (conf_load_bytes("fuzz.ini", text, size, &environment, &again, &errors) != 0) {
		conf_errors_print(&errors, stderr);
		BUG("what -T prints is refused");
	}

	_cleanup_free_ char *text_again = print(again, &size_again);

	if (size != size_again || memcmp(text, text_again, size) != 0)
		BUG("what -T prints loads to something else");
	conf_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {0};
	struct conf *conf = NULL;
	int r = conf_load_bytes("fuzz.ini", (const char *)data, size, &environment, &conf, &errors);

	if (r == 0)
		check_snapshot(conf);
	else if (r == -EINVAL)
		check_errors(&errors, size);
	conf_unref(conf);
	conf_errors_free(&errors);
	return 0;
}

/* import-write.c - the sections of an import as services.ini. */
#include "import-internal.h"

#include <string.h>

#define WIDTH_MOST 20 /* of the names of keys, so that the values stand below each other */

/* Lines of comment; whatever came in, one line of ours is one line. */
static void write_comment(const char *text, FILE *out)
{
	fputs("; ", out);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\n; ", out);
		else
			fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
	}
	fputc('\n', out);
}

static int width_of(const struct import_service *service)
{
	int width = 0;

	for (const struct import_key *key = service->keys; key != NULL; key = key->next)
		if (key->value != NULL && (int)strlen(key->name) > width)
			width = (int)strlen(key->name);
	return width < WIDTH_MOST ? width : WIDTH_MOST;
}

static void write_section(const struct import_service *service, FILE *out)
{
	int width = width_of(service);

	fputc('\n', out);
	if (service->comment != NULL)
		write_comment(service->comment, out);
	if (service->where.path != NULL) {
		fputs("; from ", out);
		for (const char *byte = service->where.path; *byte != '\0'; byte++)
			fputc((unsigned char)*byte < ' ' ? '?' : *byte, out);
		fprintf(out, ":%u\n", service->where.line);
	}
	fprintf(out, "[%s]\n", service->name);
	for (const struct import_key *key = service->keys; key != NULL; key = key->next) {
		if (key->comment != NULL)
			write_comment(key->comment, out);
		if (key->value != NULL)
			fprintf(out, "%-*s = %s\n", width, key->name, key->value);
	}
}

static bool has_keys(const struct import_service *service)
{
	for (const struct import_key *key = service->keys; key != NULL; key = key->next)
		if (key->value != NULL || key->comment != NULL)
			return true;
	return false;
}

void import_write(const struct import *import, const char *title, FILE *out)
{
	write_comment(title, out);
	if (has_keys(&import->defaults))
		write_section(&import->defaults, out);
	for (const struct import_service *service = import->first; service != NULL; service = service->next)
		if (!service->dropped)
			write_section(service, out);
}

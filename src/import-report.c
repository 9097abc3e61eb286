/* import-report.c - what became of each line, for people and for grep. */
#include "import-internal.h"

static const char *const class_names[IMPORT_CLASSES] = {
	[IMPORT_EXACT] = "exact",
	[IMPORT_CHANGED] = "changed on purpose",
	[IMPORT_APPROXIMATED] = "approximated",
	[IMPORT_UNSUPPORTED] = "unsupported",
};

/* Text that came from a file may hold anything; one line of the report is one line. */
static void put_safe(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

static void put_line(const char *path, unsigned number, const struct import_line *line, FILE *out)
{
	put_safe(path, out);
	fprintf(out, ":%u: %s", number, class_names[import_class_of(line)]);
	if (!line->told)
		fputs(": nothing was made of this line", out);
	if (line->text != NULL) {
		fputs(": ", out);
		put_safe(line->text, out);
	}
	fputc('\n', out);
}

void import_report(const struct import *import, bool brief, FILE *out)
{
	for (const struct import_file *file = import->files; file != NULL; file = file->next)
		for (unsigned i = 0; i < file->count; i++)
			if (!brief || import_class_of(&file->lines[i]) != IMPORT_EXACT || file->lines[i].text != NULL)
				put_line(file->path, i + 1, &file->lines[i], out);
	for (enum import_class class = IMPORT_EXACT; class < IMPORT_CLASSES; class++)
		fprintf(out, "%s%u %s", class == IMPORT_EXACT ? "lines: " : ", ", import_count(import, class),
			class_names[class]);
	fputc('\n', out);
}

/* cookbook_help.h - takes recipes out of usherd.cookbook(7): what stands there is what is tried. */
#ifndef USHERD_TESTS_COOKBOOK_HELP_H
#define USHERD_TESTS_COOKBOOK_HELP_H

#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* The page, as it is in the source; malloc'ed. */
static inline char *cookbook_page(void)
{
	char path[4096];
	const char *source = getenv("SOURCE");
	char *text;

	snprintf(path, sizeof(path), "%s/man/usherd.cookbook.7", source != NULL ? source : ".");
	text = test_read(path);
	ck_assert_msg(text[0] != '\0', "no page at %s; set SOURCE", path);
	return text;
}

/* A line of a literal display as it is printed. */
static inline void cookbook_print_line(const char *line, FILE *out)
{
	if (strncmp(line, "\\&", 2) == 0)
		line += 2;
	for (; *line != '\0'; line++) {
		if (line[0] == '\\' && (line[1] == 'e' || line[1] == '-'))
			fputc(*++line == 'e' ? '\\' : '-', out);
		else
			fputc(*line, out);
	}
	fputc('\n', out);
}

/* What stands between the comment `begin` and the next "end": malloc'ed, NULL when there is none. */
static inline char *cookbook_take(const char *begin)
{
	char *page = cookbook_page(), *save = NULL, *text = NULL;
	bool inside = false;
	size_t length;
	FILE *out = NULL;

	for (char *line = strtok_r(page, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (!inside && strcmp(line, begin) == 0) {
			out = open_memstream(&text, &length);
			inside = true;
		} else if (inside && strcmp(line, ".\\\" end") == 0) {
			break;
		} else if (inside && line[0] != '.') {
			cookbook_print_line(line, out);
		}
	}
	if (out != NULL)
		fclose(out);
	free(page);
	return text;
}

/* Puts `with` in place of each `what`; tells how often that was. Takes and returns malloc'ed text. */
static inline char *cookbook_swap(char *text, const char *what, const char *with, unsigned *ret_times)
{
	char *result = NULL;
	size_t length;
	FILE *out = open_memstream(&result, &length);

	*ret_times = 0;
	for (const char *at = text; *at != '\0';) {
		if (strncmp(at, what, strlen(what)) == 0) {
			fputs(with, out);
			at += strlen(what);
			++*ret_times;
		} else {
			fputc(*at++, out);
		}
	}
	fclose(out);
	free(text);
	return result;
}

#endif

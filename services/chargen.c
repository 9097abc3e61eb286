/* chargen - RFC 864: lines of 72 printable characters, each line beginning one
 * character later than the one before, until the client has enough.
 *
 * A datagram is answered with as much of it as the question was long, at most
 * 512 bytes: a forged question never makes more traffic than it was itself. */
#include "service.h"

#define FIRST_CHARACTER ' '
#define CHARACTERS 95
#define COLUMNS 72
#define LINE (COLUMNS + 2)
#define PATTERN (CHARACTERS * LINE)
#define DATAGRAM_MAX 512

/* Fills `length` bytes; the pattern repeats after PATTERN of them. */
static void fill_pattern(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t line = i / LINE, column = i % LINE;

		if (column == COLUMNS)
			text[i] = '\r';
		else if (column == COLUMNS + 1)
			text[i] = '\n';
		else
			text[i] = (char)(FIRST_CHARACTER + (line + column) % CHARACTERS);
	}
}

static int chargen_stream(void *context)
{
	static char text[9 * PATTERN];
	int error;

	(void)context;
	fill_pattern(text, sizeof(text));
	do {
		error = service_write(text, sizeof(text));
	} while (error == 0);
	return service_ended("chargen", error);
}

static ssize_t chargen_datagram(void *context, char *datagram, size_t length)
{
	size_t reply = length < DATAGRAM_MAX ? length : DATAGRAM_MAX;

	(void)context;
	fill_pattern(datagram, reply);
	return (ssize_t)reply;
}

int main(int argc, char **argv)
{
	static const struct service chargen = {
		.name = "chargen",
		.stream = chargen_stream,
		.datagram = chargen_datagram,
	};
	int usage = service_no_arguments(chargen.name, argc);

	(void)argv;
	return usage != 0 ? usage : service_run(&chargen, NULL);
}

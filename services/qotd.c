/* qotd - RFC 865: a quote, picked at random for each client.
 *
 * qotd [FILE]: quotes from FILE, each ended by a line that is just %, as
 * fortune(6) has them; without FILE from the few below. Quotes that are longer
 * than the answer may be are passed over; when all are, one is cut. */
#include "service.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#define QUOTE_MAX 511 /* RFC 865: less than 512 characters */
#define FILE_MAX ((size_t)16 * 1024 * 1024)

struct quotes {
	const char *text;
	size_t length;
};

struct quote {
	const char *text;
	size_t length;
};

/* Each fits into the answer to an empty datagram. */
static const char built_in_quotes[] = "A port that nobody opened needs no guard.\n"
				      "%\n"
				      "Read the log first, then guess.\n"
				      "%\n"
				      "A limit that was never reached was never tested.\n"
				      "%\n"
				      "Small programs forgive small mistakes.\n"
				      "%\n"
				      "The best retry is the one that waits a little.\n"
				      "%\n"
				      "An error without a name is only a mood.\n"
				      "%\n"
				      "Who closes the door also hears the last knock.\n"
				      "%\n"
				      "Half a close is better than half an answer.\n";

/* Takes the next quote at `*position`, without its last newline. Empty ones are
 * skipped. Returns false at the end. */
static bool next_quote(const struct quotes *quotes, size_t *position, struct quote *ret_quote)
{
	while (*position < quotes->length) {
		const char *start = quotes->text + *position;
		size_t length = 0;

		while (*position < quotes->length) {
			const char *line = quotes->text + *position;
			size_t rest = quotes->length - *position;
			const char *end = memchr(line, '\n', rest);
			size_t line_length = end == NULL ? rest : (size_t)(end - line) + 1;

			*position += line_length;
			if (line[0] == '%' && (line_length == 1 || line[1] == '\n' || line[1] == '\r'))
				break;
			length += line_length;
		}
		while (length > 0 && (start[length - 1] == '\n' || start[length - 1] == '\r'))
			length--;
		if (length > 0) {
			*ret_quote = (struct quote){ .text = start, .length = length };
			return true;
		}
	}
	return false;
}

/* How long the quote is with CR LF line ends. */
static size_t measure_quote(const struct quote *quote)
{
	size_t length = quote->length + 2;

	for (size_t i = 0; i < quote->length; i++) {
		if (quote->text[i] == '\n')
			length++;
		else if (quote->text[i] == '\r')
			length--;
	}
	return length;
}

/* Writes the quote with CR LF line ends, cut to `room` bytes (at least 2).
 * Returns how many were written. */
static size_t print_quote(const struct quote *quote, char *text, size_t room)
{
	size_t length = 0, last = room - 2, i;

	for (i = 0; i < quote->length && length < last; i++) {
		char c = quote->text[i];

		if (c == '\r')
			continue;
		if (c == '\n')
			text[length++] = '\r';
		text[length++] = c;
	}
	if (length > last)
		length = last;
	/* Cut between characters of UTF-8, not inside one. */
	if (i < quote->length && ((unsigned char)quote->text[i] & 0xc0) == 0x80) {
		while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
			length--;
		if (length > 0)
			length--;
	}
	memcpy(text + length, "\r\n", 2);
	return length + 2;
}

/* A number below `count`. That the lowest are picked a hair more often when
 * `count` does not divide 2^32 matters to nobody. */
static size_t pick_below(size_t count)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint32_t)getpid();
	return number % count;
}

/* Counts the quotes that are at most `limit` long as printed. */
static size_t count_quotes(const struct quotes *quotes, size_t limit)
{
	struct quote quote;
	size_t count = 0;

	for (size_t position = 0; next_quote(quotes, &position, &quote);)
		count += measure_quote(&quote) <= limit;
	return count;
}

/* Writes one quote of at most `limit` bytes. Returns its length; 0 when there
 * are no quotes. */
static size_t pick_quote(const struct quotes *quotes, char *text, size_t limit)
{
	size_t fitting = count_quotes(quotes, limit);
	size_t longest = fitting > 0 ? limit : SIZE_MAX;
	size_t count = fitting > 0 ? fitting : count_quotes(quotes, SIZE_MAX);
	struct quote quote;

	if (count == 0)
		return 0;

	size_t chosen = pick_below(count);

	for (size_t position = 0; next_quote(quotes, &position, &quote);) {
		if (measure_quote(&quote) > longest)
			continue;
		if (chosen-- == 0)
			return print_quote(&quote, text, limit);
	}
	return 0;
}

static int qotd_stream(void *context)
{
	char text[QUOTE_MAX];

	return service_ended("qotd", service_write(text, pick_quote(context, text, sizeof(text))));
}

static ssize_t qotd_datagram(void *context, char *datagram, size_t length)
{
	return (ssize_t)pick_quote(context, datagram, service_reply_limit(length, QUOTE_MAX));
}

/* Reads all of the file into memory that is the caller's to free (`ret_memory`).
 * Returns 0, or an exit code with a message. */
static int read_quotes(const char *path, struct quotes *ret_quotes, char **ret_memory)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(FILE_MAX + 1);

	if (file == NULL || text == NULL) {
		fprintf(stderr, "qotd: cannot read %s: %s\n", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		free(text);
		return EX_NOINPUT;
	}

	struct quotes quotes = { .text = text, .length = fread(text, 1, FILE_MAX + 1, file) };
	const char *wrong = NULL;

	if (ferror(file))
		wrong = strerror(errno);
	else if (quotes.length > FILE_MAX)
		wrong = "it is longer than 16 MiB";
	else if (count_quotes(&quotes, SIZE_MAX) == 0)
		wrong = "there is no quote in it";
	fclose(file);
	if (wrong != NULL) {
		fprintf(stderr, "qotd: cannot use %s: %s\n", path, wrong);
		free(text);
		return EX_NOINPUT;
	}
	*ret_quotes = quotes;
	*ret_memory = text;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct service qotd = {
		.name = "qotd",
		.stream = qotd_stream,
		.datagram = qotd_datagram,
	};
	struct quotes quotes = { .text = built_in_quotes, .length = sizeof(built_in_quotes) - 1 };

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fputs("usage: qotd [FILE]\n", stderr);
		return EX_USAGE;
	}
	if (argc < 2)
		return service_run(&qotd, &quotes);

	char *memory;
	int status = read_quotes(argv[1], &quotes, &memory);

	if (status != 0)
		return status;
	status = service_run(&qotd, &quotes);
	free(memory);
	return status;
}

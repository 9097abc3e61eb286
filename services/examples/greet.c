/* greet.c - a service that has a conversation, in C. It answers each line; standard input and standard output are the
 * client. Build it with `cc -O2 -o greet greet.c`, and try it with no server at all: ./greet
 *
 * Standard output is a socket, so the C library would keep what is printed until 4 KiB are together: hence fflush()
 * before each wait. A client that has gone is SIGPIPE, which ends the program: just right for a service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ROOM 1000 /* a client decides how long its lines are: never without a bound */

static const char *client(void)
{
	const char *address = getenv("REMOTE_ADDR");

	return address != NULL ? address : "this machine";
}

/* Returns 0 when the conversation is over. */
static int answer(const char *line)
{
	if (strncmp(line, "hello ", 6) == 0)
		printf("Hello %.100s, you come from %s.\r\n", line + 6, client());
	else if (strcmp(line, "quit") == 0)
		printf("Bye.\r\n");
	else
		printf("Say: hello NAME, or quit\r\n");
	return strcmp(line, "quit") != 0;
}

int main(void)
{
	char line[LINE_ROOM];
	int going = 1;

	while (going && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		going = answer(line);
		if (fflush(stdout) != 0)
			return EXIT_FAILURE;
	}
	if (!going)
		fprintf(stderr, "somebody was polite\n"); /* this goes to the log, not to the client */
	return EXIT_SUCCESS;
}

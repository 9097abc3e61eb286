/* harness_control.c - the control sockets of the daemons under the end-to-end tests; see harness.h.
 * Each test has one of its own, beside its configuration: the default one would belong
 * to all of them together. */
#include "harness_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a line of the text sets `control`. */
static bool names_control(const char *config)
{
	return has_match(config, "^[ \t]*control[ \t]*=");
}

char *harness_add_control(const char *config)
{
	static const char line[] = "control = $DIR/control\n";
	const char *section = strncmp(config, "[usherd]\n", 9) == 0 ? config : strstr(config, "\n[usherd]\n");
	size_t before = strlen(config);
	char *text = NULL;

	if (names_control(config) ||
	    strlen(daemon_control(NULL)) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return strdup(config);
	if (section != NULL)
		before = (size_t)(section - config) + strlen("[usherd]\n") + (*section == '\n');
	ck_assert_int_gt(asprintf(&text, "%.*s%s%s%s", (int)before, config,
				  section == NULL ? "\n[usherd]\n" : "", line, config + before),
			 0);
	return text;
}

const char *daemon_control(const struct daemon *daemon)
{
	(void)daemon; /* those of one test share their directory */
	return test_path("control");
}

char *control_ask(const char *path, const char *request)
{
	int fd = unix_connect(path, SOCK_STREAM);
	size_t length = strlen(request), room = 65536, got = 0;
	char *line = strcpy(malloc(length + 2), request), *reply = malloc(room);

	line[length] = '\n';
	line[length + 1] = '\0';
	send_text(fd, line);
	free(line);
	while (got == 0 || reply[got - 1] != '\n') {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "no reply to '%s' in time", request);
		if (got == room)
			reply = realloc(reply, room *= 2);

		ssize_t n = read(fd, reply + got, room - got);

		ck_assert_msg(n > 0, "the reply to '%s' ends after %zu bytes: %.*s", request, got, (int)got,
			      reply);
		got += (size_t)n;
	}
	reply[got - 1] = '\0';
	close(fd);
	return reply;
}

char *daemon_ask(const struct daemon *daemon, const char *request)
{
	return control_ask(daemon_control(daemon), request);
}

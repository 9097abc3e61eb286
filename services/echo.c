/* echo - RFC 862: what comes in goes out again.
 *
 * A stream until its end; a datagram to its sender. Also the program that the
 * benchmark starts for each connection: nothing here may cost start-up time. */
#include "service.h"

static int echo_stream(void *context)
{
	static char buffer[128 * 1024];

	(void)context;
	for (;;) {
		ssize_t length = service_read(buffer, sizeof(buffer));

		if (length <= 0)
			return service_ended("echo", (int)length);

		int error = service_write(buffer, (size_t)length);

		if (error < 0)
			return service_ended("echo", error);
	}
}

static ssize_t echo_datagram(void *context, char *datagram, size_t length)
{
	(void)context;
	(void)datagram;
	return (ssize_t)length;
}

int main(int argc, char **argv)
{
	static const struct service echo = {
		.name = "echo",
		.stream = echo_stream,
		.datagram = echo_datagram,
	};
	int usage = service_no_arguments(echo.name, argc);

	(void)argv;
	return usage != 0 ? usage : service_run(&echo, NULL);
}

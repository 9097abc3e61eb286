/* discard - RFC 863: reads everything, answers nothing. */
#include "service.h"

static int discard_stream(void *context)
{
	static char buffer[128 * 1024];
	ssize_t length;

	(void)context;
	do {
		length = service_read(buffer, sizeof(buffer));
	} while (length > 0);
	return service_ended("discard", (int)length);
}

static ssize_t discard_datagram(void *context, char *datagram, size_t length)
{
	(void)context;
	(void)datagram;
	(void)length;
	return -1;
}

int main(int argc, char **argv)
{
	static const struct service discard = {
		.name = "discard",
		.stream = discard_stream,
		.datagram = discard_datagram,
	};
	int usage = service_no_arguments(discard.name, argc);

	(void)argv;
	return usage != 0 ? usage : service_run(&discard, NULL);
}

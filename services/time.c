/* time - RFC 868: the seconds since 1900 as four bytes, the highest first. The
 * number starts again at 0 on 7 February 2036, as 32 bits must. */
#include "service.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* From 1900-01-01 to 1970-01-01: 70 years, 17 of them leap years. */
#define SECONDS_1900_TO_1970 UINT32_C(2208988800)

static uint32_t seconds_since_1900(void)
{
	return htonl((uint32_t)time(NULL) + SECONDS_1900_TO_1970);
}

static int time_stream(void *context)
{
	uint32_t seconds = seconds_since_1900();

	(void)context;
	return service_ended("time", service_write(&seconds, sizeof(seconds)));
}

static ssize_t time_datagram(void *context, char *datagram, size_t length)
{
	uint32_t seconds = seconds_since_1900();

	(void)context;
	(void)length;
	memcpy(datagram, &seconds, sizeof(seconds));
	return sizeof(seconds);
}

int main(int argc, char **argv)
{
	static const struct service time_service = {
		.name = "time",
		.stream = time_stream,
		.datagram = time_datagram,
	};
	int usage = service_no_arguments(time_service.name, argc);

	(void)argv;
	return usage != 0 ? usage : service_run(&time_service, NULL);
}

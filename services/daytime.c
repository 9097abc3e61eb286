/* daytime - RFC 867: the date and time as one line for people.
 *
 * The form is that of mail headers (RFC 5322), so that programs can read it as
 * well: "Sun, 22 Nov 2026 15:18:36 +0000", with names that no locale changes. */
#include "service.h"

#include <stdio.h>
#include <time.h>

static size_t print_daytime(char text[static SERVICE_REPLY_FREE])
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm tm;

	tzset();
	if (localtime_r(&now, &tm) == NULL)
		return 0;

	long zone = tm.tm_gmtoff / 60;
	long minutes = zone < 0 ? -zone : zone;
	int length = snprintf(text, SERVICE_REPLY_FREE, "%s, %02d %s %ld %02d:%02d:%02d %c%02ld%02ld\r\n",
			      days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900L,
			      tm.tm_hour, tm.tm_min, tm.tm_sec, zone < 0 ? '-' : '+', minutes / 60,
			      minutes % 60);

	return length > 0 && length < SERVICE_REPLY_FREE ? (size_t)length : 0;
}

static int daytime_stream(void *context)
{
	char text[SERVICE_REPLY_FREE];

	(void)context;
	return service_ended("daytime", service_write(text, print_daytime(text)));
}

static ssize_t daytime_datagram(void *context, char *datagram, size_t length)
{
	(void)context;
	(void)length;
	return (ssize_t)print_daytime(datagram);
}

int main(int argc, char **argv)
{
	static const struct service daytime = {
		.name = "daytime",
		.stream = daytime_stream,
		.datagram = daytime_datagram,
	};
	int usage = service_no_arguments(daytime.name, argc);

	(void)argv;
	return usage != 0 ? usage : service_run(&daytime, NULL);
}

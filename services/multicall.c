/* multicall.c - one program that is usherd and each of the bundled services, for a place
 * where there is nothing else: an appliance, a container, an empty root directory.
 *
 *     usherd-static --service echo        as the service echo
 *     echo (a link, or argv[0] of exec)   the same
 *     usherd-static ...                   as usherd
 *
 * In services.ini: exec = /usherd-static --service echo. Nothing is looked up: neither
 * /proc nor a link has to be there. The one thing that usherd cannot do without is
 * /dev/null, so root makes it where it is missing. */
#include "multicall.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sysexits.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} services[] = {
	{ "chargen", multicall_chargen }, { "daytime", multicall_daytime }, { "discard", multicall_discard },
	{ "echo", multicall_echo },       { "qotd", multicall_qotd },       { "relay", multicall_relay },
	{ "status", multicall_status },   { "time", multicall_time },
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

/* Its place in the table; SERVICES when there is none of that name. */
static size_t find(const char *name)
{
	size_t i = 0;

	while (i < SERVICES && strcmp(services[i].name, name) != 0)
		i++;
	return i;
}

static int no_such_service(const char *name)
{
	fprintf(stderr, "usherd: --service%s%.100s: the services in this program are", name != NULL ? " " : "",
		name != NULL ? name : "");
	for (size_t i = 0; i < SERVICES; i++)
		fprintf(stderr, "%s %s", i == 0 ? "" : i + 1 < SERVICES ? "," : " and", services[i].name);
	fputc('\n', stderr);
	return EX_USAGE;
}

/* What is there stays as it is. Whoever may not make it is told what is missing. */
static int provide_null(void)
{
	if (access("/dev/null", F_OK) == 0)
		return 0;
	if ((mkdir("/dev", 0755) == 0 || errno == EEXIST) &&
	    mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0 && chmod("/dev/null", 0666) == 0)
		return 0;
	fprintf(stderr, "usherd: there is no /dev/null, and it cannot be made here (%s); make it: mknod -m 666 "
		"/dev/null c 1 3\n", strerror(errno));
	return -errno;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	size_t service = argc > 0 ? find(slash != NULL ? slash + 1 : argv[0]) : SERVICES;

	if (service < SERVICES)
		return services[service].run(argc, argv);
	if (argc < 2 || strcmp(argv[1], "--service") != 0)
		return provide_null() < 0 ? EX_OSFILE : multicall_usherd(argc, argv);
	service = argc > 2 ? find(argv[2]) : SERVICES;
	return service < SERVICES ? services[service].run(argc - 2, argv + 2) :
				    no_such_service(argc > 2 ? argv[2] : NULL);
}

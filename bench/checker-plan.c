/* checker-plan.c - see checker-plan.h: the arguments of bench/checker. */
#include "checker-plan.h"

#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_RIGHT] = "replies", [OUTCOME_REFUSED] = "refused", [OUTCOME_RESET] = "reset",
	[OUTCOME_LOST] = "lost",     [OUTCOME_SHORT] = "short",     [OUTCOME_WRONG] = "wrong",
	[OUTCOME_OTHER] = "other",
};

struct checker_plan plan = { .rate = 100, .talk_ms = 1000, .sources = 1, .late_ns = 60 * NS_PER_S };

static void usage(void)
{
	fputs("usage: checker [-r RATE] [-t SECONDS] [-H HELD] [-i TALK_MS] [-T LATE_MS] [-s SOURCE] [-S "
	      "SOURCES]\n"
	      "               [-f FILE] TARGET...   (ADDRESS:PORT, ADDRESS:PORT/udp, unix:PATH)\n",
	      stderr);
	exit(64);
}

static unsigned number_of(const char *text, unsigned max)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || number > max)
		usage();
	return (unsigned)number;
}

static void parse_target(struct target *target, char *text)
{
	char *copy = strdup(text), *colon = strrchr(copy, ':'), *slash;

	target->text = text;
	if (strncmp(copy, "unix:", 5) == 0) {
		target->address.un.sun_family = AF_UNIX;
		target->length = sizeof(target->address.un);
		if (strlen(copy + 5) >= sizeof(target->address.un.sun_path))
			usage();
		memcpy(target->address.un.sun_path, copy + 5, strlen(copy + 5));
		free(copy);
		return;
	}
	if (colon == NULL)
		usage();
	*colon++ = '\0';
	slash = strchr(colon, '/');
	target->datagram = slash != NULL && strcmp(slash, "/udp") == 0;
	if (slash != NULL)
		*slash = '\0';
	target->address.in.sin_family = AF_INET;
	target->address.in.sin_port = htons((uint16_t)number_of(colon, 65535));
	target->length = sizeof(target->address.in);
	if (inet_pton(AF_INET, copy, &target->address.in.sin_addr) != 1)
		usage();
	free(copy);
}

void checker_parse_arguments(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "r:t:H:i:T:s:S:f:")) != -1) {
		switch (letter) {
		case 'r':
			plan.rate = number_of(optarg, 100000);
			break;
		case 't':
			plan.seconds = strtod(optarg, NULL);
			break;
		case 'H':
			plan.hold = number_of(optarg, 1000000);
			break;
		case 'i':
			plan.talk_ms = number_of(optarg, 3600000);
			break;
		case 'T':
			plan.late_ns = number_of(optarg, 3600000) * NS_PER_MS;
			break;
		case 's':
			if (inet_pton(AF_INET, optarg, &plan.source) != 1)
				usage();
			break;
		case 'S':
			plan.sources = number_of(optarg, 1 << 20);
			break;
		case 'f':
			plan.file = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind == argc || argc - optind > TARGETS_MAX || plan.sources == 0)
		usage();
	while (optind < argc)
		parse_target(&plan.targets[plan.target_count++], argv[optind++]);
	if (plan.targets[0].datagram && plan.hold > 0)
		usage();
}

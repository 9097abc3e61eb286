/* checker-plan.h - what bench/checker has been told to do, and what came of each target. */
#ifndef USHERD_BENCH_CHECKER_PLAN_H
#define USHERD_BENCH_CHECKER_PLAN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { TARGETS_MAX = 16 };

enum outcome {
	OUTCOME_RIGHT,
	OUTCOME_REFUSED,
	OUTCOME_RESET,
	OUTCOME_LOST,  /* nothing within the time allowed */
	OUTCOME_SHORT, /* end of file before the whole reply */
	OUTCOME_WRONG, /* other bytes than those sent, or more */
	OUTCOME_OTHER,
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

struct target {
	const char *text;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} address;
	socklen_t length;
	bool datagram;
	uint64_t outcomes[OUTCOME_COUNT], max_ns;
};

struct checker_plan {
	unsigned rate, hold, talk_ms, sources, target_count;
	double seconds; /* 0: until SIGTERM */
	uint64_t late_ns;
	struct in_addr source;
	const char *file; /* or NULL */
	struct target targets[TARGETS_MAX];
};

extern struct checker_plan plan;

/* Fills the plan; ends the program when the arguments are none. */
void checker_parse_arguments(int argc, char **argv);

#endif

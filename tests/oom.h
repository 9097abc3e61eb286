/* oom.h - what a test and the library oom.c in the program under test share. */
#ifndef USHERD_TESTS_OOM_H
#define USHERD_TESTS_OOM_H

struct oom_control {
	volatile unsigned armed;         /* 0: nothing is counted, nothing fails */
	volatile unsigned from_there_on; /* not only the one, but all that follow */
	volatile unsigned fail_at;       /* 1 is the next one; 0: only count */
	volatile unsigned taken, refused;
};

#endif

/* faulty.h - calls of the C library that fail when a test wants them to, once or from then on.
 *
 * The linker sends the calls of everything in a program to faulty.c (--wrap, see FAULTY in Makefile.am), also those
 * of the archives under test; what libraries call inside themselves is not touched. So each error branch can be
 * walked in one process, thousands of times a second. */
#ifndef USHERD_TESTS_FAULTY_H
#define USHERD_TESTS_FAULTY_H

#include <stdbool.h>
#include <stddef.h>

enum faulty_call {
#define FAULTY(type, name, ...) FAULTY_##name,
#include "faulty.def"
#undef FAULTY
	/* with arguments that no row can name */
	FAULTY_open,
	FAULTY_openat,
	FAULTY_fcntl,
	FAULTY_syscall,
	FAULTY_clone,
	FAULTY_asprintf,
	FAULTY_epoll_ctl,
	FAULTY_prctl,
	FAULTY_json, /* memory for jansson, which has a switch of its own: faulty_use_json() */
	FAULTY_CALLS,
};

struct faulty_plan {
	enum faulty_call call;
	unsigned nth; /* from 1 */
	int error;
	bool from_there_on;
};

/* From here to faulty_end() calls are counted, and fail as planned (NULL: none does). */
void faulty_begin(const struct faulty_plan *plan);
void faulty_end(void);
unsigned faulty_count(enum faulty_call call); /* how often it was called since the last begin */
unsigned faulty_failures(void);               /* how many of them were let fail */
void faulty_use_json(void);

/* Processes that are forked from now on decide, too; it is the calls of the one that asks that fail. */
void faulty_share(void);

const int *faulty_errors(enum faulty_call call); /* that are plausible; 0 ends them */
const char *faulty_name(enum faulty_call call);

/* ---- each call of a piece of work, in turn ---- */

struct faulty_work {
	const char *name;
	void (*prepare)(void); /* or NULL */
	int (*work)(void);     /* only here calls fail; returns what is looked at by `finish` */
	/* Calls are as ever again: is all as it should be after this result? Asserts, and clears away. The plan is
	 * NULL when nothing failed. */
	void (*finish)(int result, const struct faulty_plan *plan);
	unsigned most; /* of one call that are tried; 0: 64 */
};

/* Does it once as it is, then with each call that it makes failing in turn with each of its errors, once and
 * from there on; no descriptor may be left. Returns how many failures there were. */
unsigned faulty_sweep(const struct faulty_work *work);

/* What is being tried, for a message. */
const char *faulty_now(void);

/* Many functions promise just that: 0, or the error that there was. */
bool faulty_is_told(int result, const struct faulty_plan *plan);

#endif

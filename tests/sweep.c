/* sweep.c - the fault sweep (T-SWEEP): see sweep.h. Which faults there are, what was wrong with whom, and the
 * figures.
 *
 * SWEEP_ONLY=SCENARIO makes the runs of one only; SWEEP_FAULT="WHO CALL TURN ERRNO [on]" makes one run of each, and
 * shows its log; SWEEP_SHOW=1 tells each run and how long it took. */
#include "sweep.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const who_names[SWEEP_WHO] = { "daemon", "child" };

static char complaints[60000];
static size_t complained;
static unsigned runs, hits, violations;

/* As it is given in SWEEP_FAULT. */
static const char *name_of(const struct sweep_fault *fault)
{
	static char text[100];

	snprintf(text, sizeof(text), "%s %s %u %s%s", who_names[fault->who], sweep_rows[fault->row].name,
		 fault->turn, strerrorname_np(fault->error), fault->from_there_on ? " on" : "");
	return text;
}

bool sweep_is_wanted(const char *name)
{
	const char *only = getenv("SWEEP_ONLY");

	return only == NULL || strcmp(only, name) == 0;
}

bool sweep_is_one(void)
{
	return getenv("SWEEP_FAULT") != NULL;
}

void sweep_complain(const struct sweep_fault *fault, const char *format, ...)
{
	size_t room = sizeof(complaints) - complained;
	va_list list;

	violations++;
	if (room < 2000)
		return;
	complained += (size_t)snprintf(complaints + complained, room, "%s: ", name_of(fault));
	va_start(list, format);
	complained += (size_t)vsnprintf(complaints + complained, 1500, format, list);
	va_end(list);
	complained = strlen(complaints);
	complaints[complained++] = '\n';
	complaints[complained] = '\0';
}

void sweep_count(bool hit)
{
	runs++;
	hits += hit;
}

static void run_shown(const struct sweep_fault *fault, sweep_run *run, void *context)
{
	uint64_t begin = now_ms();

	run(fault, context);
	if (getenv("SWEEP_SHOW") != NULL)
		fprintf(stderr, "%s: %u ms\n", name_of(fault), (unsigned)(now_ms() - begin));
}

/* One row of sweep.def for a turn: what passes once, what lasts once, and what lasts from there on. */
static void each_error(const struct sweep_fault *call, sweep_run *run, void *context)
{
	const struct sweep_row *row = &sweep_rows[call->row];

	for (size_t i = 0; i < 3 * SWEEP_ERRORS; i++) {
		const int *errors = i / SWEEP_ERRORS == 0 ? row->passing : row->lasting;
		struct sweep_fault fault = *call;

		fault.error = errors[i % SWEEP_ERRORS];
		fault.from_there_on = i / SWEEP_ERRORS == 2;
		if (fault.error != 0 &&
		    (!sweep_is_one() || strcmp(getenv("SWEEP_FAULT"), name_of(&fault)) == 0))
			run_shown(&fault, run, context);
	}
}

void sweep_each(unsigned turns, sweep_run *run, void *context)
{
	unsigned counts[SWEEP_WHO][200];

	ck_assert_uint_lt(sweep_row_count, 200);
	for (int who = 0; who < SWEEP_WHO; who++)
		for (size_t row = 0; row < sweep_row_count; row++)
			counts[who][row] = sweep_calls((enum sweep_who)who, row);
	for (int who = 0; who < SWEEP_WHO; who++)
		for (size_t row = 0; row < sweep_row_count; row++)
			for (unsigned turn = 1; turn <= counts[who][row] && turn <= turns; turn++)
				each_error(&(struct sweep_fault){ (enum sweep_who)who, row, turn, 0, false },
					   run, context);
}

void sweep_report(const char *name, unsigned least)
{
	fprintf(stderr, "# %s: %u runs, %u of them hit, %u violations\n", name, runs, hits, violations);
	ck_assert_msg(violations == 0, "%s: %u violations in %u runs:\n%s", name, violations, runs,
		      complaints);
	if (!sweep_is_one())
		ck_assert_msg(hits >= least, "%s: only %u calls were hit", name, hits);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sweep");

	sweep_add_live(harness_case(suite, "live", 3600));
	sweep_add_whole(harness_case(suite, "whole", 3600));
	return suite;
}

int main(void)
{
	return harness_main(make_suite,
			    HARNESS_SANITIZED ? "a sanitizer does not live with these faults" : NULL);
}

/* e2e_syscalls.c - a session makes no more system calls than src/session-calls.def says: daemon and children are
 * traced while they serve, and each call is counted by its name. What happens now and then (a wait that was
 * interrupted, a round of the loop for a timer) is lost in the rounding over many sessions. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS  100
#define NAMES_MOST 64
#define NAME_MOST  32

enum who { DAEMON, CHILD, WHOS };

static const char *const who_names[WHOS] = { "the daemon", "a child before exec" };

static const struct {
	enum who who;
	const char *name;
	unsigned most;
	const char *purpose;
} budget[] = {
#define CALL(who, name, most, purpose) { who, #name, most, purpose },
#include "session-calls.def"
#undef CALL
};

/* ---- counting ---- */

struct count {
	char name[NAME_MOST];
	unsigned calls;
};

struct tally {
	struct count counts[WHOS][NAMES_MOST];
	int executed[SESSIONS]; /* children that came to exec: what they call then is not ours */
	size_t executed_count;
};

static unsigned *calls_of(struct tally *tally, enum who who, const char *name)
{
	struct count *count = tally->counts[who];

	/* What is called where there is no epoll_wait(2) and no dup2(2). */
	if (strcmp(name, "epoll_pwait") == 0)
		name = "epoll_wait";
	if (who == CHILD && strcmp(name, "dup3") == 0)
		name = "dup2";
	while (count->name[0] != '\0' && strcmp(count->name, name) != 0)
		ck_assert(++count < tally->counts[who] + NAMES_MOST);
	strcpy(count->name, name);
	return &count->calls;
}

static bool has_executed(const struct tally *tally, int pid)
{
	for (size_t i = 0; i < tally->executed_count; i++)
		if (tally->executed[i] == pid)
			return true;
	return false;
}

/* Where a child is slow, as all are on a busy machine, the daemon waits again, and looks whether it is stopped: that
 * is not counted. It is seen at the end of the line, or in the latter half of one. */
static void forget_wait(struct tally *tally, const char *line, int daemon)
{
	int pid;

	if (sscanf(line, "%d", &pid) != 1 || pid != daemon)
		return;
	if (strstr(line, "futex") != NULL && strstr(line, "ETIMEDOUT") != NULL)
		(*calls_of(tally, DAEMON, "futex"))--;
	if (strstr(line, "waitid") != NULL && strstr(line, "WSTOPPED") != NULL)
		(*calls_of(tally, DAEMON, "waitid"))--;
}

/* A line is "PID name(...", or "PID <... name resumed>" and the like, which were counted when they began. */
static void count_line(struct tally *tally, const char *line, int daemon)
{
	char name[NAME_MOST], bracket;
	int pid;

	if (sscanf(line, "%d %31[a-z0-9_]%c", &pid, name, &bracket) != 3 || bracket != '(')
		return;
	if (pid == daemon) {
		(*calls_of(tally, DAEMON, name))++;
	} else if (!has_executed(tally, pid)) {
		(*calls_of(tally, CHILD, name))++;
		if (strcmp(name, "execve") == 0) {
			ck_assert_uint_lt(tally->executed_count, SESSIONS);
			tally->executed[tally->executed_count++] = pid;
		}
	}
}

static void count_trace(struct tally *tally, char *trace, int daemon)
{
	for (char *line = strtok(trace, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		count_line(tally, line, daemon);
		forget_wait(tally, line, daemon);
	}
}

static unsigned allowed(enum who who, const char *name, const char **ret_purpose)
{
	for (size_t i = 0; i < sizeof(budget) / sizeof(budget[0]); i++) {
		if (budget[i].who == who && strcmp(budget[i].name, name) == 0) {
			*ret_purpose = budget[i].purpose;
			return budget[i].most;
		}
	}
	*ret_purpose = "not in the table";
	return 0;
}

/* ---- the session of the table ---- */

static void serve(struct daemon *daemon, unsigned sessions)
{
	for (unsigned i = 0; i < sessions; i++) {
		ck_assert_str_eq(ask(1, NULL), "hello");
		daemon_wait_log(daemon, "end service=x ");
	}
}

START_TEST(within_the_budget)
{
	static struct tally tally;
	struct daemon *daemon = daemon_start("[x]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n");

	serve(daemon, 1);
	pid_t tracer = inject_start(daemon, "getpgid:error=EPERM"); /* called by nobody */

	SKIP_IF(tracer == 0, "strace cannot attach here");
	serve(daemon, SESSIONS);
	inject_stop(daemon, tracer);
	count_trace(&tally, test_read(test_path("trace")), daemon->pid);
	ck_assert_uint_eq(tally.executed_count, SESSIONS);

	char over[4096] = "";

	for (enum who who = DAEMON; who < WHOS; who++) {
		for (const struct count *count = tally.counts[who]; count->name[0] != '\0'; count++) {
			const char *purpose;
			unsigned most = allowed(who, count->name, &purpose);
			size_t used = strlen(over);

			if ((count->calls + SESSIONS / 2) / SESSIONS > most)
				snprintf(over + used, sizeof(over) - used,
					 "%s calls %s %.2f times a session; allowed are %u (%s)\n",
					 who_names[who], count->name, (double)count->calls / SESSIONS, most,
					 purpose);
		}
	}
	ck_assert_msg(over[0] == '\0', "more system calls than src/session-calls.def says:\n%s", over);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("e2e_syscalls");
	TCase *budget_case = harness_case(suite, "budget", 60);

	tcase_add_test(budget_case, within_the_budget);
	return suite;
}

int main(void)
{
	if (HARNESS_SANITIZED)
		return harness_main(make_suite, "a sanitizer makes system calls of its own");
	return harness_main(make_suite, harness_find("strace") == NULL ? "strace is not installed" : NULL);
}

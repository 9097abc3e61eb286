/* e2e_fault_clock.c - F20: the wall clock jumps, back and forth, by an hour, a
 * day and a century, while each kind of timer runs. The log prints the new time;
 * pauses, drains and kills end when they would have ended. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile int64_t *shift;
static char preload[4200] = "LD_PRELOAD=", file[300] = "USHERD_WALLCLOCK=", path[] = "PATH=/usr/bin:/bin";
static char *environment[] = {path, preload, file, NULL};

static const int64_t jumps[] = {3600, -3600, 86400, -86400, INT64_C(3155760000), -INT64_C(1000000000)};

#define JUMPS ((int)(sizeof(jumps) / sizeof(jumps[0])))

static const char *library(void)
{
	static char found[4096];
	const char *build = getenv("BUILD");
	char self[2048] = "", *slash;

	if (build != NULL) {
		snprintf(found, sizeof(found), "%s/tests/wallclock.so", build);
	} else if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		slash = strrchr(self, '/');
		*slash = '\0';
		snprintf(found, sizeof(found), "%s/wallclock.so", self);
	}
	return found;
}

static struct daemon *start(const char *config)
{
	int fd = open(test_path("shift"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	ck_assert_int_eq(ftruncate(fd, sizeof(*shift)), 0);
	shift = mmap(NULL, sizeof(*shift), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne((const void *)(uintptr_t)shift, MAP_FAILED);
	close(fd);
	snprintf(preload + strlen("LD_PRELOAD="), sizeof(preload) - 12, "%s", library());
	snprintf(file + strlen("USHERD_WALLCLOCK="), sizeof(file) - 18, "%s", test_path("shift"));
	return daemon_launch(&(struct daemon_spec){.config = config, .environment = environment});
}

/* Jumps, and makes sure that the daemon has seen it: by the date of a log line. */
static void jump(struct daemon *daemon, int64_t seconds)
{
	char before[16], line[64];

	snprintf(before, sizeof(before), "%.13s", daemon_read_log(daemon)); /* to the hour */
	*shift = seconds;
	daemon_signal(daemon, SIGHUP);
	snprintf(line, sizeof(line), "%.13s",
		 daemon_wait_log(daemon, " reload generation=| reload-failed "));
	ck_assert_msg(strcmp(before, line) != 0, "still %s after a jump of %lld s", line, (long long)seconds);
}

/* A service whose program is gone pauses, and comes back by itself. */
START_TEST(jump_in_pause)
{
	test_write("program", 0755, "#!/bin/sh\necho fine\n", false);
	struct daemon *daemon = start("[it]\nlisten = 127.0.0.1:$1\nexec = $DIR/program\n"
				      "[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say other\n");
	unsigned failures = 0;

	rename(test_path("program"), test_path("hidden"));
	/* Some failures, for a pause that lasts (100 ms, doubled each time). */
	for (; failures < 4; failures++) {
		free(ask(1, NULL));
		daemon_wait_log(daemon, " fail service=it ");
	}
	rename(test_path("hidden"), test_path("program"));
	*shift = jumps[_i];

	uint64_t start_ms = now_ms();

	ask_many(2, NULL, "other", 1, 2000);
	ask_many(1, NULL, "fine\n", 1, 0);
	uint64_t took = now_ms() - start_ms;

	/* 800 ms at that point; and 5 s would be the longest of all. */
	ck_assert_msg(took < 4000 + late_ms(daemon), "paused for %llu ms after a jump", (unsigned long long)took);
	ck_assert_msg(took > 100, "no pause any more after a jump: %llu ms", (unsigned long long)took);
	jump(daemon, jumps[_i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A drain lasts drain_timeout, and kill_after comes after that. */
START_TEST(jump_in_drain)
{
	struct daemon *daemon = start("[usherd]\ndrain_timeout = 600ms\n"
				      "[it]\nlisten = 127.0.0.1:$1\nkill_after = 600ms\nexec = $PROBE stubborn\n");
	int client = tcp_connect(1);

	free(read_piece(client, PATIENCE_MS, NULL)); /* ready */
	uint64_t start_ms = now_ms();

	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");

	*shift = jumps[_i];
	daemon_wait_log(daemon, " drain-timeout ");
	uint64_t drained = now_ms() - start_ms;

	*shift = -jumps[_i];
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	uint64_t ended = now_ms() - start_ms;

	ck_assert_msg(drained > 400 && drained < 6000 + late_ms(daemon), "600 ms of drain_timeout took %llu ms",
		      (unsigned long long)drained);
	ck_assert_msg(ended > 1000 && ended - drained < 6000 + late_ms(daemon), "600 ms of kill_after took %llu ms",
		      (unsigned long long)(ended - drained));
	close(client);
}
END_TEST

/* Durations in the log are of the steady clock, too. */
START_TEST(jump_in_session)
{
	struct daemon *daemon = start("[it]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n");
	int client = tcp_connect(1);

	free(read_piece(client, PATIENCE_MS, NULL));
	jump(daemon, jumps[_i]);
	shutdown(client, SHUT_WR);
	free(read_all(client, NULL));
	double seconds = atof(line_text(daemon_wait_log(daemon, " end service=it "), "seconds"));

	ck_assert_msg(seconds >= 0 && seconds < 60, "a session of %f s", seconds);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_clock");
	TCase *all = harness_case(suite, "clock", 60);

	tcase_add_loop_test(all, jump_in_pause, 0, JUMPS);
	tcase_add_loop_test(all, jump_in_drain, 0, JUMPS);
	tcase_add_loop_test(all, jump_in_session, 0, JUMPS);
	return suite;
}

int main(void)
{
	const char *sanitizers = getenv("SANITIZERS");
	bool sanitized = sanitizers != NULL && sanitizers[0] != '\0' && strcmp(sanitizers, "none") != 0;

	return harness_main(make_suite, sanitized		      ? "a sanitizer has to be loaded first"
					: access(library(), R_OK) != 0 ? "tests/wallclock.so is not there"
								       : NULL);
}

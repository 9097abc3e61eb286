/* e2e_fault_view.c - what a service is given that e2e_view and e2e_dirty leave
 * open: the out-of-memory score (F06), keepalive in all its spellings (F29), and
 * for every way to start a service no trace of signals (F44), terminal (F45) and
 * environment (F46) of a starter that is as bad as it can be. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every way to start a service; `accept` and `receive` print the same view. */
#define SERVICES                                                                                               \
	"[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n%s"                                                     \
	"[filter]\nlisten = 127.0.0.1:$2/udp\nexec = $PROBE\n%s"                                               \
	"[waiter]\nlisten = 127.0.0.1:$3\nwait = yes\nexec = $PROBE accept\n%s"                                \
	"[receiver]\nlisten = 127.0.0.1:$4/udp\nwait = yes\nexec = $PROBE receive\n%s"

static char *view_of(unsigned number)
{
	if (number == 1 || number == 3)
		return ask(number, NULL);
	int fd = udp_connect("127.0.0.1", test_port(number));

	send_text(fd, "x");
	char *view = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_ptr_nonnull(view);
	close(fd);
	return view;
}

/* ---- F06 ---- */

static void write_score(void *context)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	(void)!write(fd, context, strlen(context));
	close(fd);
}

static const struct {
	char score[8];
	const char *key, *expected;
	bool root;
} scores[] = {
	{"0", "", "oom_score_adj 0", false},
	{"200", "", "oom_score_adj 200", false},
	{"200", "oom_score_adj = 300\n", "oom_score_adj 300", false},
	{"1000", "", "oom_score_adj 1000", false},
	{"-500", "", "oom_score_adj -500", true},
	{"-500", "oom_score_adj = 0\n", "oom_score_adj 0", true},
};

START_TEST(oom_score_of_services)
{
	char config[1024], score[8], path[64];
	const char *key = scores[_i].key;

	memcpy(score, scores[_i].score, sizeof(score));
	if (scores[_i].root) {
		write_score(score);
		char *now = test_read("/proc/self/oom_score_adj");

		SKIP_IF(atoi(now) != atoi(score), "a score below that of the starter is not allowed here");
	}
	snprintf(config, sizeof(config), SERVICES, key, key, key, key);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){.config = config, .prepare = write_score, .context = score});

	for (unsigned number = 1; number <= 4; number++) {
		char *view = view_of(number);

		/* What is inherited is there from the start. What is set comes a moment
		 * after exec, when the program may have looked already. */
		if (key[0] == '\0')
			ck_assert_line(view, scores[_i].expected);
		else
			WAIT_UNTIL(has_line(view_of(number), scores[_i].expected));
		free(view);
	}
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", daemon->pid);
	/* The daemon has a child's score until clone returned; the child may be faster. */
	WAIT_UNTIL(atoi(test_read(path)) == atoi(score));
	daemon_stop(daemon);
}
END_TEST

/* ---- F29 ---- */

static const struct {
	const char *key, *expected;
} keepalives[] = {
	{"", " keepalive=1 keepidle=300 "},
	{"keepalive = no\n", " keepalive=0 "},
	{"keepalive = 0\n", " keepalive=0 "},
	{"keepalive = 90s\n", " keepalive=1 keepidle=90 "},
};

/* On each accepted socket, of both families, and of a daemon that was reloaded into it. */
START_TEST(keepalive)
{
	char config[512];

	snprintf(config, sizeof(config), "[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n%s", keepalives[_i].key);
	struct daemon *daemon = daemon_start("[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\nkeepalive = 77s\n");

	ck_assert_match(ask(1, NULL), " keepalive=1 keepidle=77 ");
	unsigned long inode = listener_inode(test_port(1));

	daemon_configure(config);
	daemon_reload(daemon, true);
	ck_assert_match(ask(1, NULL), keepalives[_i].expected);
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	daemon_stop(daemon);
	daemon = daemon_start(config);
	ck_assert_match(ask(1, NULL), keepalives[_i].expected);
	daemon_stop(daemon);
}
END_TEST

/* ---- F44 to F46 ---- */

/* By the kernel: libc refuses to touch 32 and 33, its own. */
static void be_bad(void *context)
{
	unsigned long all = ~0UL;

	for (int number = 1; number <= 64; number++) {
		struct {
			unsigned long handler, flags, restorer, mask;
		} ignore = {.handler = 1};

		syscall(SYS_rt_sigaction, number, &ignore, NULL, 8);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	for (int number = 32; number < 36; number++)
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
	setsid();
	int slave = open(context, O_RDWR);

	ioctl(slave, TIOCSCTTY, 0);
}

static char big[100 * 1024] = "BIG=";
static char path[] = "PATH=/tmp/evil:/usr/bin", secret[] = "SECRET=1", preload[] = "LD_PRELOAD=/nonexistent.so",
	    library[] = "LD_LIBRARY_PATH=/tmp/evil", tunables[] = "GLIBC_TUNABLES=glibc.malloc.check=3",
	    locale[] = "LC_ALL=evil", locpath[] = "LOCPATH=/tmp/evil", env[] = "ENV=/tmp/evil",
	    python[] = "PYTHONPATH=/tmp/evil", shellshock[] = "X=() { :;}; echo vulnerable",
	    tz[] = "TZ=/tmp/evil", tmpdir[] = "TMPDIR=/tmp/evil", resolver[] = "RES_OPTIONS=debug";
static char *hostile[] = {path, secret, preload, library, tunables, locale,   locpath, env,
			  python, shellshock, tz, tmpdir, resolver, big, NULL};

START_TEST(bad_starter)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char config[1024];

	SKIP_IF(master < 0 || grantpt(master) < 0 || unlockpt(master) < 0, "no pseudo terminals here");
	snprintf(config, sizeof(config), SERVICES, "", "", "", "");
	memset(big + 4, 'x', sizeof(big) - 5);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = config, .prepare = be_bad, .context = ptsname(master), .environment = hostile});

	for (unsigned number = 1; number <= 4; number++) {
		char *view = view_of(number);

		ck_assert_match(view, "^SigBlk: 0+$");
		ck_assert_match(view, "^SigIgn: 0+$");
		ck_assert_match(view, "^SigPnd: 0+$");
		ck_assert_match(view, "^ShdPnd: 0+$");
		ck_assert_line(view, "signals ignored=0 caught=0");
		ck_assert_line(view, "tty none");
		ck_assert_line(view, "session own");
		ck_assert_no_match(view, "evil|SECRET|^env (LD_|GLIBC|LC_|LOCPATH|ENV|PYTHON|X|TZ|TMPDIR|RES_|BIG)");
		ck_assert_match(view, "^env PATH=/usr/");
		free(view);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
	close(master);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_view");
	TCase *all = harness_case(suite, "view", 60);

	tcase_add_loop_test(all, oom_score_of_services, 0, (int)(sizeof(scores) / sizeof(scores[0])));
	tcase_add_loop_test(all, keepalive, 0, (int)(sizeof(keepalives) / sizeof(keepalives[0])));
	tcase_add_test(all, bad_starter);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}

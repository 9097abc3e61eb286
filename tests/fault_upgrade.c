/* fault_upgrade.c - one program takes over from another, and its calls fail one by one while it does: it goes on or goes
 * back, and the sessions that there are never notice. This program is both; who it is stands in the environment. Then
 * the steps of upgrade.h alone. */
#include "live_help.h"

#include "upgrade.h"

#include <sys/mman.h>
#include <sysexits.h>

#define WHOLE_PARTS 8

/* ---- the program that takes over ---- */

static void write_own(FILE *file, unsigned number)
{
	(void)number;
	fprintf(file,
		"[cat]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\nban_time = 1min\nrate_per_source = 100000/s\n"
		"allow = 127.0.0.0/8\nidle_timeout = 1h\n"
		"[local]\nlisten = unix:%s/local\nexec = /bin/cat\n"
		"[datagram]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/cat\nrate = 100000/s\n"
		"[off]\nlisten = unix:%s/off\nexec = /bin/cat\ndisable = yes\n",
		port, folder, udp_port, folder);
}

static bool read_plan(const char *text, struct faulty_plan *ret_plan)
{
	unsigned call, nth, ever;
	int error;

	if (text == NULL || sscanf(text, "%u %u %d %u", &call, &nth, &error, &ever) != 4)
		return false;
	*ret_plan = (struct faulty_plan){ (enum faulty_call)call, nth, error, ever != 0 };
	return true;
}

/* For the one who plans. */
static void write_counts(void)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/counts", folder);
	file = fopen(path, "w");
	for (unsigned call = 0; file != NULL && call < FAULTY_CALLS; call++)
		fprintf(file, "%u\n", faulty_count(call));
	if (file != NULL)
		fclose(file);
}

static int serve(struct upgrade *upgrade)
{
	const struct daemon_source source = { .load = load, .reloadable = true, .upgrade = upgrade };
	struct conf_errors errors = { .count = 0 };
	struct daemon *daemon = NULL;
	struct conf *conf = NULL;
	struct faulty_plan plan;
	bool planned = read_plan(getenv("FAULT_PLAN"), &plan), taking = upgrade_way(upgrade) == UPGRADE_TAKE;
	int status = load(NULL, &conf, &errors) == 0 ? 0 : EX_CONFIG;

	if (taking && upgrade_failure(upgrade) == NULL)
		faulty_begin(planned ? &plan : NULL);
	if (status == 0)
		status = daemon_start(&source, conf, false, &daemon);
	faulty_end();
	if (taking && !planned)
		write_counts();
	conf_unref(conf);
	if (status == 0) {
		if (go[1] > 0)
			(void)!write(go[1], "x", 1);
		status = daemon_run(daemon);
		daemon_free(daemon);
	}
	return status;
}

static int be_next(char **argv)
{
	char reason[UPGRADE_REASON_MAX];
	struct upgrade *upgrade;
	int status;

	write_services = write_own;
	faulty_use_json();
	snprintf(folder, sizeof(folder), "%s", getenv("FAULT_FOLDER"));
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	port = (uint16_t)atoi(getenv("FAULT_PORT"));
	udp_port = (uint16_t)atoi(getenv("FAULT_UDP_PORT"));
	if (upgrade_begin(argv, &upgrade, reason) < 0) {
		fprintf(stderr, "%s\n", reason);
		return EX_OSERR;
	}
	if (upgrade_way(upgrade) == UPGRADE_TRIAL) {
		status = daemon_look(upgrade_state(upgrade));
		if (status == 0)
			upgrade_say_yes();
	} else {
		status = serve(upgrade);
		if (upgrade_way(upgrade) == UPGRADE_TAKE)
			upgrade_back(upgrade);
	}
	upgrade_free(upgrade);
	return status;
}

/* ---- a whole upgrade ---- */

static void expect_echo(int fd, const char *when)
{
	char text[32];

	(void)!send(fd, "hello\n", 6, MSG_NOSIGNAL);
	if (read_line(fd, text, sizeof(text)) != 6)
		complain("%s: a session is lost %s", getenv("FAULT_PLAN"), when);
}

static void drive(void)
{
	char path[128];
	int first = connect_ip(SOCK_STREAM, port), second, third;
	bool taken;

	snprintf(path, sizeof(path), "%s/local", folder);
	second = connect_unix(path);
	expect_echo(first, "before");
	expect_echo(second, "before");
	(void)ask("ban 203.0.113.9 1h\n");
	(void)ask("disable datagram\n");
	if (!ask("upgrade\n"))
		taken = ask("version\n") && false; /* the one who asked got lost; the others did not */
	else
		taken = strstr(last_reply, "\"ok\":true") != NULL;
	expect_echo(first, "after");
	expect_echo(second, "after");
	third = connect_ip(SOCK_STREAM, port);
	expect_echo(third, "at its beginning");
	if (!ask("sessions\n") || strstr(last_reply, "\"service\":\"local\"") == NULL)
		complain("%s: no sessions: %.300s", getenv("FAULT_PLAN"), last_reply);
	if (!ask("bans\n") || strstr(last_reply, "203.0.113.9") == NULL)
		complain("%s: no ban: %.300s", getenv("FAULT_PLAN"), last_reply);
	if (getenv("FAULT_PLAN") == NULL && !taken)
		complain("it does not take over: %s", last_reply);
	close(first);
	close(second);
	close(third);
	(void)!write(verdict[1], taken ? "ok" : "it went back", taken ? 2 : 12);
	kill(getppid(), SIGTERM);
	_exit(0);
}

static void set_number(const char *name, unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	setenv(name, text, 1);
}

/* The process that is to be replaced, with the driver as its child. */
static _Noreturn void be_first(void)
{
	static char name[] = "usherd", *arguments[] = { name, NULL };
	char reason[UPGRADE_REASON_MAX];
	struct upgrade *upgrade;

	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pipe2(go, O_CLOEXEC) != 0 || upgrade_begin(arguments, &upgrade, reason) < 0)
		_exit(99);
	if (fork() == 0) {
		char byte;

		alarm(40);
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			complain("the daemon does not start");
		drive();
	}
	close(go[0]);
	close(verdict[1]);
	_exit(serve(upgrade));
}

static unsigned went_back;

static void upgrade_once(const char *plan)
{
	char text[1024] = "";
	int status;
	pid_t pid;

	if (plan != NULL)
		setenv("FAULT_PLAN", plan, 1);
	else
		unsetenv("FAULT_PLAN");
	ck_assert_int_eq(pipe2(verdict, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_first();
	close(verdict[1]);
	(void)!read(verdict[0], text, sizeof(text) - 1);
	close(verdict[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	went_back += strcmp(text, "it went back") == 0;
	ck_assert_msg(strcmp(text, "ok") == 0 || strcmp(text, "it went back") == 0, "%s: %s (status %x)", plan, text, (unsigned)status);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %x", plan, (unsigned)status);
}

static unsigned next_of(unsigned nth, unsigned count)
{
	return nth < 4 ? nth + 1 : nth + 1 + count / 16;
}

static void upgrade_with(enum faulty_call call, unsigned count)
{
	char plan[64];

	for (unsigned nth = 1; nth <= count; nth = next_of(nth, count))
		for (const int *error = faulty_errors(call); *error != 0; error++) {
			snprintf(plan, sizeof(plan), "%u %u %d %u", (unsigned)call, nth, *error,
				 nth == 2 && *error != EINTR && *error != EAGAIN);
			upgrade_once(plan);
		}
}

START_TEST(whole)
{
	char path[128], line[32];
	unsigned counts[FAULTY_CALLS] = { 0 };
	FILE *file;

	make_place();
	write_services = write_own;
	setenv("FAULT_FOLDER", folder, 1);
	set_number("FAULT_PORT", port);
	set_number("FAULT_UDP_PORT", udp_port);
	upgrade_once(NULL);
	snprintf(path, sizeof(path), "%s/counts", folder);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	for (unsigned call = 0; call < FAULTY_CALLS && fgets(line, sizeof(line), file) != NULL; call++)
		counts[call] = (unsigned)atoi(line);
	fclose(file);
	ck_assert_uint_gt(counts[FAULTY_malloc] + counts[FAULTY_calloc], 10);
	for (unsigned call = (unsigned)_i; call < FAULTY_CALLS; call += WHOLE_PARTS)
		if (call != FAULTY_prctl && call != FAULTY_waitid)
			upgrade_with(call, counts[call]);
	if (_i == FAULTY_malloc)
		ck_assert_uint_gt(went_back, 5);
	remove_place();
}
END_TEST

/* ---- the steps alone ---- */

static const struct {
	const char *report, *version; /* NULL: it did not say yes */
} reports[] = {
	{ "", NULL },
	{ "usherd-upgrade yes 1.0\n", "1.0" },
	{ "a warning\nusherd-upgrade yes 1.0\n", "1.0" },
	{ "a warning usherd-upgrade yes 1.0\n", NULL },
	{ "usherd-upgrade yes 1.0", NULL },
	{ "usherd-upgrade yes 1.0\nno\n", NULL },
};

START_TEST(said_yes)
{
	const char *version = NULL;

	ck_assert_int_eq(upgrade_said_yes(reports[_i].report, &version), reports[_i].version != NULL);
	if (reports[_i].version != NULL)
		ck_assert_str_eq(version, reports[_i].version);
}
END_TEST

static int state_of(const char *text, bool sealed)
{
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	if (sealed)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
	return fd;
}

#define HEAD    "usherd-state 1 1.0\n"
#define END(n)  "{\"record\":\"end\",\"count\":" #n "}\n"
#define GOOD    HEAD "{\"record\":\"program\",\"path\":\"/bin/true\",\"directory\":\"/\"}\n" END(1)
#define PID     "#" /* of this process */
#define FD      "@" /* of the state */

/* What stands in USHERD_UPGRADE, and what it makes of this process. */
static const struct {
	const char *variable, *state;
	bool sealed;
	enum upgrade_way way;
	const char *reason; /* that it cannot be */
} beginnings[] = {
	{ NULL, "", false, UPGRADE_NONE, NULL },
	{ "x", GOOD, true, UPGRADE_NONE, NULL },
	{ FD, GOOD, true, UPGRADE_NONE, NULL },
	{ FD ":1", GOOD, true, UPGRADE_NONE, NULL },
	{ "1:" PID, GOOD, true, UPGRADE_NONE, NULL },
	{ FD ":" PID, GOOD, false, UPGRADE_NONE, NULL },
	{ FD ":" PID, GOOD, true, UPGRADE_TAKE, NULL },
	{ FD ":" PID ":1", GOOD, true, UPGRADE_TAKE, NULL },
	{ FD ":" PID, "nonsense\n", true, UPGRADE_NONE, "the state of the program before" },
	{ FD ":" PID, HEAD "{\"record\":\"program\"}\n" END(1), true, UPGRADE_NONE, "path of the program is missing" },
	{ FD ":" PID, HEAD "{\"record\":\"program\",\"path\":\"/bin/true\"}\n" END(1), true, UPGRADE_NONE, "is missing" },
	{ FD ":" PID, HEAD "{\"record\":\"program\",\"path\":\"true\",\"directory\":\"/\"}\n" END(1), true, UPGRADE_NONE,
	  "is missing" },
	{ FD ":" PID, HEAD "{\"record\":\"program\",\"path\":7,\"directory\":\"/\"}\n" END(1), true, UPGRADE_NONE,
	  "is no text" },
};

static void set_variable(const char *pattern, int fd)
{
	char text[64] = "";
	size_t length = 0;

	for (; pattern != NULL && *pattern != '\0'; pattern++)
		length += (size_t)(*pattern == '@' ? snprintf(text + length, sizeof(text) - length, "%d", fd) :
				   *pattern == '#' ? snprintf(text + length, sizeof(text) - length, "%d", getpid()) :
						     snprintf(text + length, sizeof(text) - length, "%c", *pattern));
	if (length > 0)
		setenv("USHERD_UPGRADE", text, 1);
}

START_TEST(beginning)
{
	static char name[] = "test", *arguments[] = { name, NULL };
	int fd = state_of(beginnings[_i].state, beginnings[_i].sealed), r;
	char reason[UPGRADE_REASON_MAX] = "";
	struct upgrade *upgrade = NULL;

	set_variable(beginnings[_i].variable, fd);
	setenv("USHERD_UPGRADE_FAILED", "why", 1);
	r = upgrade_begin(arguments, &upgrade, reason);
	ck_assert_ptr_null(getenv("USHERD_UPGRADE"));
	ck_assert_ptr_null(getenv("USHERD_UPGRADE_FAILED"));
	if (beginnings[_i].reason != NULL) {
		ck_assert_int_lt(r, 0);
		ck_assert_msg(strstr(reason, beginnings[_i].reason) != NULL, "%s", reason);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(upgrade_way(upgrade), beginnings[_i].way);
	if (beginnings[_i].way == UPGRADE_TAKE) {
		ck_assert_str_eq(upgrade_program(upgrade), "/bin/true");
		upgrade_back(upgrade); /* there is none: it only says what it had to say */
		upgrade_done(upgrade);
		ck_assert_int_eq(upgrade_way(upgrade), UPGRADE_NONE);
		ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
	}
	upgrade_done(upgrade);
	upgrade_back(upgrade);
	upgrade_free(upgrade);
	upgrade_free(NULL);
}
END_TEST

/* An argument that is longer than the kernel takes makes every execve(2) fail. */
static char long_word[256 * 1024], *long_arguments[] = { long_word, NULL };
static struct upgrade *begun;
static int state_fd, held;
static struct upgrade_trial trial;

static void prepare_steps(void)
{
	char reason[UPGRADE_REASON_MAX];

	memset(long_word, 'x', sizeof(long_word) - 1);
	ck_assert_int_eq(upgrade_begin(long_arguments, &begun, reason), 0);
	state_fd = state_of(GOOD, true);
	held = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int work_steps(void)
{
	int r = upgrade_try(begun, state_fd, &trial);

	return r == -E2BIG ? upgrade_exec(begun, state_fd, &held, 1) : r;
}

static void finish_steps(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(result == -E2BIG || (plan != NULL && result == -plan->error), "%s: %d", faulty_now(), result);
	/* Nobody else gets what was meant for the next program. */
	if (plan == NULL || plan->call != FAULTY_fcntl) {
		ck_assert_int_eq(fcntl(held, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(state_fd, F_GETFD), FD_CLOEXEC);
	}
	while (waitpid(-1, NULL, 0) > 0)
		ck_assert_msg(plan != NULL && plan->call == FAULTY_waitid, "%s: somebody is left", faulty_now());
	upgrade_free(begun);
	close(state_fd);
	close(held);
}

static void be_quiet(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/* A counting build writes its counts around execve(2), and more often than a child on our memory can stand. */
void __gcov_dump(void) __attribute__((weak));

START_TEST(steps)
{
	const struct faulty_work work = { "steps", prepare_steps, work_steps, finish_steps, 4 };

	if (__gcov_dump != NULL)
		return;
	if (_i == 1) { /* without being root, but with capabilities, which are handed on */
		if (geteuid() != 0)
			return;
		ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	}
	ck_assert_uint_gt(faulty_sweep(&work), 20);
	for (unsigned long capability = 0; capability < 64; capability++)
		ck_assert_int_le(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0), 0);
}
END_TEST

static char *no_arguments[] = { NULL };

static int work_begin(void)
{
	char reason[UPGRADE_REASON_MAX];
	int r = upgrade_begin(no_arguments, &begun, reason);

	if (r == 0)
		upgrade_done(begun);
	else if (reason[0] == '\0')
		r = 1;
	return r;
}

static void prepare_begin(void)
{
	begun = NULL;
	state_fd = state_of(GOOD, true);
	set_variable(FD ":" PID, state_fd);
}

static void finish_begin(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(result <= 0 && (result == 0 || plan != NULL), "%s: %d", faulty_now(), result);
	ck_assert_int_eq(result == 0, begun != NULL);
	upgrade_free(begun);
	if (fcntl(state_fd, F_GETFD) >= 0)
		close(state_fd);
}

START_TEST(begins)
{
	const struct faulty_work work = { "begin", prepare_begin, work_begin, finish_begin, 0 };

	faulty_use_json();
	be_quiet();
	ck_assert_uint_gt(faulty_sweep(&work), 20);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_upgrade");
	TCase *all = tcase_create("all"), *alone = tcase_create("steps");

	tcase_set_timeout(all, 150);
	tcase_add_loop_test(all, whole, 0, WHOLE_PARTS);
	suite_add_tcase(suite, all);
	tcase_set_timeout(alone, 150); /* counting builds write all their counts before each execve(2) */
	tcase_add_loop_test(alone, said_yes, 0, ELEMENTS(reports));
	tcase_add_loop_test(alone, beginning, 0, ELEMENTS(beginnings));
	tcase_add_loop_test(alone, steps, 0, 2);
	tcase_add_test(alone, begins);
	suite_add_tcase(suite, alone);
	return suite;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (getenv("FAULT_FOLDER") != NULL && (getenv("USHERD_UPGRADE") != NULL || getenv("USHERD_UPGRADE_TRIAL") != NULL))
		return be_next(argv);
	return run_suite(make_suite());
}

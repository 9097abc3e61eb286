/* harness.c - runner and place of the end-to-end tests; see harness.h.
 *
 * The runner is a subreaper: processes that a failed test leaves behind become
 * its children and are killed before the next test, by pid. */
#include "harness_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Shared by the runner and its tests, which are processes of their own. */
struct shared {
	char base[200]; /* directory of this run */
	pid_t filter;   /* child of the runner, not of a test */
	unsigned tests; /* started so far */
	struct {
		unsigned number; /* of the test */
		char reason[200];
	} skips[100];
	unsigned skip_count;
};

static struct shared *shared;
static char directory[220];
static unsigned first_port;
static bool alone;
static uint64_t stolen_before;

/* Tests are short-lived processes that free nothing on purpose. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* ---- processes left behind ---- */

pid_t harness_parent(pid_t pid, char *ret_state)
{
	char path[64], text[512];
	int fd, parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t got = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	char *end = strrchr(text, ')');

	if (end == NULL || sscanf(end + 1, " %c %d", ret_state, &parent) != 2)
		return -1;
	return parent;
}

/* Calls `visit` for each child of `parent`; returns how many there are. */
int harness_each_child(pid_t parent, void (*visit)(pid_t pid, void *context), void *context)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;
	char state;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || harness_parent(pid, &state) != parent)
			continue;
		count++;
		if (visit != NULL)
			visit(pid, context);
	}
	if (proc != NULL)
		closedir(proc);
	return count;
}

static void kill_child(pid_t pid, void *context)
{
	(void)context;
	if (pid != getpid() && pid != shared->filter)
		kill(pid, SIGKILL);
}

/* Whoever loses his parent by this becomes ours, and is next. */
static void end_children(void)
{
	do
		harness_each_child(getpid(), kill_child, NULL);
	while (waitpid(-1, NULL, 0) > 0);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- how busy the machine is ---- */

/* What a process waited on a run queue, in milliseconds. */
static uint64_t queued_ms(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	char *text = test_read(path);

	(void)sscanf(text, "%*u %llu", &ns);
	free(text);
	return ns / 1000000;
}

/* What the host gave to others than this machine. */
static uint64_t stolen_ms(void)
{
	unsigned long long ticks = 0;
	char *text = test_read("/proc/stat");

	(void)sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks);
	free(text);
	return ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t late_ms(const struct daemon *daemon)
{
	uint64_t queued = queued_ms(getpid()) + (daemon != NULL ? queued_ms(daemon->pid) : 0);

	return 4 * queued + stolen_ms() - stolen_before + (uint64_t)(patience_factor() - 1) * 1000;
}

/* ---- a test's own place ---- */

static void write_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

static bool own_network(void)
{
	unsigned uid = getuid(), gid = getgid();
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	char map[64];

	if (unshare(CLONE_NEWNET) < 0) {
		/* Root in a user namespace of its own could not become anybody else. */
		if (uid == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			return false;
		write_line("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "%u %u 1", uid, uid);
		write_line("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "%u %u 1", gid, gid);
		write_line("/proc/self/gid_map", map);
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int up = ioctl(fd, SIOCSIFFLAGS, &request);
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;

	/* Some resolvers think that a machine with 127.0.0.1 alone has no IPv4. */
	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:1");
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC6336401) };
	(void)ioctl(fd, SIOCSIFADDR, &request); /* 198.51.100.1 */
	close(fd);
	return up == 0;
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	ssize_t got;

	ck_assert_msg(in >= 0 && out >= 0, "cannot copy %s to %s: %s", from, to, strerror(errno));
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		ck_assert_int_eq(write(out, buffer, (size_t)got), got);
	fchmod(out, mode);
	close(in);
	close(out);
}

/* What was built beside the test program; `variable` overrides it. */
const char *harness_built(const char *variable, const char *const *places, char path[static 4096])
{
	char self[2048] = "", *slash;

	if (getenv(variable) != NULL)
		return getenv(variable);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return NULL;
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	for (; *places != NULL; places++) {
		snprintf(path, 4096, "%s/%s", self, *places);
		if (access(path, F_OK) == 0)
			return path;
	}
	return NULL;
}

static void setup(void)
{
	static char probe[4096];
	const char *const places[] = { "probe", "../probe", NULL };

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	harness_each_child(getppid(), kill_child, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	snprintf(directory, sizeof(directory), "%s/%u", shared->base, ++shared->tests);
	ck_assert_msg(mkdir(directory, 0755) == 0, "mkdir %s: %s", directory, strerror(errno));
	/* Below the ephemeral range; in a network of our own any number would do. */
	stolen_before = stolen_ms();
	alone = own_network();
	first_port = alone ? 20000 : 20000 + (unsigned)getpid() % 120 * 100;

	const char *found = harness_built("PROBE", places, probe);

	ck_assert_msg(found != NULL, "no probe beside the tests; set PROBE");
	copy_file(found, test_path("probe"), 0755);
}

static void teardown(void)
{
	end_children();
}

const char *test_dir(void)
{
	return directory;
}

unsigned test_port(unsigned number)
{
	return first_port + number;
}

bool test_is_alone(void)
{
	return alone;
}

const char *test_probe(void)
{
	return test_path("probe");
}

const char *test_path(const char *name)
{
	static char paths[8][512];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

char *test_expand(const char *text)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	while (*text != '\0') {
		char *end;

		if (*text != '$') {
			fputc(*text++, out);
		} else if (text[1] >= '0' && text[1] <= '9') {
			fprintf(out, "%u", test_port((unsigned)strtoul(text + 1, &end, 10)));
			text = end;
		} else if (strncmp(text, "$PROBE", 6) == 0) {
			fputs(test_probe(), out);
			text += 6;
		} else if (strncmp(text, "$DIR", 4) == 0) {
			fputs(directory, out);
			text += 4;
		} else {
			fputc(*text++, out);
		}
	}
	fclose(out);
	return result;
}

void test_copy_self(void)
{
	copy_file("/proc/self/exe", test_path("self"), 0755);
}

void test_write(const char *name, mode_t mode, const char *text, bool expand)
{
	const char *path = test_path(name);
	char *content = expand ? test_expand(text) : strdup(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	fchmod(fd, mode);
	close(fd);
	free(content);
}

char *test_read(const char *path)
{
	char *text = calloc(1, 1 << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && length < (1 << 20) - 1 &&
	       (got = read(fd, text + length, (1 << 20) - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	return text;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nap(void)
{
	poll(NULL, 0, 3);
}

/* ---- the runner ---- */

void harness_skip(const char *reason)
{
	unsigned turn = shared->skip_count++;

	ck_assert_uint_lt(turn, 100);
	snprintf(shared->skips[turn].reason, sizeof(shared->skips[turn].reason), "%s", reason);
	shared->skips[turn].number = shared->tests;
}

/* Results come in the order of the tests, so a skipped test's number is its
 * place among them. */
static const char *skip_reason(unsigned number)
{
	for (unsigned i = 0; i < shared->skip_count; i++)
		if (shared->skips[i].number == number)
			return shared->skips[i].reason;
	return NULL;
}

/* Reads what libcheck prints as TAP, adds SKIP where a test said so, and makes
 * comments of further lines of messages. */
static void filter_tap(FILE *in)
{
	char line[8192];
	unsigned number;

	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *file = strstr(line, " - harness"), *passed = strstr(line, ": Passed");

		if (passed != NULL) { /* where a test that passed was last seen helps nobody */
			*passed = '\0';
			file = file != NULL ? strchr(file, ':') : NULL;
			if (file != NULL)
				memmove(strstr(line, " - ") + 3, file + 1, strlen(file + 1) + 1);
		}
		const char *skip = sscanf(line, "ok %u ", &number) == 1 ? skip_reason(number) : NULL;
		bool plain = strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0 ||
			     strncmp(line, "1..", 3) == 0;

		printf("%s%s%s%s\n", plain ? "" : "# ", line, skip != NULL ? " # SKIP " : "",
		       skip != NULL ? skip : "");
		fflush(stdout);
	}
}

static pid_t start_filter(char path[static 64])
{
	int ends[2];
	pid_t filter;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	filter = fork();
	if (filter == 0) {
		close(ends[1]);
		filter_tap(fdopen(ends[0], "r"));
		_exit(0);
	}
	close(ends[0]);
	snprintf(path, 64, "/dev/fd/%d", ends[1]);
	return filter;
}

int harness_main(Suite *(*make)(void), const char *missing)
{
	const char *root = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
	char tap[64];

	if (missing != NULL) {
		printf("1..0 # SKIP %s\n", missing);
		return EXIT_SUCCESS;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(shared->base, sizeof(shared->base), "%.150s/usherd-test-XXXXXX", root);
	if (mkdtemp(shared->base) == NULL || chmod(shared->base, 0755) < 0) {
		printf("Bail out! %s: %s\n", shared->base, strerror(errno));
		return EXIT_FAILURE;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	check_set_max_msg_size(1 << 18);
	SRunner *runner = srunner_create(make());

	shared->filter = start_filter(tap);
	srunner_set_tap(runner, tap);
	srunner_run_all(runner, CK_SILENT);
	close(atoi(tap + strlen("/dev/fd/")));
	end_children();
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	if (getenv("KEEP") == NULL)
		remove_tree(shared->base);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

TCase *harness_case(Suite *suite, const char *name, int seconds)
{
	TCase *result = tcase_create(name);

	tcase_add_checked_fixture(result, setup, teardown);
	tcase_set_timeout(result, seconds);
	suite_add_tcase(suite, result);
	return result;
}

const char *harness_find(const char *program)
{
	static const char *const places[] = { "/usr/bin",       "/bin",         "/usr/sbin",        "/sbin",
					      "/usr/local/bin", "/usr/libexec", "/usr/lib/git-core" };
	static char paths[8][256];
	static unsigned turn;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = paths[turn % 8];

		snprintf(path, sizeof(paths[0]), "%s/%s", places[i], program);
		if (access(path, X_OK) == 0) {
			turn++;
			return path;
		}
	}
	return NULL;
}

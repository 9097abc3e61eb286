/* fault_calls.c - the mechanisms of the daemon one by one: each call that they make fails in turn. They return what
 * failed, or go on with what they have; nothing is left open. */
#include "faulty.h"

#include "cgroup_help.h"
#include "connection.h"
#include "core_help.h"
#include "holders.h"
#include "identity.h"
#include "pid-file.h"
#include "read-full.h"
#include "spawn.h"
#include "state.h"

#include <sched.h>
#include <sys/mman.h>

static const char *folder, *path;

static void set_up(void)
{
	folder = make_folder();
	path = path_in(folder, "file");
	faulty_use_json();
}

static void tear_down(void)
{
	unlink(path);
	remove_folder(folder);
}

#define EXPECT(condition) ck_assert_msg(condition, "%s: " #condition " (%d)", faulty_now(), result)

/* ---- pid file ---- */

static struct pid_file *pid_file;
static char why[PID_FILE_REASON_MAX];

static int work_pid_file(void)
{
	why[0] = '\0';
	return pid_file_take(path, &pid_file, why);
}

static void finish_pid_file(int result, const struct faulty_plan *plan)
{
	EXPECT((result == 0) == (pid_file != NULL));
	EXPECT(faulty_is_told(result, plan) || result == -EAGAIN || result == -EBUSY);
	EXPECT(result == 0 || strstr(why, "pid file") != NULL);
	if (result == 0)
		EXPECT(atoi(read_file(path)) == getpid());
	pid_file_drop(pid_file);
	pid_file = NULL;
}

static struct pid_file *before; /* of the program before */
static int taken_fd;

static void prepare_resume(void)
{
	ck_assert_int_eq(pid_file_take(path, &before, why), 0);
	taken_fd = dup(pid_file_fd(before));
}

static int work_resume(void)
{
	pid_file = NULL;
	return pid_file_resume(path, taken_fd, &pid_file);
}

static void finish_resume(int result, const struct faulty_plan *plan)
{
	EXPECT(faulty_is_told(result, plan) || result == -ESTALE);
	EXPECT((result == 0) == (pid_file != NULL));
	if (result == 0)
		pid_file_drop(pid_file);
	else
		close(taken_fd);
	pid_file_drop(before);
	pid_file = NULL;
}

/* ---- loop ---- */

#define TIMERS 200

static struct loop *loop;
static struct loop_timer timers[TIMERS];
static struct loop_source source;
static int ends[2];
static unsigned expired;

static void count_expired(struct loop_timer *timer)
{
	(void)timer;
	if (++expired == TIMERS)
		loop_stop(loop);
}

static void take_byte(struct loop_source *from, uint32_t events)
{
	char byte;

	(void)events;
	if (read(from->fd, &byte, 1) == 0)
		loop_remove(loop, from);
}

static void ignore_signal(void *context, const struct signalfd_siginfo *info)
{
	(void)context;
	(void)info;
}

static void prepare_loop(void)
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	memset(timers, 0, sizeof(timers));
	expired = 0;
	loop = NULL;
	source = (struct loop_source){ .fd = ends[0], .ready = take_byte, .set = LOOP_WORK };
}

static int work_loop(void)
{
	int r = loop_new(&loop);

	if (r < 0)
		return r;
	r = loop_watch_signals(loop, ignore_signal, NULL);
	if (r == 0)
		r = loop_add(loop, &source, 1);
	for (size_t i = 0; i < TIMERS && r == 0; i++) {
		timers[i].expired = count_expired;
		r = loop_arm(loop, &timers[i], loop_now_ns(loop));
	}
	return r < 0 ? r : loop_run(loop, NULL, NULL);
}

static void finish_loop(int result, const struct faulty_plan *plan)
{
	EXPECT(faulty_is_told(result, plan));
	EXPECT(result < 0 || expired == TIMERS);
	for (size_t i = 0; i < TIMERS && loop != NULL; i++)
		loop_disarm(loop, &timers[i]);
	if (loop != NULL)
		loop_remove(loop, &source);
	loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

/* ---- log ---- */

static struct log *logs;
static enum log_sink sink;
static unsigned seen;

static void observe(void *context, enum log_level level, const char *line, size_t length, const char *service,
		    const struct peer *peer)
{
	(void)context, (void)level, (void)line, (void)length, (void)service, (void)peer;
	seen++;
}

static int work_log(void)
{
	const struct log_options options = { .sink = sink, .path = path, .level = LOG_LEVEL_INFO };
	int r = log_open(&options, 0, &logs);

	if (r < 0)
		return r;
	r = log_observe(logs, LOG_LEVEL_INFO, observe, NULL);
	for (unsigned i = 0; i < 20; i++) {
		log_message(logs, LOG_LEVEL_INFO, "line", "number %u", i);
		(void)log_flush(logs);
		if (i == 10)
			(void)log_reopen(logs);
		if (i == 15)
			(void)log_reconfigure(logs, &options);
	}
	return r;
}

static void finish_log(int result, const struct faulty_plan *plan)
{
	unsigned lines;

	EXPECT(faulty_is_told(result, plan));
	EXPECT((logs != NULL) || result < 0);
	if (logs != NULL) {
		log_flush(logs); /* what waited is written now; what got lost was counted */
		log_close(logs);
	}
	lines = count_in(read_file(path), " line ");
	if (result == 0 && sink == LOG_SINK_FILE)
		EXPECT(lines == 20 || (plan != NULL && lines < 20));
	EXPECT(result < 0 || plan != NULL || seen == 20);
	logs = NULL;
	seen = 0;
	unlink(path);
}

/* ---- the state for the next program ---- */

static struct state_writer *writer;
static struct state *state;
static int state_fd;

static int take_thing(void *context, struct state_record *record)
{
	uint64_t numbers[3];
	unsigned char bytes[4];
	struct peer peer;

	(void)context;
	state_get_numbers(record, "numbers", numbers, 3);
	state_get_peer(record, "peer", &peer);
	if (state_get_bytes(record, "bytes", bytes, sizeof(bytes)) != 3 || state_get_text(record, "text") == NULL)
		return state_is_good(record) ? -EBADMSG : 0;
	seen += state_is_good(record);
	return 0;
}

static int work_state(void)
{
	const struct peer peer = { .family = PEER_IPV4, .port = 7, .ip = { 192, 0, 2, 1 } };
	const uint64_t numbers[] = { 1, 2, 3 };
	char wrong[STATE_REASON_MAX] = "";
	int r = state_writer_new("1.0", &writer);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 20; i++) {
		state_begin(writer, "thing");
		state_put_number(writer, "number", i);
		state_put_text(writer, "text", "some text");
		state_put_bytes(writer, "bytes", "abc", 3);
		state_put_peer(writer, "peer", &peer);
		state_put_numbers(writer, "numbers", numbers, 3);
		state_put_fd(writer, "end", i < 2 ? ends[i] : -1);
		state_end(writer);
	}
	r = state_finish(writer, &state_fd);
	if (r == 0)
		r = state_open(state_fd, STATE_LOOK, &state, wrong);
	if (r == 0)
		r = state_each(state, "thing", take_thing, NULL);
	return r;
}

static void prepare_state(void)
{
	writer = NULL;
	state = NULL;
	state_fd = -1;
	seen = 0;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void finish_state(int result, const struct faulty_plan *plan)
{
	EXPECT(result <= 0);
	EXPECT(plan != NULL || (result == 0 && seen == 20));
	/* Either all of it came over, or that it did not is told. */
	EXPECT(result < 0 || seen == 20);
	state_writer_free(writer);
	state_free(state);
	cleanup_fd(&state_fd);
	close(ends[0]);
	close(ends[1]);
}

/* ---- users and groups ---- */

static uid_t found_uids[2];
static gid_t found_gid;

static int work_identity(void)
{
	static char group_word[] = "root", *words[] = { group_word };
	const struct conf_words groups = { words, 1 }, none = { NULL, 0 };
	const struct identity *identity;
	char wrong[IDENTITY_REASON_MAX] = "";
	struct arena *arena = arena_new();
	struct identity_cache *cache = arena != NULL ? identity_cache_new(arena) : NULL;
	enum identity_key key;
	int r = cache != NULL ? 0 : -ENOMEM;

	if (r == 0)
		r = identity_user(cache, "root", &found_uids[0], wrong);
	if (r == 0)
		r = identity_user(cache, "12345", &found_uids[1], wrong);
	if (r == 0)
		r = identity_group(cache, "root", &found_gid, wrong);
	if (r == 0 && geteuid() == 0)
		r = identity_resolve(cache, "nobody", "auto", &none, &identity, &key, wrong);
	if (r == 0 && geteuid() == 0)
		r = identity_resolve(cache, "12345", "root", &groups, &identity, &key, wrong);
	if (r == -EINVAL && wrong[0] == '\0')
		r = 1;
	identity_cache_free(cache);
	arena_free(arena);
	return r;
}

static void finish_identity(int result, const struct faulty_plan *plan)
{
	EXPECT(result == 0 || plan != NULL);
	/* A data base that does not answer is told; nobody becomes somebody else. */
	EXPECT(result == 0 || result == -ENOMEM || result == -EINVAL);
	EXPECT(result != 0 || (found_uids[0] == 0 && found_uids[1] == 12345 && found_gid == 0));
}

/* ---- a program is started ---- */

static struct spawn *spawn;
static struct spawn_child child;
static struct spawn_failure failure;

static int work_spawn(void)
{
	static char program[] = "/bin/true", *words[] = { program }, *nothing[] = { NULL };
	static struct endpoint endpoint = { .kind = ENDPOINT_UNIX_STREAM };
	static const struct peer peer = { .family = PEER_IPV4, .ip = { 127, 0, 0, 1 } };
	static struct conf_service service = {
		.name = "test",
		.program = program,
		.exec = { words, 1 },
		.directory = "/",
		.environment = { nothing, 0 },
		.stderr_target = { .kind = CONF_STDERR_LOG },
	};
	const struct spawn_request request = {
		.cgroup = -1,
		.kind = SPAWN_CONNECTION,
		.service = &service,
		.endpoint = &endpoint,
		.session = 1,
		.socket = ends[0],
		.peer = &peer,
		.local = &peer,
	};
	int r = spawn_new(&spawn);

	if (r == 0)
		r = spawn_reserve(spawn, 4, 4);
	if (r == 0)
		r = spawn_start(spawn, &request, &child, &failure);
	return r;
}

static void prepare_spawn(void)
{
	spawn = NULL;
	child = (struct spawn_child){ .pid = 0, .pidfd = -1, .stderr_pipe = -1, .replies = -1 };
	failure = (struct spawn_failure){ .step = NULL };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void finish_spawn(int result, const struct faulty_plan *plan)
{
	siginfo_t info = { .si_status = -1 };

	EXPECT(result <= 0 && (result == 0 || plan != NULL));
	EXPECT(result == 0 || spawn == NULL || failure.step != NULL || child.pidfd < 0);
	if (result == 0) {
		ck_assert_int_eq(waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED), 0);
		EXPECT(info.si_code == CLD_EXITED && info.si_status == 0);
		close(child.pidfd);
		cleanup_fd(&child.stderr_pipe);
		cleanup_fd(&child.replies);
	}
	spawn_free(spawn);
	close(ends[0]);
	close(ends[1]);
	/* Nobody is left, alive or dead. */
	while (waitid(P_ALL, 0, &info, WEXITED) == 0)
		EXPECT(plan != NULL && plan->call == FAULTY_waitid);
}

/* ---- who has a socket ---- */

static pid_t holder;
static struct holder_hint hint;

static void prepare_holder(void)
{
	int ready[2];
	char byte;

	hint = (struct holder_hint){ .pid = 0 };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	holder = fork();
	if (holder == 0) {
		setpgid(0, 0);
		dup2(ends[0], 50);
		close(ends[0]);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static int work_holder(void)
{
	return (int)holders_of(ends[0], holder, holder, &hint);
}

static void finish_holder(int result, const struct faulty_plan *plan)
{
	/* That nobody has it is never said of one that somebody has. */
	EXPECT(plan != NULL || result == HOLDERS_SOME);
	EXPECT(result == HOLDERS_SOME || result == HOLDERS_UNKNOWN || plan->call == FAULTY_opendir ||
	       plan->call == FAULTY_readdir || plan->call == FAULTY_syscall || plan->call == FAULTY_readlinkat);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

/* ---- cgroups ---- */

static struct cgroup_pool *pool;
static bool has_cgroups;

static int work_cgroup(void)
{
	struct cgroup_place places[3] = { { .number = 0 } };
	int fd, r = cgroup_pool_new(where, &pool, reason);

	for (size_t i = 0; i < 3 && r == 0; i++)
		r = cgroup_take(pool, &places[i], &fd);
	if (r == 0) {
		(void)cgroup_kill(&places[0]);
		(void)cgroup_is_populated(&places[1]);
	}
	for (size_t i = 0; i < 3; i++)
		cgroup_give(&places[i]);
	if (r == 0)
		r = cgroup_take(pool, &places[0], &fd);
	return r;
}

static void prepare_cgroup(void)
{
	pool = NULL;
	reason[0] = '\0';
}

static void finish_cgroup(int result, const struct faulty_plan *plan)
{
	EXPECT(result <= 0 && (result == 0 || plan != NULL));
	EXPECT(pool != NULL || (result < 0 && reason[0] != '\0'));
	cgroup_pool_free(pool);
	/* What could not be removed then can be now. */
	for (unsigned i = 1; i <= 8; i++) {
		char name[PATH_MAX + 32];

		snprintf(name, sizeof(name), "%s/session-%u", where, i);
		(void)rmdir(name);
	}
	(void)rmdir(where);
	EXPECT(access(where, F_OK) != 0);
}

/* ---- a connection ---- */

static int work_connection(void)
{
	struct connection_facts facts = connection_facts(ends[0]);
	char bytes[4];

	(void)connection_unsent(ends[0]);
	(void)connection_discard(ends[0]);
	(void)facts;
	return (int)read_full(taken_fd, bytes, sizeof(bytes));
}

static void prepare_connection(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "some", 4), 4);
	write_file(path, 0600, "abcdef");
	taken_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static void finish_connection(int result, const struct faulty_plan *plan)
{
	EXPECT(result == 4 || (plan != NULL && result == -plan->error));
	close(ends[0]);
	close(ends[1]);
	close(taken_fd);
}

/* ---- */

static void sweep(const struct faulty_work *work, unsigned least)
{
	unsigned failures = faulty_sweep(work);

	ck_assert_msg(failures >= least, "%s: only %u failures", work->name, failures);
}

START_TEST(each_call)
{
	static const struct {
		struct faulty_work work;
		unsigned least;
	} works[] = {
		{ { "pid file", NULL, work_pid_file, finish_pid_file, 0 }, 15 },
		{ { "pid file resumed", prepare_resume, work_resume, finish_resume, 0 }, 6 },
		{ { "loop", prepare_loop, work_loop, finish_loop, 0 }, 20 },
		{ { "state", prepare_state, work_state, finish_state, 0 }, 100 },
		{ { "identity", NULL, work_identity, finish_identity, 0 }, 20 },
		{ { "spawn", prepare_spawn, work_spawn, finish_spawn, 0 }, 10 },
		{ { "holders", prepare_holder, work_holder, finish_holder, 12 }, 20 },
		{ { "connection", prepare_connection, work_connection, finish_connection, 0 }, 10 },
	};

	sweep(&works[_i].work, works[_i].least);
}
END_TEST

START_TEST(logging)
{
	const struct faulty_work work = { "log", NULL, work_log, finish_log, 0 };

	sink = _i == 0 ? LOG_SINK_FILE : LOG_SINK_SYSLOG;
	sweep(&work, 5);
}
END_TEST

START_TEST(cgroups)
{
	const struct faulty_work work = { "cgroup", prepare_cgroup, work_cgroup, finish_cgroup, 0 };

	has_cgroups = begin();
	if (has_cgroups)
		sweep(&work, 30);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_calls");
	TCase *all = tcase_create("calls");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_loop_test(all, each_call, 0, 8);
	tcase_add_loop_test(all, logging, 0, 2);
	tcase_add_test(all, cgroups);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)

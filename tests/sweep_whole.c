/* sweep_whole.c - see sweep.h: runs that begin or end a daemon: a start, a look at the configuration, a start
 * with a program that is loaded ahead, an upgrade in place, a drain, a stop. Each has a daemon of its own. */
#include "sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORD_MS     1500 /* until a daemon says that it is ready, or ends: its own deadlines are shorter */
#define OTHER       2
#define CAT         6
#define STATUS_MOST 125 /* above: a signal, or no program */

static const char warm_config[] = "[usherd]\ndrain_timeout = 500ms\n"
				  "[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say other\n"
				  "[cat]\nlisten = 127.0.0.1:$6\nexec = /bin/cat\nwarm = main\n";

struct life {
	const char *name, *config;
	const char *const *arguments;
	unsigned turns;
	bool armed_at_start; /* else when it is ready */
	void (*run)(struct daemon *daemon, const struct sweep_fault *fault);
};

/* ---- what all lives have ---- */

static struct daemon *launch(const struct life *life, const struct sweep_fault *fault)
{
	const struct daemon_spec spec = { .config = life->config,
					  .arguments = life->arguments,
					  .prepare = sweep_prepare,
					  .no_wait = true };
	struct daemon *daemon = daemon_launch(&spec);

	if (life->armed_at_start)
		sweep_arm(fault, "rt_sigaction");
	if (!sweep_follow(daemon->pid)) {
		kill(daemon->pid, SIGKILL);
		daemon_wait_exit(daemon);
		return NULL;
	}
	return daemon;
}

/* Waits until it says so, or is gone. */
static bool says_in_time(struct daemon *daemon, const char *expression, unsigned patience_ms)
{
	for (uint64_t end = now_ms() + patience_ms; now_ms() < end; nap()) {
		if (daemon_find_log(daemon, expression) != NULL)
			return true;
		if (!sweep_is_alive(daemon))
			return daemon_find_log(daemon, expression) != NULL;
	}
	return false;
}

static bool serves(unsigned number, const char *text, const char *expected)
{
	char *reply = sweep_ask(number, text);
	bool good = reply != NULL && strcmp(reply, expected) == 0;

	free(reply);
	return good;
}

/* The last lines of the log. */
static const char *log_end(struct daemon *daemon)
{
	const char *text = daemon_log_tail(daemon);
	size_t length = strlen(text), most = sweep_is_one() ? 1400 : 250;

	return length > most ? text + length - most : text;
}

static void tell(const struct sweep_fault *fault, const char *what, struct daemon *daemon)
{
	if (fault != NULL)
		sweep_complain(fault, "%s: %.*s", what, sweep_is_one() ? 1400 : 250, log_end(daemon));
	else
		ck_abort_msg("without a fault %s: %s", what, daemon_log_tail(daemon));
}

/* Ends it, in time and without complaint. */
static void end(struct daemon *daemon, const struct sweep_fault *fault)
{
	uint64_t until = now_ms() + PATIENCE_MS / 2;
	int status;

	if (sweep_is_alive(daemon))
		kill(daemon->pid, SIGTERM);
	while (sweep_is_alive(daemon) && now_ms() < until)
		nap();
	if (sweep_is_alive(daemon)) {
		tell(fault, "it does not end", daemon);
		kill(daemon->pid, SIGKILL);
		daemon_wait_exit(daemon);
		return;
	}
	status = daemon_wait_exit(daemon);
	if (status != 0)
		tell(fault, status > STATUS_MOST ? "it ends by a signal" : "it ends with an error", daemon);
}

/* It is gone before it was ready: it has said why. */
static void judge_refusal(struct daemon *daemon, const struct sweep_fault *fault)
{
	int status = daemon_wait_exit(daemon);

	if (status == 0 || status > STATUS_MOST + 2) /* 127 is the dynamic linker's */
		tell(fault,
		     status == 0 ? "it ends with status 0, and was never ready" : "it ends by a signal",
		     daemon);
	else if (daemon_read_log(daemon)[0] == '\0')
		tell(fault, "it does not start, and says nothing", daemon);
}

/* An address that the machine does not have now is told, and tried again. */
static bool is_absent(struct daemon *daemon)
{
	return strstr(daemon_read_log(daemon), " absent service=other ") != NULL;
}

/* ---- the lives ---- */

static void run_start(struct daemon *daemon, const struct sweep_fault *fault)
{
	bool ready = says_in_time(daemon, " ready ", WORD_MS);

	sweep_disarm();
	if (!sweep_is_alive(daemon)) {
		judge_refusal(daemon, fault);
		return;
	}
	if (!ready && !says_in_time(daemon, " ready ", WORD_MS) && !serves(OTHER, NULL, "other"))
		tell(fault, "it neither starts nor ends", daemon);
	else if (!is_absent(daemon) && !serves(OTHER, NULL, "other"))
		tell(fault, "it says that it is ready, and does not serve", daemon);
	end(daemon, fault);
}

static void run_check(struct daemon *daemon, const struct sweep_fault *fault)
{
	uint64_t until = now_ms() + PATIENCE_MS / 2;
	int status;

	while (sweep_is_alive(daemon) && now_ms() < until)
		nap();
	sweep_disarm();
	if (sweep_is_alive(daemon)) {
		tell(fault, "it does not end", daemon);
		kill(daemon->pid, SIGKILL);
	}
	status = daemon_wait_exit(daemon);
	if (status > STATUS_MOST + 2)
		tell(fault, "it ends by a signal", daemon);
	/* What it cannot write it can only say by its status. */
	if (status != 0 && daemon_read_log(daemon)[0] == '\0' &&
	    (fault == NULL || strcmp(sweep_rows[fault->row].name, "write") != 0))
		tell(fault, "it says nothing", daemon);
}

/* A program that is loaded ahead is loaded anew; its clients are served by a copy, or as ever. */
static void run_warm(struct daemon *daemon, const struct sweep_fault *fault)
{
	daemon_wait_log(daemon, " warm service=cat state=ready ");
	sweep_patience_ms = 300;
	sweep_arm(fault, NULL);
	if (!sweep_control("renew cat\n") && fault == NULL)
		tell(fault, "the program is not loaded anew", daemon);
	(void)serves(CAT, "x\n", "x\n");
	(void)says_in_time(daemon, " warm service=cat state=ready ", 100);
	(void)serves(CAT, "x\n", "x\n");
	sweep_patience_ms = 0;
	sweep_disarm();
	if (!sweep_is_alive(daemon)) {
		tell(fault, "the daemon is gone", daemon);
		daemon_wait_exit(daemon);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (!serves(CAT, "x\n", "x\n"))
			tell(fault, "the program is not served", daemon);
	if (!serves(OTHER, NULL, "other"))
		tell(fault, "the other service is not served", daemon);
	end(daemon, fault);
}

static int hold(void)
{
	int fd = tcp_try("127.0.0.1", test_port(CAT));
	char *reply;

	(void)!send(fd, "1\n", 2, MSG_NOSIGNAL);
	reply = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_ptr_nonnull(reply);
	free(reply);
	return fd;
}

/* A fault that lasts keeps the program before from coming back, too: then it ends, and has said why. */
static void judge_end(struct daemon *daemon, const struct sweep_fault *fault)
{
	if (fault == NULL || !fault->from_there_on)
		tell(fault, "the daemon is gone", daemon);
	judge_refusal(daemon, fault);
}

/* The session that was there before is there afterwards, whichever program runs then. */
static void run_upgrade(struct daemon *daemon, const struct sweep_fault *fault)
{
	int fd = hold();
	char *reply;

	sweep_arm(fault, NULL);
	kill(daemon->pid, SIGUSR2);
	if (!says_in_time(daemon, " upgraded | upgrade-failed ", 3 * WORD_MS) && sweep_is_alive(daemon) &&
	    fault == NULL)
		tell(fault, "no word about the upgrade", daemon);
	sweep_disarm();
	if (!sweep_is_alive(daemon)) {
		judge_end(daemon, fault);
		close(fd);
		return;
	}
	if (!serves(OTHER, NULL, "other"))
		tell(fault, "the other service is not served afterwards", daemon);
	(void)!send(fd, "2\n", 2, MSG_NOSIGNAL);
	reply = read_piece(fd, PATIENCE_MS, NULL);
	if (reply == NULL || strcmp(reply, "2\n") != 0)
		tell(fault, "the session is lost", daemon);
	free(reply);
	close(fd);
	end(daemon, fault);
}

/* A session that ends by itself, and one that has to be ended. */
static void run_drain(struct daemon *daemon, const struct sweep_fault *fault)
{
	int ends = hold(), stays = hold();
	char byte;

	sweep_arm(fault, NULL);
	kill(daemon->pid, SIGTERM);
	poll(NULL, 0, 10); /* not until something: faults may keep the daemon from saying it */
	shutdown(ends, SHUT_WR);
	while (recv(ends, &byte, 1, 0) > 0)
		;
	close(ends);
	poll(NULL, 0, 50);
	sweep_disarm();
	end(daemon, fault);
	close(stays);
}

/* ---- the runs ---- */

static const char *const check_arguments[] = { "-t", NULL };

static const struct life lives[] = {
	{ "start", sweep_config, NULL, 200, true, run_start },
	{ "check", sweep_config, check_arguments, 100, true, run_check },
	{ "warm", warm_config, NULL, 30, false, run_warm },
	{ "upgrade", sweep_config, NULL, 40, false, run_upgrade },
	{ "drain", sweep_config, NULL, 40, false, run_drain },
};

/* Returns false when the kernel cannot do this. */
static bool live(const struct life *life, const struct sweep_fault *fault)
{
	struct daemon *daemon = launch(life, fault);

	if (daemon == NULL)
		return false;
	if (!life->armed_at_start)
		daemon_wait_log(daemon, " ready ");
	life->run(daemon, fault);
	if (sweep_is_one() && fault != NULL)
		fprintf(stderr, "%s: %s", life->name, daemon_log_tail(daemon));
	close(daemon->watch);
	free(daemon->log);
	free(daemon);
	return true;
}

static void run_life(const struct sweep_fault *fault, void *context)
{
	ck_assert(live(*(const struct life *const *)context, fault));
	sweep_count(sweep_hits() > 0);
}

START_TEST(sweep_whole)
{
	const struct life *life = &lives[_i];

	SKIP_IF(!sweep_is_wanted(life->name), "not asked for");
	SKIP_IF(!live(life, NULL), "the kernel does not let us answer for system calls");
	sweep_each(life->turns, run_life, &life);
	sweep_report(life->name, 20);
}
END_TEST

void sweep_add_whole(TCase *whole)
{
	tcase_add_loop_test(whole, sweep_whole, 0, (int)(sizeof(lives) / sizeof(lives[0])));
}

/* e2e_fault_neighbour.c - a hostile neighbour: a process of a service's user that
 * stops (or ends) every process it may, again and again, while sessions of that
 * user begin. One that is hit between clone and exec is on the daemon's memory
 * and is waited for: the daemon must go on serving the services of others.
 *
 * All of it happens in a pid namespace whose first process is the daemon; without
 * one the test is skipped, because kill(-1) reaches everything it may. */
#include "harness.h"

#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const numbers[] = {"STOP", "TERM", "KILL"};

#define NAMESPACE_MAX 64

static void namespace_of(const char *process, char name[static NAMESPACE_MAX])
{
	char path[64];

	memset(name, 0, NAMESPACE_MAX);
	snprintf(path, sizeof(path), "/proc/%s/ns/pid", process);
	(void)!readlink(path, name, NAMESPACE_MAX - 1);
}

START_TEST(hostile_neighbour)
{
	char outside[NAMESPACE_MAX], inside[NAMESPACE_MAX], process[16], config[2048];

	SKIP_IF(getuid() != 0, "needs to be started as root: two users");
	SKIP_IF(getpwnam("daemon") == NULL, "there is no second user: daemon");
	namespace_of("self", outside);
	SKIP_IF(outside[0] == '\0' || unshare(CLONE_NEWPID) != 0, "no pid namespace can be made here");
	snprintf(config, sizeof(config),
		 "[victim]\nlisten = 127.0.0.1:$1\ninstances = 1000\nexec = $PROBE say hello\n"
		 "[other]\nlisten = 127.0.0.1:$2\nuser = daemon\nexec = $PROBE say other\n"
		 "[enemy]\nlisten = 127.0.0.1:$3\nexec = /bin/sh $DIR/enemy\n");
	test_write("enemy", 0644,
		   "here=$(readlink /proc/self/ns/pid)\n"
		   "if [ -z \"$here\" ] || [ \"$here\" = \"$1\" ]; then echo outside; exit 1; fi\n"
		   "echo begun\n"
		   "while :; do kill -s $2 -- -1; done\n",
		   false);
	snprintf(config + strlen(config) - 1, sizeof(config) - strlen(config), " '%s' %s\n", outside,
		 numbers[_i]);
	struct daemon *daemon = daemon_start(config);

	snprintf(process, sizeof(process), "%d", daemon->pid);
	namespace_of(process, inside);
	ck_assert_msg(inside[0] != '\0' && strcmp(inside, outside) != 0, "the daemon is not in a namespace of its own");
	ask_many(1, NULL, "hello", 5, 0);

	int enemy = tcp_connect(3), victims[200];
	char *word = read_piece(enemy, PATIENCE_MS, NULL);
	uint64_t start = now_ms(), worst = 0;

	ck_assert_msg(word != NULL && strcmp(word, "begun\n") == 0, "\"%s\"", word);
	for (int i = 0; i < 200; i++) {
		victims[i] = tcp_connect(1);
		if (i % 4 != 0)
			continue;
		uint64_t asked = now_ms();

		ask_many(2, NULL, "other", 1, 0);
		worst = now_ms() - asked > worst ? now_ms() - asked : worst;
	}
	uint64_t took = now_ms() - start;

	/* A victim that does not get to exec is given up after 10 s at the very latest. */
	ck_assert_msg(worst < 1500 + late_ms(daemon) && took < 60000, "50 others took %llu ms, one of them %llu ms; log:\n%s",
		      (unsigned long long)took, (unsigned long long)worst, daemon_log_tail(daemon));
	unsigned hit = 0;

	for (int i = 0; i < 200; i++) {
		char *reply = read_piece(victims[i], 0, NULL);

		hit += reply == NULL || reply[0] == '\0';
		free(reply);
		close(victims[i]);
	}
	ck_assert_msg(hit > 0, "the enemy hit nobody: this was no test");
	/* The second one ends all sessions at once, the stopped ones too. */
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");
	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	close(enemy);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_neighbour");
	TCase *all = harness_case(suite, "neighbour", 120);

	tcase_add_loop_test(all, hostile_neighbour, 0, 3);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}

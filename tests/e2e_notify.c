/* e2e_notify.c - what a service manager is told (Type=notify): ready, reloading,
 * stopping, and signs of life (F24). */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE facts\n"

static char path[] = "PATH=/usr/bin:/bin", watchdog[] = "WATCHDOG_USEC=200000";
static char address[300] = "NOTIFY_SOCKET=";

static int manager(bool abstract)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[100];

	if (abstract)
		snprintf(name, sizeof(name), "@usherd-notify-%d", getpid());
	else
		snprintf(name, sizeof(name), "%s", test_path("notify"));
	strcpy(own.sun_path, name);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	if (abstract)
		own.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, size), 0);
	snprintf(address, sizeof(address), "NOTIFY_SOCKET=%s", name);
	return fd;
}

/* The next message, signs of life left out. */
static char *message(int fd)
{
	for (;;) {
		char *text = read_piece(fd, PATIENCE_MS, NULL);

		ck_assert_msg(text != NULL, "the manager was told nothing more");
		if (strncmp(text, "WATCHDOG=1", 10) != 0 && strncmp(text, "STATUS=", 7) != 0)
			return text;
		free(text);
	}
}

START_TEST(life_is_told)
{
	int fd = manager(_i == 1);
	char *environment[] = { path, address, NULL };
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO, .environment = environment });

	ck_assert_match(message(fd), "^READY=1$");
	/* It is for the daemon alone. */
	ck_assert_no_match(ask(1, NULL), "NOTIFY_SOCKET");
	uint64_t before_ms = now_ms();

	daemon_reload(daemon, true);

	char *text = message(fd);
	const char *when = strstr(text, "\nMONOTONIC_USEC=");

	ck_assert_match(text, "^RELOADING=1$");
	ck_assert_ptr_nonnull(when);
	/* Of the same clock as ours. */
	ck_assert_uint_ge(strtoull(strchr(when, '=') + 1, NULL, 10), before_ms * 1000);
	ck_assert_uint_le(strtoull(strchr(when, '=') + 1, NULL, 10), (now_ms() + 1) * 1000);
	ck_assert_match(message(fd), "^READY=1$");
	daemon_configure("nonsense\n");
	daemon_reload(daemon, false);
	ck_assert_match(message(fd), "^RELOADING=1$");
	ck_assert_match(message(fd), "^READY=1$"); /* with what it had */
	daemon_oracle(daemon);
	daemon_stop(daemon);
	ck_assert_match(message(fd), "^STOPPING=1$");
}
END_TEST

START_TEST(signs_of_life)
{
	int fd = manager(false);
	char *environment[] = { path, address, watchdog, NULL };
	uint64_t before = now_ms();
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO, .environment = environment });
	uint64_t start = now_ms();

	for (int i = 0; i < 10;) {
		char *text = read_piece(fd, PATIENCE_MS, NULL);

		ck_assert_msg(text != NULL, "only %d signs of life", i);
		i += has_match(text, "^WATCHDOG=1$");
		free(text);
	}
	/* Each must come before 200 ms have passed; and not all the time. */
	ck_assert_uint_lt(now_ms() - start, 2000 + 500 + late_ms(daemon));
	ck_assert_uint_gt(now_ms() - before, 300);
	ck_assert_no_match(ask(1, NULL), "WATCHDOG");
	/* A daemon that hangs gives none: that is what they are for. */
	daemon_signal(daemon, SIGSTOP);
	char *late;

	while ((late = read_piece(fd, 0, NULL)) != NULL)
		free(late);
	ck_assert_ptr_null(read_piece(fd, 500, NULL));
	daemon_signal(daemon, SIGCONT);
	ck_assert_ptr_nonnull(read_piece(fd, PATIENCE_MS, NULL));
	daemon_stop(daemon);
}
END_TEST

/* A manager that does not read, or is not there, holds up nothing. */
START_TEST(deaf_manager)
{
	int fd = manager(false);
	char *environment[] = { path, address, watchdog, NULL };

	if (_i == 1)
		close(fd);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO, .environment = environment });

	for (int i = 0; i < 50; i++)
		daemon_reload(daemon, true);
	free(ask(1, NULL));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *notify = harness_case(suite, "notify", 60);

	tcase_add_loop_test(notify, life_is_told, 0, 2);
	tcase_add_test(notify, signs_of_life);
	tcase_add_loop_test(notify, deaf_manager, 0, 2);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}

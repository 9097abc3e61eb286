/* floor - the least that serving a connection with a fresh process can cost: a
 * bare loop of accept, vfork, dup2 onto 0 and 1, exec. No limits, no log, no
 * environment, no reaping, no care: the measure for the super-servers. With -s
 * each child begins a session of its own, which shows what the kernel asks for
 * that (where CONFIG_SCHED_AUTOGROUP is on, a scheduling group a session). */
#include "base.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Returns the listening socket, or -1 with errno. */
static int listen_on(const char *address, const char *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &name.sin_addr) != 1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 4096) < 0)
		return -1;
	return fd_take(&fd);
}

static void serve(int listener, bool own_session, char **command)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (vfork() == 0) {
			if (own_session)
				setsid();
			dup2(fd, STDIN_FILENO);
			dup2(fd, STDOUT_FILENO);
			execv(command[0], command);
			_exit(127);
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	/* Children vanish by themselves, and yet start with the default action. */
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	bool own_session = argc > 1 && strcmp(argv[1], "-s") == 0;
	int listener;

	argv += own_session;
	argc -= own_session;
	if (argc < 4) {
		fputs("usage: floor [-s] ADDRESS PORT PROGRAM [ARGUMENT...]\n", stderr);
		return 64;
	}
	sigaction(SIGCHLD, &action, NULL);
	listener = listen_on(argv[1], argv[2]);
	if (listener < 0) {
		perror("floor");
		return 71;
	}
	serve(listener, own_session, argv + 3);
}

/* floor - the least that serving a connection with a fresh process can cost: a
 * bare loop of accept, vfork, dup2 onto 0 and 1, exec. No limits, no log, no
 * environment, no reaping, no care: the measure for the super-servers. With -s
 * each child begins a session of its own, which shows what the kernel asks for
 * that (where CONFIG_SCHED_AUTOGROUP is on, a scheduling group a session).
 *
 * With -f there is no program: a forked child echoes by itself. That is the least
 * that a process for each connection can cost at all, and what a program that was
 * started before its clients can be measured against. */
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

_Noreturn static void run_program(int fd, char **command)
{
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	execv(command[0], command);
	_exit(127);
}

_Noreturn static void echo_to_the_end(int fd)
{
	static char buffer[4096];
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t written = 0, n; written < length; written += n) {
			n = write(fd, buffer + written, (size_t)(length - written));
			if (n < 0)
				_exit(1);
		}
	_exit(length < 0);
}

/* A command of NULL: forked children that echo. */
static void serve(int listener, bool own_session, char **command)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (command != NULL && vfork() == 0) {
			if (own_session)
				setsid();
			run_program(fd, command);
		}
		if (command == NULL && fork() == 0) {
			if (own_session)
				setsid();
			echo_to_the_end(fd);
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	/* Children vanish by themselves, and yet start with the default action. */
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	bool own_session = false, no_program = false;
	int listener, letter;

	while ((letter = getopt(argc, argv, "+sf")) != -1) {
		own_session |= letter == 's';
		no_program |= letter == 'f';
		if (letter == '?')
			return 64;
	}
	argv += optind;
	argc -= optind;
	if (no_program ? argc != 2 : argc < 3) {
		fputs("usage: floor [-s] ADDRESS PORT PROGRAM [ARGUMENT...]\n"
		      "       floor -f [-s] ADDRESS PORT\n",
		      stderr);
		return 64;
	}
	sigaction(SIGCHLD, &action, NULL);
	listener = listen_on(argv[0], argv[1]);
	if (listener < 0) {
		perror("floor");
		return 71;
	}
	serve(listener, own_session, no_program ? NULL : argv + 2);
}

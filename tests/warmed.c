/* warmed.c - a program for check_preload.c: started under the library of warm services, it tells over its standard
 * input and output what it sees. Never with a sanitizer, which would have to be loaded before the library. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char trace[64]; /* of the handlers */

static void note(const char *word)
{
	strncat(trace, word, sizeof(trace) - strlen(trace) - 1);
}

static void first_before(void)
{
	note("b1 ");
}

static void first_in_child(void)
{
	note("c1 ");
}

static void second_before(void)
{
	note("b2 ");
}

static void second_in_child(void)
{
	note("c2 ");
}

static void in_parent(void)
{
	note("p ");
}

static void *doze(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

/* What a program does before it is stopped, as the variables ask. */
static __attribute__((constructor)) void prepare(void)
{
	const char *path = getenv("WARMED_CHILD"), *fd = getenv("WARMED_OPEN");
	pthread_t thread;

	pthread_atfork(first_before, in_parent, first_in_child);
	pthread_atfork(second_before, in_parent, second_in_child);
	if (getenv("WARMED_THREAD") != NULL)
		pthread_create(&thread, NULL, doze, NULL);
	if (fd != NULL)
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), atoi(fd));
	if (path != NULL) {
		char *const arguments[] = { "sh", "-c", "env > \"$WARMED_CHILD\"; ls -l /proc/self/fd >> \"$WARMED_CHILD\"", NULL };
		pid_t pid = getenv("WARMED_VFORK") != NULL ? vfork() : fork();

		if (pid == 0) {
			execv("/bin/sh", arguments);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
	}
}

static void tell_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	printf("descriptors");
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
			printf(" %s", entry->d_name);
	printf("\n");
	closedir(folder);
}

/* The environment as the kernel shows it: of this name. */
static void tell_shown(const char *name)
{
	char text[8192];
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	close(fd);
	for (char *at = text; at < text + length; at += strlen(at) + 1) {
		text[length] = '\0';
		if (strncmp(at, name, strlen(name)) == 0)
			printf("shown %s\n", at);
	}
}

static int tell(char **environment)
{
	int on = 0;
	socklen_t size = sizeof(on);

	printf("pid %d %d %d\n", (int)getpid(), (int)syscall(SYS_getpid), (int)syscall(SYS_gettid) == (int)gettid());
	printf("parent %d\n", (int)getppid());
	printf("session %d %d\n", (int)getsid(0), (int)getpgrp());
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("trace %s\n", trace);
	printf("cloexec %d %d\n", fcntl(0, F_GETFD), fcntl(1, F_GETFD));
	printf("stderr %s\n", getsockopt(2, SOL_SOCKET, SO_TYPE, &on, &size) == 0 ? "socket" : "other");
	tell_shown("USHERD_SESSION=");
	tell_descriptors();
	for (char **name = environment; *name != NULL; name++)
		printf("variable %s\n", *name);
	printf("same %d\n", environment == environ);
	printf("asked %s\n", getenv("REMOTE_ADDR") == NULL ? "-" : getenv("REMOTE_ADDR"));
	setenv("MORE", "1", 1);
	printf("set %s\n", getenv("MORE"));
	return 0;
}

static void *answer(void *argument)
{
	return argument;
}

/* What the C library keeps by the thread's number, or by the process. */
static int make(void)
{
	pthread_mutexattr_t kind;
	pthread_mutex_t mutex;
	pthread_t thread;
	void *result = NULL;
	char line[64] = "";
	int status = -1;
	FILE *stream;
	pid_t pid;

	fflush(stdout);
	printf("system %d\n", system("exit 3"));
	stream = popen("echo from a pipe", "r");
	if (stream == NULL || fgets(line, sizeof(line), stream) == NULL)
		return 1;
	printf("popen %s", line);
	pclose(stream);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(getpid() == (pid_t)syscall(SYS_getpid) && gettid() == getpid() ? 7 : 8);
	waitpid(pid, &status, 0);
	printf("fork %d\n", WEXITSTATUS(status));
	if (pthread_create(&thread, NULL, answer, trace) != 0 || pthread_join(thread, &result) != 0)
		return 1;
	printf("thread %d\n", result == trace);
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &kind);
	status = pthread_mutex_lock(&mutex) == 0;
	status += pthread_mutex_lock(&mutex) == EDEADLK; /* it knows its owner */
	status += pthread_mutex_unlock(&mutex) == 0;
	printf("mutex %d\n", status);
	for (size_t size = 1; size < 1 << 22; size *= 3) {
		char *memory = malloc(size);

		memset(memory, 1, size);
		free(memory);
	}
	printf("malloc\n");
	return 0;
}

static int echo(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL)
		if (fputs(line, stdout) == EOF || fflush(stdout) != 0)
			return 1;
	return 0;
}

int main(int argc, char **argv, char **environment)
{
	const char *what = argc > 1 ? argv[1] : "echo";

	if (strcmp(what, "tell") == 0)
		return tell(environment);
	if (strcmp(what, "make") == 0)
		return make();
	if (strcmp(what, "raise") == 0)
		return raise(SIGABRT);
	if (strcmp(what, "abort") == 0)
		abort();
	return echo();
}

/* mutant.c - which mutant a program is, from its environment, and which functions it came through: each writes its
 * byte into a file that forked processes share. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int usherd_mutant = -1; /* none */
static unsigned char *reached;

void usherd_mutant_reach(int function);

void usherd_mutant_reach(int function)
{
	if (reached != NULL)
		reached[function] = 1;
}

static __attribute__((constructor)) void begin(void)
{
	const char *number = getenv("USHERD_MUTANT"), *path = getenv("USHERD_MUTANT_REACHED");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (number != NULL)
		usherd_mutant = atoi(number);
	if (fd < 0)
		return;
	off_t size = lseek(fd, 0, SEEK_END);
	void *shared = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (shared != MAP_FAILED)
		reached = shared;
}

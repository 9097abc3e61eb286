/* replay.c - main() of a fuzz target in `make check`: runs every file of the
 * target's corpus through it, in name order, and prints TAP. The corpus is
 * $SOURCE/fuzz/corpus/NAME for a program called fuzz_NAME, or whatever files
 * and directories the arguments name. A crash is seen by the test driver, and
 * the last line tells which file it was. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned tests;

static void report(const char *path, const char *problem)
{
	tests++;
	if (problem == NULL)
		printf("ok %u - %s\n", tests, path);
	else
		printf("not ok %u - %s: %s\n", tests, path, problem);
	fflush(stdout);
}

static void replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "re");
	/* Exactly as large as the input, so that AddressSanitizer sees the first byte too many. */
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (file == NULL || data == NULL) {
		report(path, strerror(errno));
	} else if (fread(data, 1, size, file) != size) {
		report(path, "short read");
	} else {
		printf("# %s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
		report(path, NULL);
	}
	free(data);
	if (file != NULL)
		fclose(file);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct dirent **entries;
	struct stat status;

	if (stat(path, &status) < 0) {
		report(path, strerror(errno));
		return;
	}
	if (!S_ISDIR(status.st_mode)) {
		replay_file(path, (size_t)status.st_size);
		return;
	}

	int count = scandir(path, &entries, not_hidden, alphasort);

	if (count <= 0)
		report(path, count < 0 ? strerror(errno) : "the corpus is empty");
	for (int i = 0; i < count; i++) {
		char inner[PATH_MAX];

		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		replay(inner);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* fuzz_NAME, wherever it lies. */
static const char *target_name(void)
{
	const char *name = program_invocation_short_name;

	return strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
}

int main(int argc, char **argv)
{
	const char *source = getenv("SOURCE");
	char corpus[PATH_MAX];

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc < 2) {
		snprintf(corpus, sizeof(corpus), "%s/fuzz/corpus/%s", source != NULL ? source : ".", target_name());
		replay(corpus);
	}
	printf("1..%u\n", tests);
	return EXIT_SUCCESS;
}

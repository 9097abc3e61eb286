/* conf-program.c - finds the file that a command names and sees whether the
 * kernel will execute it for the service's user: a program that cannot run is an
 * error of the configuration, not of the first client. */
#include "conf-internal.h"

#include "base.h"
#include "conf-seen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER_SIZE 256 /* what the kernel looks at (BINPRM_BUF_SIZE) */

/* An answer, good or bad, by everything it depends on. */
struct conf_program {
	UT_hash_handle hh;
	const char *path;   /* NULL: */
	const char *reason; /* why not */
	char key[];
};

/* One search. */
struct search {
	struct conf_seen seen;
	char *reason;
};

void conf_programs_free(struct conf_program *programs)
{
	HASH_CLEAR(hh, programs);
}

static int no_good(const struct search *search, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int no_good(const struct search *search, const char *format, ...)
{
	va_list arguments;
	int used = search->seen.chroot != NULL ? snprintf(search->reason, CONF_REASON_MAX,
						     "inside the root directory %.150s: ", search->seen.chroot)
					  : 0;

	va_start(arguments, format);
	vsnprintf(search->reason + used, CONF_REASON_MAX - (size_t)used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Whether a file that is open can be executed at all. `what` begins the reason. */
static int check_mode(const struct search *search, int fd, const char *what, const char *path)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return no_good(search, "%s%.200s: %s", what, path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return no_good(search, "%s%.200s is a directory", what, path);
	if (!S_ISREG(status.st_mode))
		return no_good(search, "%s%.200s is not a regular file", what, path);
	if ((status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		return no_good(search, "%s%.200s is not executable (mode %04o); chmod +x it", what, path,
			       status.st_mode & 07777);
	if (!conf_seen_may(&search->seen, fd, &status, S_IXOTH))
		return no_good(
			search,
			"%s%.200s cannot be executed by the user %.40s (mode %04o, owner %u, group %u)", what,
			path, search->seen.rights->name, status.st_mode & 07777, status.st_uid, status.st_gid);
	return 0;
}

static int check_way(const struct search *search, const char *path)
{
	char directory[PATH_MAX];
	mode_t mode;
	int r = conf_seen_way(&search->seen, path, directory, &mode);

	if (r > 0)
		return no_good(search,
			       "%.150s: the user %.40s may not enter the directory %.150s (mode %04o); "
			       "put the program elsewhere, or set user",
			       path, search->seen.rights->name, directory, mode);
	return r < 0 ? no_good(search, "%.200s: %s", directory, strerror(-r)) : 0;
}

/* The program that a `#!` line names. */
static int check_interpreter(const struct search *search, const char *path, char *line)
{
	char *name = line + 2 + strspn(line + 2, " \t");

	name[strcspn(name, " \t\n")] = '\0';
	if (name[0] == '\0')
		return no_good(search, "%.200s: its first line, #!, names no program", path);

	bool is_crlf = name[strlen(name) - 1] == '\r';
	_cleanup_fd_ int fd = conf_seen_open(&search->seen, name, O_PATH);

	if (fd < 0 && is_crlf)
		return no_good(search,
			       "%.200s: its lines end in CR LF, so that its first line names no program",
			       path);
	if (fd < 0)
		return no_good(search, "%.150s: the program in its first line, %.150s: %s", path, name,
			       strerror(-fd));
	return check_mode(search, fd, "the program in the first line of the script: ", name);
}

/* Text without `#!` is what shells run and the kernel does not (ENOEXEC). Other
 * formats may be known to the kernel (binfmt_misc). */
static bool is_text(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte < 0x20 && !isspace(byte))
			return false;
	}
	return true;
}

static int check_header(const struct search *search, const char *path)
{
	char header[HEADER_SIZE + 1];
	_cleanup_fd_ int fd = conf_seen_open(&search->seen, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	/* Executable and not readable: the kernel will know. */
	if (fd < 0)
		return 0;

	ssize_t length = pread(fd, header, HEADER_SIZE, 0);

	if (length < 0)
		return 0;
	header[length] = '\0';
	if (length == 0)
		return no_good(search, "%.200s is empty", path);
	if (length >= 2 && header[0] == '#' && header[1] == '!')
		return check_interpreter(search, path, header);
	if (is_text(header, (size_t)length))
		return no_good(
			search,
			"%.200s is a text that the kernel does not execute; add a first line #!/bin/sh",
			path);
	return 0;
}

/* A file by its path. Returns 0, -ENOENT when it is not there, or -EINVAL; both with a reason. */
static int check_file(const struct search *search, const char *path)
{
	_cleanup_fd_ int fd = conf_seen_open(&search->seen, path, O_PATH);

	if (fd == -ENOENT || fd == -ENOTDIR) {
		no_good(search, "%.200s: %s", path, strerror(-fd));
		return -ENOENT;
	}
	if (fd < 0)
		return no_good(search, "%.200s: %s", path, strerror(-fd));

	int r = check_way(search, path);

	if (r == 0)
		r = check_mode(search, fd, "", path);
	return r < 0 ? r : check_header(search, path);
}

/* A bare name: the bundled services, then the system. Returns 0 and the path in `path`. */
static int search_name(const struct conf_loader *loader, const struct search *search, const char *name,
		       char path[static PATH_MAX])
{
	const char *const places[] = {
		/* Bundled services are not inside anybody's root directory. */
		search->seen.chroot == NULL ? loader->environment->services_directory : NULL,
		"/usr/local/sbin",
		"/usr/local/bin",
		"/usr/sbin",
		"/usr/bin",
		"/sbin",
		"/bin",
	};

	for (size_t i = 0; i < ELEMENTS(places); i++) {
		if (places[i] == NULL ||
		    (size_t)snprintf(path, PATH_MAX, "%s/%s", places[i], name) >= PATH_MAX)
			continue;

		int r = check_file(search, path);

		if (r != -ENOENT)
			return r;
	}
	return no_good(
		search,
		"there is no program '%.100s' among the bundled services or in /usr/local/sbin, /usr/local/bin, "
		"/usr/sbin, /usr/bin, /sbin and /bin; write its whole path",
		name);
}

/* A relative path begins where the file is that names it. */
static int make_absolute(const struct search *search, const char *source, const char *word,
			 char path[static PATH_MAX])
{
	char here[PATH_MAX] = "";
	const char *slash = strrchr(source, '/');
	size_t directory = slash != NULL ? (size_t)(slash - source) + 1 : 0;

	if (search->seen.chroot != NULL)
		return no_good(search, "'%.200s' must be an absolute path there", word);
	if (source[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return no_good(search, "'%.200s': the working directory is unknown; write the whole path",
			       word);
	if (strncmp(word, "./", 2) == 0)
		word += 2;
	if ((size_t)snprintf(path, PATH_MAX, "%s%s%.*s%s", here, here[0] != '\0' ? "/" : "", (int)directory,
			     source, word) >= PATH_MAX)
		return no_good(search, "the path of the program is too long");
	return 0;
}

static int find(const struct conf_loader *loader, const struct search *search, const char *source,
		const char *word, char path[static PATH_MAX])
{
	int r = 0;

	if (strchr(word, '/') == NULL)
		return search_name(loader, search, word, path);
	if (word[0] != '/')
		r = make_absolute(search, source, word, path);
	else if ((size_t)snprintf(path, PATH_MAX, "%s", word) >= PATH_MAX)
		r = no_good(search, "the path of the program is too long");
	if (r == 0)
		r = check_file(search, path);
	if (r == -ENOENT && word[0] == '~')
		no_good(search, "%.200s: no shell runs here that knows ~; write the whole path", word);
	else if (r == -ENOENT && strpbrk(word, " \t") != NULL)
		no_good(search, "there is no file '%.200s'; quotes make it one word: quote the arguments alone",
			word);
	return r == -ENOENT ? -EINVAL : r;
}

/* Services of the same file, user, root and word have the same program. */
static int search_once(struct conf_loader *loader, const struct conf_service *service, const char *key,
		       struct conf_program **ret_program)
{
	char path[PATH_MAX], reason[CONF_REASON_MAX];
	struct search search = {
		.seen = {.chroot = service->chroot, .rights = &service->identity},
		.reason = reason,
	};
	size_t length = strlen(key);
	struct conf_program *program = arena_alloc(loader->scratch, sizeof(*program) + length + 1);

	if (program == NULL)
		return -ENOMEM;
	memcpy(program->key, key, length + 1);
	if (find(loader, &search, service->where.path, service->exec.items[0], path) == 0)
		program->path = arena_strdup(loader->arena, path);
	else
		program->reason = arena_strdup(loader->scratch, reason);
	if (program->path == NULL && program->reason == NULL)
		return -ENOMEM;
	HASH_ADD_STR(loader->programs, key, program);
	if (program->hh.tbl == NULL)
		return -ENOMEM;
	*ret_program = program;
	return 0;
}

int conf_program_find(struct conf_loader *loader, const struct conf_service *service, const char **ret_path,
		      char reason[static CONF_REASON_MAX])
{
	const struct conf_identity *rights = &service->identity;
	_cleanup_free_ char *key = NULL;
	struct conf_program *program;

	if (asprintf(&key, "%u\n%u\n%p\n%s\n%s\n%s", rights->uid, rights->gid, (const void *)rights->groups,
		     service->chroot != NULL ? service->chroot : "", service->where.path,
		     service->exec.items[0]) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	HASH_FIND_STR(loader->programs, key, program);
	if (program == NULL) {
		int r = search_once(loader, service, key, &program);

		if (r < 0)
			return r;
	}
	if (program->path == NULL) {
		snprintf(reason, CONF_REASON_MAX, "%s", program->reason);
		return -EINVAL;
	}
	*ret_path = program->path;
	return 0;
}

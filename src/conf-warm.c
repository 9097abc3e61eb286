/* conf-warm.c - whether a program can be started ahead of its clients, as far as its file tells.
 *
 * A library is preloaded into it: that takes a loader, the one of our own C library, and one that is not told to be
 * careful (AT_SECURE). It is of the file that the kernel starts in the end: of a script, the interpreter's. */
#include "conf-warm.h"

#include "base.h"
#include "conf-elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HEADER_SIZE 256 /* of a script, what the kernel looks at (BINPRM_BUF_SIZE) */
#define SCRIPTS_MOST 5  /* that interpret each other, as the kernel */

/* One question. */
struct look {
	const struct conf_warm *warm;
	char *reason;
	char path[PATH_MAX]; /* of the file at hand */
	bool is_done;        /* this is the file that is started */
};

static bool no(const struct look *look, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool no(const struct look *look, const char *format, ...)
{
	const char *root = look->warm->seen.chroot;
	int used = root != NULL ? snprintf(look->reason, CONF_REASON_MAX,
					   "inside the root directory %.150s: ", root)
				: 0;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(look->reason + used, CONF_REASON_MAX - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

/* ---- the library ---- */

static bool library_is_there(const struct look *look)
{
	const struct conf_seen *seen = &look->warm->seen;
	const char *library = look->warm->library;
	char directory[PATH_MAX];
	struct stat status;
	mode_t mode;

	if (strpbrk(library, " :") != NULL)
		return no(look, "the path of usherd's library, %.200s, has a blank or a colon in it, which end it",
			  library);

	_cleanup_fd_ int fd = conf_seen_open(seen, library, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &status) < 0)
		return no(look, "usherd's library, %.200s: %s%s", library, strerror(fd < 0 ? -fd : errno),
			  fd == -ENOENT && seen->chroot != NULL ? "; copy it there" : "");
	if (!S_ISREG(status.st_mode))
		return no(look, "usherd's library, %.200s, is not a regular file", library);
	if (!conf_seen_may(seen, fd, &status, S_IROTH))
		return no(look, "usherd's library, %.200s, cannot be read by the user %.40s (mode %04o)", library,
			  seen->rights->name, status.st_mode & 07777);

	int r = conf_seen_way(seen, library, directory, &mode);

	if (r > 0)
		return no(look,
			  "usherd's library, %.150s: the user %.40s may not enter the directory %.150s (mode %04o)",
			  library, seen->rights->name, directory, mode);
	return r == 0 || no(look, "%.200s: %s", directory, strerror(-r));
}

/* ---- scripts ---- */

/* Takes the word at hand off a line; "" is the end. */
static char *take_word(char **line)
{
	char *word = *line + strspn(*line, " \t");

	*line = word + strcspn(word, " \t");
	if (**line != '\0')
		*(*line)++ = '\0';
	return word;
}

/* What env(1) is told to start: with -S there may be assignments before. Options else are not looked into. */
static const char *started_by_env(char *line)
{
	char *word = take_word(&line);

	if (strncmp(word, "-S", 2) == 0)
		word = word[2] != '\0' ? word + 2 : take_word(&line);
	while (strchr(word, '=') != NULL)
		word = take_word(&line);
	return word[0] == '-' ? "" : word;
}

static bool is_executable(const struct conf_seen *seen, const char *path)
{
	struct stat status;
	_cleanup_fd_ int fd = conf_seen_open(seen, path, O_PATH);

	return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/* Goes on to what env(1) will find, if it is found here. */
static bool follow_name(struct look *look, const char *name)
{
	const struct conf_seen *seen = &look->warm->seen;
	const char *search = look->warm->search;

	if (strchr(name, '/') != NULL)
		return (size_t)snprintf(look->path, PATH_MAX, "%s", name) < PATH_MAX && name[0] == '/';
	while (name[0] != '\0' && search != NULL && search[0] != '\0') {
		size_t length = strcspn(search, ":");

		if (search[0] == '/' &&
		    (size_t)snprintf(look->path, PATH_MAX, "%.*s/%s", (int)length, search, name) < PATH_MAX &&
		    is_executable(seen, look->path))
			return true;
		search += length + (search[length] == ':');
	}
	return false;
}

/* Goes on to the interpreter of a script. Returns whether there is one to look at. */
static bool follow_script(struct look *look, char *line)
{
	char *rest = line + 2, *slash;

	line[strcspn(line, "\n")] = '\0';

	char *name = take_word(&rest);

	/* In a working directory that is not ours to know. */
	if (name[0] != '/')
		return false;
	snprintf(look->path, PATH_MAX, "%s", name);
	slash = strrchr(name, '/');
	return strcmp(slash + 1, "env") != 0 || follow_name(look, started_by_env(rest));
}

/* ---- machine code ---- */

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool is_our_kind(const struct look *look, const struct conf_elf *elf)
{
	struct conf_elf own;

	/* Without /proc the kernel, or the loader, will know. */
	if (conf_elf_own(&own) < 0)
		return elf->loader[0] != '\0' ||
		       no(look, "%.200s has no loader, so that nothing can be loaded into it", look->path);
	if (elf->class != own.class || elf->encoding != own.encoding || elf->machine != own.machine)
		return no(look, "%.200s is made for another kind of machine than usherd and its library", look->path);
	if (elf->loader[0] == '\0')
		return no(look, "%.200s is statically linked, so that nothing can be loaded into it", look->path);
	if (own.loader[0] != '\0' && strcmp(file_name(elf->loader), file_name(own.loader)) != 0)
		return no(look, "%.150s uses another C library than usherd (its loader is %.100s)", look->path,
			  elf->loader);
	return true;
}

/* Who gains rights by starting is not to be told what to load (AT_SECURE). no_new_privileges lets setuid bits do
 * nothing; file capabilities make the loader careful all the same. */
static bool is_plain(const struct look *look, int fd, const struct stat *status)
{
	const struct conf_identity *rights = look->warm->seen.rights;
	mode_t runs_as_group = S_ISGID | S_IXGRP;
	struct statvfs filesystem;
	char path[64];

	if (fstatvfs(fd, &filesystem) == 0 && (filesystem.f_flag & ST_NOSUID) != 0)
		return true;
	if (!look->warm->no_new_privileges &&
	    (((status->st_mode & S_ISUID) != 0 && status->st_uid != rights->uid) ||
	     ((status->st_mode & runs_as_group) == runs_as_group && status->st_gid != rights->gid)))
		return no(look, "%.200s is setuid or setgid (mode %04o), so that its loader takes no library from us",
			  look->path, status->st_mode & 07777);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rights->uid != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return no(look, "%.200s has file capabilities, so that its loader takes no library from us",
			  look->path);
	return true;
}

/* ---- files ---- */

/* Looks at the file at hand, and goes on to its interpreter, if it has one. */
static bool look_at(struct look *look)
{
	char header[HEADER_SIZE + 1];
	struct conf_elf elf;
	struct stat status;
	_cleanup_fd_ int fd = conf_seen_open(&look->warm->seen, look->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	look->is_done = true;
	/* Not for us to read: it is tried. */
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return true;

	ssize_t length = pread(fd, header, HEADER_SIZE, 0);

	if (length < 0)
		return true;
	header[length] = '\0';
	if (length > 2 && header[0] == '#' && header[1] == '!') {
		look->is_done = !follow_script(look, header);
		return true;
	}

	int r = conf_elf_read(fd, &elf);

	if (r == -EBADMSG)
		return no(look, "%.200s is broken: it is not all there, or its headers are wrong", look->path);
	/* What is neither is run by something that only the kernel knows (binfmt_misc). */
	return r < 0 || (is_our_kind(look, &elf) && is_plain(look, fd, &status));
}

bool conf_warm_suits(const struct conf_warm *warm, bool *ret_is_script, char reason[static CONF_REASON_MAX])
{
	struct look look = { .warm = warm, .reason = reason };
	unsigned scripts = 0;

	if ((size_t)snprintf(look.path, PATH_MAX, "%s", warm->program) >= PATH_MAX)
		return no(&look, "the path of the program is too long");
	while (!look.is_done) {
		if (scripts > SCRIPTS_MOST)
			return no(&look, "%.200s: too many scripts interpret each other", warm->program);
		if (!look_at(&look))
			return false;
		scripts += !look.is_done;
	}
	if (!library_is_there(&look))
		return false;
	*ret_is_script = scripts > 0;
	return true;
}

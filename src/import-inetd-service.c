/* import-inetd-service.c - what an entry of inetd.conf starts: a program, through tcpd or not, or a service
 * of inetd itself; and the section that comes of it all. */
#include "import-inetd.h"

#include "arena.h"
#include "base.h"

#include <netdb.h>
#include <string.h>
#include <sys/stat.h>

/* ---- services of inetd itself ---- */

/* The name under which inetd would look for it. FreeBSD goes by the port, too. */
static const char *internal_name(const struct inetd_entry *entry)
{
	const struct servent *listed;

	if (entry->inetd->dialect != IMPORT_FREEBSD)
		return entry->service;
	listed = getservbyport(htons((uint16_t)entry->port), entry->is_udp ? "udp" : "tcp");
	return listed != NULL ? import_keep(entry->inetd->import, listed->s_name) : entry->service;
}

/* Ours for it, or NULL: nothing is made of it, which was told. */
static const char *find_internal(struct inetd_entry *entry)
{
	const char *name = internal_name(entry), *ours = import_internal(name);

	if (strcmp(name, "auth") == 0 || strcmp(name, "ident") == 0) {
		inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				"no user is told to those who ask (RFC 1413) by a bundled service; it is "
				"left out: write a section with an ident daemon");
		return NULL;
	}
	if (ours == NULL || strcmp(ours, name) != 0 || strcmp(ours, "qotd") == 0 || entry->is_unix) {
		inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				"inetd has no internal service of this name" INETD_NOT_SERVED);
		return NULL;
	}
	if (entry->inetd->dialect == IMPORT_BUSYBOX && entry->waits != entry->is_udp) {
		inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				"an internal service of streams is nowait, one of datagrams wait" INETD_NOT_SERVED);
		return NULL;
	}
	return ours;
}

static bool take_internal(struct inetd_entry *entry)
{
	const char *name = find_internal(entry);

	if (name == NULL)
		return false;
	entry->inetd->words[0] = name;
	inetd_keep_words(entry, 1);
	if (strcmp(name, "daytime") == 0)
		inetd_tell(entry, IMPORT_CHANGED,
			   "the date is written as mail has it: Sun, 22 Nov 2026 15:18:36 +0000");
	if (strcmp(name, "chargen") == 0 && entry->is_udp)
		inetd_tell(entry, IMPORT_CHANGED,
			   "an answer is as long as the question, and not always 74 bytes, which forged "
			   "datagrams abuse");
	return true;
}

/* ---- programs ---- */

/* A program by its absolute path. inetd itself stands in /, but the one of busybox looks through PATH. */
static const char *find_program(struct inetd_entry *entry, const char *program)
{
	static const char *const folders[] = { "/sbin", "/usr/sbin", "/bin", "/usr/bin" };
	struct import *import = entry->inetd->import;

	if (program[0] == '/')
		return program;
	for (size_t i = 0; i < ELEMENTS(folders) && entry->inetd->dialect == IMPORT_BUSYBOX; i++) {
		const char *path = import_printf(import, "%s/%s", folders[i], program);

		if (strchr(program, '/') == NULL && access(path, X_OK) == 0)
			return path;
	}
	inetd_tell(entry, IMPORT_APPROXIMATED, "the path begins at /, which is where inetd stands");
	return import_printf(import, "/%s", program);
}

/* The program that tcpd starts; NULL: none. */
static const char *behind_tcpd(struct inetd_entry *entry)
{
	if (entry->word_count == 0) {
		inetd_leave_out(entry, IMPORT_UNSUPPORTED, "tcpd has no program to start" INETD_NOT_SERVED);
		return NULL;
	}
	if (import_expects_hosts(entry->inetd->import))
		inetd_tell(entry, IMPORT_CHANGED, "tcpd is left out: its rules have become allow and deny");
	else
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "tcpd is left out, and everybody is let in: give hosts.allow and hosts.deny to the import (--allow, "
			   "--deny)");
	if (entry->words[0][0] == '/')
		return entry->words[0];
	return import_printf(entry->inetd->import, "/usr/sbin/%s", entry->words[0]);
}

/* Its own name is the first word of a command; ours have none. Returns how many words are no arguments. */
static size_t skip_name(struct inetd_entry *entry, const char *program)
{
	const char *name = entry->word_count > 0 ? entry->words[0] : NULL;

	if (name == NULL)
		return 0;
	if (strcmp(import_base_name(program), "busybox") == 0 &&
	    strcmp(import_base_name(name), "busybox") != 0)
		return 0; /* as an argument the name says the same: which of its programs */
	if (strcmp(import_base_name(name), import_base_name(program)) != 0)
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "the program sees its own name as its first word, not '%.40s'", name);
	return 1;
}

/* Whether a line of ours can hold the words. */
static bool fits(const char *const *words, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		if (import_has_control(words[i]))
			return false;
		length += strlen(words[i]) * 3 + 3;
	}
	return length <= INETD_COMMAND_MAX;
}

/* Puts the program in front of its arguments. */
static bool take_program(struct inetd_entry *entry, const char *program)
{
	size_t count = 1;
	const char **words = entry->inetd->words;

	words[0] = program;
	for (size_t i = skip_name(entry, program); i < entry->word_count && count < INETD_WORDS_MAX; i++)
		words[count++] = entry->words[i];
	if (!fits(words, count))
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "its command is too long for a line, or has control characters: "
				       "write a script and serve that; it is left out");
	inetd_keep_words(entry, count);
	return true;
}

static void set_command(struct inetd_entry *entry)
{
	struct stat about;

	if (entry->word_count == 0)
		return; /* no memory */
	import_exec(entry->inetd->import, entry->section, entry->where, entry->words, entry->word_count);
	if (entry->is_internal)
		return;
	if (stat(entry->words[0], &about) == 0 && !S_ISREG(about.st_mode))
		inetd_switch_off(entry, IMPORT_EXACT,
				 "it is no file, which inetd finds out when a client comes; the service is "
				 "switched off");
	inetd_tell(entry, IMPORT_CHANGED,
		   "a clean environment instead of the one of inetd (env, pass_env), and standard error to "
		   "the log, not to the client (stderr)");
}

/* Datagrams without wait: who has the socket? */
static void set_wait(struct inetd_entry *entry)
{
	if (entry->is_internal)
		return; /* ours answer a datagram at a time, and accept nothing themselves */
	if (entry->is_udp && !entry->waits && entry->inetd->dialect == IMPORT_BUSYBOX) {
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "the program gets one datagram as its input, and each of its outputs is an "
			   "answer; busybox gives it a socket that is connected to the client");
		return;
	}
	if (entry->is_udp && !entry->waits) {
		entry->waits = true;
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "the program has the socket, and one runs at a time (wait = yes); inetd starts "
			   "more of them side by side");
	}
	if (entry->waits)
		import_set(entry->section, "wait", "yes");
}

/* ---- the section ---- */

/* What is to be started. Returns false when there is nothing, which was told. */
static bool find_command(struct inetd_entry *entry)
{
	const char *program;

	entry->is_internal = strcmp(entry->program, "internal") == 0;
	if (entry->is_internal)
		return take_internal(entry);
	program = strcmp(import_base_name(entry->program), "tcpd") == 0 ? behind_tcpd(entry) :
									  find_program(entry, entry->program);
	return program != NULL && take_program(entry, program);
}

void inetd_make_service(struct inetd_entry *entry)
{
	struct inetd *inetd = entry->inetd;

	if (inetd->entry_count == INETD_ENTRIES_MAX) {
		inetd_tell(entry, IMPORT_UNSUPPORTED,
			   "more than %d services are not imported at once; import parts of the file",
			   INETD_ENTRIES_MAX);
		return;
	}
	inetd->entry_count++;
	if (!inetd_find_place(entry) || !find_command(entry))
		return;
	entry->section = import_add(
		inetd->import, entry->is_unix ? import_base_name(entry->path) : entry->service, entry->where);
	if (entry->is_off)
		import_set(entry->section, "disable", "yes");
	if (entry->is_guarded)
		inetd_switch_off(entry, IMPORT_UNSUPPORTED,
				 "it was for clients under an IPsec policy, and is switched off");
	inetd_set_listen(entry);
	set_command(entry);
	set_wait(entry);
	inetd_set_user(entry);
	inetd_set_limits(entry);
	if (import_get(entry->section, "disable") == NULL)
		inetd_check_place(entry);
}

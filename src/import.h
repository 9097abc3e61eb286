/* import.h - what the files of other super-servers become: sections of services.ini, and a report that says of each of
 * their lines what became of it. The importers (import-inetd.c and others) read files and fill this; import-write.c
 * and import-report.c print it. Part of usherctl: no daemon is needed.
 *
 * Memory that runs out is remembered, and nothing more is taken in: import_failed() tells in the end. */
#ifndef USHERD_IMPORT_H
#define USHERD_IMPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct arena;
struct import;

/* What became of a line, from the best to the worst. */
enum import_class {
	IMPORT_EXACT,        /* the same here; also comments, and what has no meaning any more because it always holds */
	IMPORT_CHANGED,      /* on purpose another way: the text says how */
	IMPORT_APPROXIMATED, /* near, but not the same: to be looked at */
	IMPORT_UNSUPPORTED,  /* cannot be had; the text says what to do instead */
	IMPORT_CLASSES
};

/* A line of an input: the path as it was given or included, borrowed for as long as the import lives (import_keep()). */
struct import_where {
	const char *path;
	unsigned line; /* from 1 */
};

/* One section of the result. */
struct import_service;

/* Returns NULL when there is no memory. */
struct import *import_new(void);
void import_free(struct import *import);
bool import_failed(const struct import *import);

/* Memory ran out that is not from the import: import_failed() says so from now on. */
void import_lacks_memory(struct import *import);

/* The memory that goes with it; NULL never, but what is taken from it may be. */
struct arena *import_arena(struct import *import);

/* A copy that lives as long as the import; "" when there is no memory. */
const char *import_keep(struct import *import, const char *text);
const char *import_printf(struct import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *import_vprintf(struct import *import, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* open_memstream(3) and its end, which returns false, and leaves NULL, when there was no memory, which is remembered. */
FILE *import_open_text(struct import *import, char **ret_text, size_t *ret_length);
bool import_close_text(struct import *import, FILE *out, char **text);

/* ---- the report ---- */

/* Says what became of a line: a class, and a sentence without a full stop, "" for nothing to say. Of one line it may be
 * called again: the worst class counts, the sentences are joined by "; ". Text may hold any bytes. */
void import_tell(struct import *import, struct import_where where, enum import_class class, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Every line of every input is in the report: those that nothing was said of are found by this, which an importer calls
 * once for each input that it has read. */
void import_count_lines(struct import *import, const char *path, unsigned lines);

/* The worst class of all lines; how many of each. */
enum import_class import_worst(const struct import *import);
unsigned import_count(const struct import *import, enum import_class class);

/* ---- the result ---- */

/* The section of defaults. */
struct import_service *import_defaults(struct import *import);

/* A new section that comes from this line. Its name is made one that services.ini allows, and one of its own ("-2" and
 * so on at the end). Never NULL: without memory it is a section that nobody sees. */
struct import_service *import_add(struct import *import, const char *name, struct import_where where);
const char *import_name(const struct import_service *service);

/* Puts a section away again, as if it had never been added. */
void import_drop(struct import_service *service);

/* Goes through the sections in the order in which they were added. NULL begins, and ends. */
struct import_service *import_next(struct import *import, struct import_service *service);

/* Sets a key to a value as it stands in services.ini, in place of what it was; NULL removes it. A value that no line of
 * services.ini can hold (too long, control characters, a comment) is told as unsupported at the line of the section. Then
 * the key is not set, and the section is switched off; if it is that of defaults, it refuses all. */
void import_set(struct import_service *service, const char *key, const char *value);
void import_setf(struct import_service *service, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *import_get(const struct import_service *service, const char *key); /* NULL: not set */

/* Adds to a list, behind a comma, with its backslashes doubled; an item that is there already is not added again. A list
 * that became too long stays not set. */
void import_append(struct import_service *service, const char *key, const char *item);

/* Sets a key to words (a command line, or one word that holds anything), quoted as words.h and conf-read.h ask for.
 * Returns false, and sets nothing, when they hold what no value can (line feeds, control characters) or are too long. */
bool import_set_words(struct import_service *service, const char *key, const char *const *words, size_t count);

/* A word as it is to be written; from the import's memory. NULL: it holds a line feed, or there is no memory. */
const char *import_quote(struct import *import, const char *word);

/* What the TCP wrappers call a section, in place of the name of its program; NULL: their rules are not about it. */
void import_wrapped(struct import_service *service, const char *name);

/* Whether rules of the TCP wrappers are about it, and the name that it has been given for them, or NULL. */
bool import_is_wrapped(const struct import_service *service, const char **ret_name);

/* A line of comment above the section, or, with a key, above that key. */
void import_comment(struct import_service *service, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- reading: import-read.c ---- */

/* All bytes of a file, with a NUL behind them; at most IMPORT_BYTES_MAX. Returns 0, or -errno: -EISDIR, -EFBIG, those of
 * open(2) and read(2); only what is a regular file or a pipe is read. */
#define IMPORT_BYTES_MAX (16U << 20)
int import_read(struct import *import, const char *path, const char **ret_text, size_t *ret_length);

/* Goes through a text line by line. Begin with { .import, .path, .at = text, .left = length }. */
struct import_lines {
	struct import *import;
	const char *path;
	const char *at;
	size_t left;
	unsigned number; /* of the line that was returned last; in the end: how many there are */
};

/* The next line, without what ends it (a line feed, or carriage return and line feed), or NULL: no more. A line with a
 * NUL, which is told as unsupported, comes with '?' for it. */
char *import_next_line(struct import_lines *lines);

/* Where the line stands that was returned last. */
struct import_where import_here(const struct import_lines *lines);

/* The words of a line, apart by blanks and tabs, with a NULL behind; the line is cut up for it. NULL: no memory. */
char **import_split(struct import *import, char *line, size_t *ret_count);

/* ---- what importers share: import-common.c ---- */

/* The number of a service of services(5), or of digits; -1: there is none. `protocol` is "tcp" or "udp". */
int import_port(const char *name, const char *protocol);

/* Whether there is a user (or group) of this name here, and of this number. */
bool import_has_user(const char *name);
bool import_has_group(const char *name);

/* What stands behind the last slash. */
const char *import_base_name(const char *path);

/* Whether it has control characters, tabs and line feeds among them. */
bool import_has_control(const char *text);

/* Sets `exec` to the words. A program that is not there (relative paths and bare names included) makes the section
 * `disable = yes`, and says so. */
void import_exec(struct import *import, struct import_service *service, struct import_where where,
		 const char *const *words, size_t count);

/* The bundled service that does what an internal one of that name does ("echo", "discard", "chargen", "daytime",
 * "time", "qotd"), or NULL. */
const char *import_internal(const char *name);

/* ---- when all is read ---- */

/* Switches off, and tells, what the daemon would refuse: values that are none here, programs and directories that are
 * missing, and the second to listen at an address. */
void import_check(struct import *import);

/* Whether hosts.allow and hosts.deny are read, too; before all others. */
void import_expect_hosts(struct import *import);
bool import_expects_hosts(const struct import *import);

/* ---- printing ---- */

/* The sections as services.ini; `title` is the first line of comment. */
void import_write(const struct import *import, const char *title, FILE *out);

/* A line for each line of the inputs, "PATH:LINE: CLASS: SENTENCE", in the order of inputs and lines, and a last one that
 * counts. With `brief` the exact ones without a sentence are left out. */
void import_report(const struct import *import, bool brief, FILE *out);

/* ---- the importers ---- */

/* Each reads its inputs and returns 0; or -errno when one of the files that were named could not be read, told on
 * `import`'s report for included ones. Nothing is ever changed on disk, and nothing is executed. */

enum import_dialect {
	IMPORT_DEBIAN,
	IMPORT_OPENBSD,
	IMPORT_FREEBSD,
	IMPORT_NETBSD,
	IMPORT_GNU,
	IMPORT_BUSYBOX,
	IMPORT_DIALECTS
};

/* An inetd.conf; from a text, `path` is what it is called in the report. */
int import_inetd(struct import *import, const char *path, enum import_dialect dialect);
void import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
		       enum import_dialect dialect);

/* An xinetd.conf, with what it includes. */
int import_xinetd(struct import *import, const char *path);
void import_xinetd_text(struct import *import, const char *path, const char *text, size_t length);

/* A .socket unit with its .service beside it, or in the usual directories; `path` is either of the two. */
int import_systemd(struct import *import, const char *path);
void import_systemd_text(struct import *import, const char *socket_path, const char *socket_text,
			 size_t socket_length, const char *service_path, const char *service_text,
			 size_t service_length);

/* A script or a list of tcpserver command lines; rules that they name with -x are read as text beside (FILE without
 * .cdb). */
int import_tcpserver(struct import *import, const char *path);
void import_tcpserver_text(struct import *import, const char *path, const char *text, size_t length);

/* An rlinetd.conf, with the directories that it names. */
int import_rlinetd(struct import *import, const char *path);
void import_rlinetd_text(struct import *import, const char *path, const char *text, size_t length);

/* Rules of tcprules as text, for a section. */
int import_tcprules(struct import *import, struct import_service *service, const char *path);
void import_tcprules_text(struct import *import, struct import_service *service, const char *path, const char *text,
			  size_t length);

/* A directory of instructions of ipsvd, for a section. */
int import_instructions(struct import *import, struct import_service *service, const char *path);

/* hosts.allow and hosts.deny; either may be NULL. They become the rules of the sections that are there: of those whose
 * program has the name of a rule's daemon. Without any section, one is made for each daemon, switched off. */
int import_hosts(struct import *import, const char *allow, const char *deny);
void import_hosts_text(struct import *import, const char *allow_path, const char *allow, size_t allow_length,
		       const char *deny_path, const char *deny, size_t deny_length);

/* ---- the way back: export-systemd.c ---- */

/* Units for the services of a configuration, as files in a folder (which must exist; files that are there are not
 * replaced), or with NULL to `out`, one after the other, each below a comment with its name. What systemd has no word for
 * is reported, with the line of services.ini. Returns 0 or -errno; mistakes in the configuration are in the report. */
int export_systemd(struct import *report, const char *path, const char *folder, FILE *out);

#endif

/* import-inetd.h - what has been read of an inetd.conf; for the files of this importer alone. It is read as
 * the inetd of each system reads it, with its traps: see import-inetd.c (files, and lines between entries),
 * -words.c (words, quotes, continued lines), -entry.c (the fields of an entry), -values.c (NetBSD's key =
 * value), -listen.c (where it listens), -limits.c (how often, and as whom) and -service.c (what is started).
 */
#ifndef USHERD_IMPORT_INETD_H
#define USHERD_IMPORT_INETD_H

#include "endpoint.h"
#include "import.h"

#include <sys/types.h>

#define INETD_ENTRIES_MAX 2000        /* that become services */
#define INETD_PLACES_MAX  4000        /* that they listen on, all together */
#define INETD_DEPTH_MAX   8           /* of files that include files */
#define INETD_FILES_MAX   500         /* included */
#define INETD_BYTES_MAX   (64U << 20) /* of all files together */
#define INETD_WORDS_MAX   2000        /* of a command */
#define INETD_COMMAND_MAX 60000       /* bytes of a command: a line of services.ini has 65536 */

/* A bit for each dialect. */
#define INETD_IN(dialect) (1U << (dialect))
#define INETD_LINUX       (INETD_IN(IMPORT_DEBIAN) | INETD_IN(IMPORT_GNU) | INETD_IN(IMPORT_BUSYBOX))

enum inetd_family { INETD_IP4 = 1, INETD_IP6 = 2, INETD_BOTH = 3 };

struct inetd_entry;

/* Where a service listens, to find those that cannot listen both. */
struct inetd_place {
	struct endpoint endpoint;
	struct import_service *section;
	const struct inetd_entry *entry; /* NULL: of a file that was imported before */
	struct inetd_place *next;
};

/* A file that is being read, and those that include it. */
struct inetd_file {
	dev_t device;
	ino_t inode;
	unsigned depth;
	const struct inetd_file *below;
};

struct inetd {
	struct import *import;
	enum import_dialect dialect;
	bool follows; /* .include */
	unsigned file_count, entry_count;
	size_t byte_count;
	const struct inetd_file *file;
	const char *hosts; /* of entries that name none; "*": all */
	bool is_guarded;   /* by an IPsec policy */
	struct inetd_place *places;
	unsigned place_count;
	const char *words[INETD_WORDS_MAX]; /* of the command that is being read */
};

/* Goes through a file word by word. */
struct inetd_reader {
	struct inetd *inetd;
	struct import_lines lines;
	char *at;       /* in the line that was read last */
	bool is_single; /* no line goes on with this one */
};

/* A number that may be missing. */
struct inetd_count {
	bool is_set;
	unsigned number;
};

struct inetd_entry {
	struct inetd *inetd;
	struct import_where where;
	enum import_class worst; /* of what was told of it */

	/* the fields, as they are written; NULL: none */
	const char *hosts, *service, *socket_type, *protocol, *waiting, *user, *group, *program;
	const char *const *words; /* behind the program: its own name first */
	size_t word_count, words_left_out;
	const char *receive_buffer, *send_buffer;
	bool is_off;     /* Debian's #<off>#, NetBSD's `off` */
	bool has_values; /* NetBSD's key = value */
	bool is_guarded; /* by an IPsec policy */
	bool has_filter; /* of what is accepted */

	/* what they mean */
	bool is_udp, is_unix, waits, is_internal;
	enum inetd_family family;
	struct inetd_count per_minute, instances, per_source, per_source_minute;
	int port;
	const char *path, *socket_user, *socket_group, *socket_mode; /* of a Unix socket */
	struct inetd_place *places;
	struct import_service *section;
};

/* Says what became of an entry, at its first line. */
void inetd_tell(struct inetd_entry *entry, enum import_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, when nothing is made of it. Returns false. */
bool inetd_leave_out(struct inetd_entry *entry, enum import_class class, const char *why);

/* The section is written, and is not served. */
void inetd_switch_off(struct inetd_entry *entry, enum import_class class, const char *why);

/* What inetd of this system does not serve either: it may be that of another one. */
#define INETD_NOT_SERVED "; inetd does not serve it, and nothing is made of it (is --from right?)"

/* Whether the dialect is one of those whose bits are set. */
bool inetd_is_in(const struct inetd *inetd, unsigned dialects);

/* ---- words: import-inetd-words.c ---- */

/* Goes to the next line of the file. Returns false at the end. */
bool inetd_next_line(struct inetd_reader *reader);

/* The next word of the line and of those that continue it, or NULL. It lives as long as the import. */
const char *inetd_next_word(struct inetd_reader *reader);

/* How many bytes of a line inetd reads at once; 0: any number. */
size_t inetd_line_max(enum import_dialect dialect);

/* ---- entries: import-inetd-entry.c, import-inetd-values.c ---- */

/* Reads the rest of an entry whose first word this is, and makes a service of it; or takes it as the address
 * of the entries below. */
void inetd_read_entry(struct inetd_reader *reader, const char *first, bool is_off);

/* Reads `key = value, key = value;` into an entry, from behind `on`, up to its end. Returns NULL, or why
 * nothing can be made of it. */
const char *inetd_read_values(struct inetd_reader *reader, struct inetd_entry *entry);

/* Keeps words as the command of an entry. */
void inetd_keep_words(struct inetd_entry *entry, size_t count);

/* Digits alone; false: something else, or more than a million. */
bool inetd_number(const char *text, unsigned *ret_number);

/* ---- services ---- */

/* The port or path. Returns false when there is none, which was told. */
bool inetd_find_place(struct inetd_entry *entry);

/* Sets `listen`, once there is a section, and what goes with it. */
void inetd_set_listen(struct inetd_entry *entry);

/* What sections of other files listen on already. */
void inetd_remember_places(struct inetd *inetd);

/* Switches off what cannot be served beside another one. */
void inetd_check_place(struct inetd_entry *entry);

/* How many and how often; as whom. */
void inetd_set_limits(struct inetd_entry *entry);
void inetd_set_user(struct inetd_entry *entry);

/* All fields are there: makes a section of them. */
void inetd_make_service(struct inetd_entry *entry);

#endif

/* conf-internal.h - what the files of the configuration share while it is being
 * read. Nobody else includes it but their tests and the fuzzer. */
#ifndef USHERD_CONF_INTERNAL_H
#define USHERD_CONF_INTERNAL_H

#include "conf-errors.h"
#include "conf-key.h"
#include "conf.h"
#include "digest.h"

#define HASH_NONFATAL_OOM 1 /* for the reasons of identity.c */
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)
#include <uthash.h>

enum conf_section_kind {
	CONF_SECTION_NONE,
	CONF_SECTION_DAEMON,
	CONF_SECTION_DEFAULTS,
	CONF_SECTION_PORTS,
	CONF_SECTION_SERVICE,
};

/* `key = value`, as written. */
struct conf_setting {
	struct conf_setting *next;
	const struct conf_key *key;
	const char *value;
	unsigned line;
	bool is_bad; /* the value was an error, which is told */
};

/* A section, as written, or a line of [ports]. */
struct conf_section {
	UT_hash_handle hh; /* by name; a service of [ports] under its own */
	struct conf_section *next;
	const char *name;
	struct conf_where where;
	bool is_port;    /* a line of [ports] */
	bool is_command; /* of the command line */
	bool is_broken;  /* a line of it could not be read: what seems missing may stand there */
	struct conf_setting *settings, *last_setting;
};

/* A file that was read; device and inode tell it under another name. */
struct conf_source {
	const char *path;
	dev_t device;
	ino_t inode;
};

struct conf_program; /* a program that was looked for */

/* A list of `allow` or `deny` that stands in a file. */
struct conf_access_file {
	UT_hash_handle hh; /* by path */
	const char *path;
	struct access_rule *rules; /* malloc'ed; with path and line */
	size_t count, room;
	bool is_broken; /* and that is told */
	char hash[DIGEST_TEXT_MAX];
};

/* A list as written that names files alone. */
struct conf_access_words {
	UT_hash_handle hh;
	struct conf_access_list list;
	char key[];
};

/* What was compiled of two lists; it lies in the arena of the snapshot. */
struct conf_access {
	UT_hash_handle hh; /* while the load lasts */
	struct conf_access *next;
	struct conf_access_key {
		const struct access_rule *allow, *deny;
	} key;
	struct access *access;
	const char *allow_content, *deny_content;
	const char *broken; /* the path of a list that could not be read, or NULL */
	unsigned warned; /* of which things, for [defaults] */
};

/* The load in progress. */
struct conf_loader {
	const struct conf_environment *environment;
	struct conf_errors *errors;
	struct arena *arena;   /* of the snapshot */
	struct arena *scratch; /* until the load ends */
	struct identity_cache *identities;
	struct conf_zone *zones;
	struct conf_program *programs;
	struct conf_access_file *access_files;
	struct conf_access_words *access_words;
	struct conf_access *access_by_lists, *compiled; /* a hash, and all of them as a list */
	struct conf_errors warnings;
	bool warned_of_warm; /* as of [defaults] */

	struct conf_section *by_name;
	struct conf_section *daemon, *defaults; /* or NULL */
	struct conf_section *services, *last_service;
	size_t service_count;

	/* the file at hand */
	const char *path;
	bool is_main;
	enum conf_section_kind kind;
	struct conf_section *section; /* NULL: its keys belong nowhere */
	unsigned ports_line;          /* where [ports] stands in this file, or 0 */

	struct digest digest; /* of what is read */
	struct conf_source *sources; /* all files, in the order of reading */
	size_t source_count, source_room;
};

/* The outcome: a snapshot and what it stands on. */
struct conf_snapshot {
	struct conf conf;
	struct arena *arena;
	struct conf_access *compiled;
	unsigned references;
};

/* conf_error_add() about a section (key NULL) or a key of it. */
void conf_error_at(struct conf_loader *loader, const struct conf_section *section, const char *key,
		   unsigned line, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for what is allowed but probably not meant. */
void conf_warning_at(struct conf_loader *loader, const struct conf_section *section, const char *key,
		     unsigned line, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Puts errors in the order of the files, then of lines. */
void conf_errors_sort(struct conf_errors *errors, const struct conf_source *sources, size_t source_count);

/* A load from its beginning to its end, for each of its ways in. conf_loader_end()
 * takes the status so far, and returns what conf_load() returns. */
int conf_loader_init(struct conf_loader *loader);
int conf_loader_end(struct conf_loader *loader, int r, struct conf **ret_conf);
void conf_loader_clean(struct conf_loader *loader);

/* Enters the file at hand. Returns 0 or -ENOMEM. */
int conf_source_add(struct conf_loader *loader, const char *path);

/* Gathers the sections of the file at hand, whose bytes these are. Returns 0 or
 * -ENOMEM; errors are listed. */
int conf_section_read(struct conf_loader *loader, const char *bytes, size_t length);

/* Adds `key = value` to a section. Returns 0 or -ENOMEM. */
int conf_setting_add(struct conf_loader *loader, struct conf_section *section, const struct conf_key *key,
		     const char *value, unsigned line);

/* Whether a service may be called so, and the special section that a name was
 * probably meant for, or NULL. */
bool conf_is_service_name(const char *name);
const char *conf_meant_section(const char *name);

/* What a section itself says about a key, or NULL. */
struct conf_setting *conf_section_find(const struct conf_section *section, const char *key);

/* The setting a value came from: the service's own, or that of [defaults]; NULL:
 * nobody set it. */
const struct conf_setting *conf_setting_origin(const struct conf_loader *loader,
					       const struct conf_section *section, const char *key,
					       const struct conf_section **ret_section);

/* An error about a key of a service, on the line where it was set. */
void conf_refuse(struct conf_loader *loader, const struct conf_section *section, const char *key,
		 const char *reason);

/* What a section sets, in the snapshot's arena. Returns 0 or -ENOMEM. */
int conf_origins_make(struct arena *arena, const struct conf_section *section,
		      const struct conf_origin **ret_origins, size_t *ret_count);

/* Turns what was read into `conf`: fills in defaults, parses, looks up, checks.
 * Returns 0 or -ENOMEM; errors are listed. */
int conf_merge(struct conf_loader *loader, struct conf *conf);

/* Works out one service whose values are parsed; what it needs to be offered (user, program,
 * environment), which the first does for one that is not disabled; and what holds between
 * services. Return 0 or -ENOMEM; errors are listed. */
int conf_finish_service(struct conf_loader *loader, const struct conf_section *section,
			struct conf_service *service);
int conf_finish_offer(struct conf_loader *loader, const struct conf_section *section,
		      struct conf_service *service);
int conf_finish_all(struct conf_loader *loader, struct conf *conf);

/* A list of `allow` or `deny` that was parsed: each rule learns where it stands, and paths become
 * absolute. Returns 0 or -ENOMEM. */
int conf_access_place(struct conf_loader *loader, const struct conf_section *section,
		      const struct conf_setting *setting, struct conf_access_list *list);

/* Reads the lists a service names and compiles limits.access, or finds it compiled.
 * Returns 0 or -ENOMEM; errors and warnings are listed. */
int conf_access_finish(struct conf_loader *loader, const struct conf_section *section,
		       struct conf_service *service);
void conf_access_free(struct conf_access *compiled);

/* The rules in a file. What is wrong in it is told once, with its lines. Returns 0; -EINVAL with a
 * reason, the first time that it cannot be read; or -ENOMEM. `path` lies in the snapshot's arena. */
int conf_access_file_get(struct conf_loader *loader, const char *path,
			 const struct conf_access_file **ret_file, char reason[static CONF_REASON_MAX]);
void conf_access_files_free(struct conf_access_file *files);

/* Sees that values which depend on each other agree, and works out limits.per_source. */
void conf_agree(struct conf_loader *loader, const struct conf_section *section, struct conf_service *service);

/* Whether a key means something with wait = yes. */
bool conf_agree_waits(const char *key);

/* Finds the program that `word` names for a service, and checks that it can be
 * executed. Returns 0 and the path as seen by the service; -EINVAL with a
 * reason; or -ENOMEM. */
int conf_program_find(struct conf_loader *loader, const struct conf_service *service, const char **ret_path,
		      char reason[static CONF_REASON_MAX]);
void conf_programs_free(struct conf_program *programs);

/* As conf_load(), but of bytes that stand for the main file `path`; other files
 * are not read. */
int conf_load_bytes(const char *path, const char *bytes, size_t length,
		    const struct conf_environment *environment, struct conf **ret_conf,
		    struct conf_errors *errors);

#endif

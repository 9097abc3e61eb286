/* conf.h - the configuration: files (or options of the command line) in, one
 * immutable snapshot out. Everything a service needs later is worked out here:
 * users are looked up, programs found, words split, defaults filled in.
 *
 * A snapshot is counted: whoever keeps a pointer into it keeps a reference. */
#ifndef USHERD_CONF_H
#define USHERD_CONF_H

#include "endpoint.h"
#include "gate.h"
#include "listen.h"
#include "warm-protocol.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Where something was written. `path` is a file, or "command line" (line 0). */
struct conf_where {
	const char *path;
	unsigned line;
};

struct conf_words {
	char **items; /* NULL-terminated */
	size_t count;
};

/* The rights a service runs with, looked up when the configuration is loaded. */
struct conf_identity {
	bool change; /* false: usherd runs as this user already and may not change */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	const char *name, *home, *shell;
};

enum conf_stderr { CONF_STDERR_LOG, CONF_STDERR_SOCKET, CONF_STDERR_NULL, CONF_STDERR_FILE };

struct conf_stderr_target {
	enum conf_stderr kind;
	const char *path; /* CONF_STDERR_FILE only */
};

enum conf_rlimit_name {
	CONF_RLIMIT_AS,
	CONF_RLIMIT_CORE,
	CONF_RLIMIT_CPU,
	CONF_RLIMIT_DATA,
	CONF_RLIMIT_FSIZE,
	CONF_RLIMIT_MEMLOCK,
	CONF_RLIMIT_NOFILE,
	CONF_RLIMIT_NPROC,
	CONF_RLIMIT_STACK,
	CONF_RLIMITS
};

struct conf_rlimit {
	bool set; /* false: as usherd was started */
	rlim_t soft, hard;
};

struct conf_optional_int {
	bool set;
	int value;
};

/* A number, or a word in its place. */
struct conf_optional_count {
	enum { CONF_COUNT_AUTO, CONF_COUNT_NONE, CONF_COUNT_SET } kind;
	unsigned value;
};

/* What is sent to a client: up to CONF_MESSAGE_MAX bytes. */
#define CONF_MESSAGE_MAX 1024
struct conf_message {
	const char *bytes; /* NULL: nothing */
	size_t length;
	const char *path; /* the file they came from, or NULL */
};

/* `allow` or `deny` as written; what is in the files stands in gate_limits.access. */
struct conf_access_list {
	const struct access_rule *rules; /* of ACCESS_FILE: `path` is the file's */
	size_t count;
	const char *content; /* tells files of other content; NULL: there is no file */
};

struct conf_key;
struct conf_error;

/* Where a key was set: only what was written, not the defaults of the table. */
struct conf_origin {
	const struct conf_key *key;
	struct conf_where where;
};

struct conf_service {
	const char *name;
	struct conf_where where; /* of the section, or of the line in [ports] */
	unsigned listen_line;    /* where its addresses stand */

	/* Of one that is disabled: the error that it would be to offer it, or NULL. */
	const struct conf_error *lacks;

	/* what */
	struct endpoint_list listen;
	struct conf_words exec; /* words as written; items[0] stays argv[0] */
	const char *program;    /* absolute path of the file to execute */
	bool wait;
	bool disable;
	bool serve_while_draining;
	const char *description;

	/* as whom */
	const char *user, *group;
	struct conf_words groups;
	struct conf_identity identity; /* worked out from the three above */
	const char *directory, *chroot;
	mode_t umask;
	struct conf_optional_int nice, oom_score_adj;
	bool no_new_privileges;
	struct conf_rlimit rlimit[CONF_RLIMITS];
	struct conf_words env, pass_env;
	struct conf_words environment; /* the fixed part, ready for exec: NAME=VALUE */
	struct conf_stderr_target stderr_target;

	/* socket */
	struct socket_options socket;

	/* who may, how many */
	struct conf_access_list allow, deny;
	struct conf_message banner, banner_refused;
	struct conf_optional_count per_source;
	struct gate_limits limits; /* access and per_source are worked out from the above */

	/* how long; 0: for ever */
	uint64_t first_byte_ns, idle_ns, time_limit_ns, kill_after_ns, linger_ns;
	bool kill_on_hangup;

	/* started ahead of clients */
	enum warm_mode warm;
	unsigned warm_spares;
	unsigned warm_sessions; /* 0: any number */
	uint64_t warm_time_ns;  /* 0: for ever */
	const char *warm_library; /* to be preloaded; NULL: not warm */
	const char *warm_not;     /* why its program cannot be started warm, as far as its file tells; or NULL */

	/* What the service's own section set, and what [defaults] did (one array for all services). */
	const struct conf_origin *origins, *default_origins;
	size_t origin_count, default_origin_count;
};

enum conf_log_address {
	CONF_LOG_ADDRESS_FULL,
	CONF_LOG_ADDRESS_PREFIX,
	CONF_LOG_ADDRESS_HASH,
	CONF_LOG_ADDRESS_NONE
};
enum conf_log { CONF_LOG_STDERR, CONF_LOG_SYSLOG, CONF_LOG_FILE };
enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

struct conf_log_target {
	enum conf_log kind;
	const char *path; /* CONF_LOG_FILE only */
};

struct conf_daemon {
	const char *control;   /* "auto", "none" or a path */
	gid_t control_group;   /* (gid_t)-1: none */
	const char *pid_file; /* NULL: none */
	struct conf_log_target log;
	enum conf_log_format log_format;
	int log_level;         /* enum log_level */
	enum conf_log_address log_address;
	const char *cgroup;    /* "auto", "none" or a path */
	unsigned max_sessions; /* 0: auto, as many as descriptors allow */
	uint64_t drain_timeout_ns;
	struct conf_words include;
	const struct conf_origin *origins; /* what [usherd] set */
	size_t origin_count;
};

struct conf_error {
	char *path; /* as in conf_where */
	unsigned line;
	char *subject; /* "section.key", "[section", or NULL */
	char *reason;
};

struct conf_errors {
	struct conf_error *items;
	size_t count, room;
	size_t left_out; /* errors beyond CONF_ERRORS_MAX, or for want of memory */
};

#define CONF_ERRORS_MAX 1000

struct conf {
	struct conf_daemon daemon;
	struct conf_service *services; /* in order of their names' appearance */
	size_t service_count;
	struct conf_errors warnings; /* what is allowed but probably not meant */
	char hash[65]; /* SHA-256 of the bytes of all files in the order of reading, or of the command line; in hex */
};

/* The places where configuration is looked for and what it runs with. */
struct conf_environment {
	const char *services_directory; /* bundled services, searched first */
	char *const *environ;           /* usherd's own at start, for pass_env */
	bool check_ownership;           /* refuse files that others may write (when root) */
};

/* Reads the main file and every *.ini of services.d beside it. Returns 0 and a
 * snapshot with one reference; or -EINVAL with at least one error listed; or
 * -ENOMEM. No half-read snapshot ever comes out. */
int conf_load(const char *path, const struct conf_environment *environment, struct conf **ret_conf,
	      struct conf_errors *errors);

/* The one-liner: usherd -l ENDPOINT [-o key=value]... -- COMMAND... . Keys of
 * [usherd] and of a service are both accepted in `options`. */
int conf_from_command_line(const char *const *listens, size_t listen_count, const char *const *options,
			   size_t option_count, char *const *command,
			   const struct conf_environment *environment, struct conf **ret_conf,
			   struct conf_errors *errors);

struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf *conf);

/* -T: the effective configuration as a file that loads to the same snapshot. */
void conf_print(const struct conf *conf, FILE *out);

/* Where a key of a service was set; path NULL: nowhere, it is the table's default. */
struct conf_where conf_origin_of(const struct conf_service *service, const char *key);
struct conf_where conf_daemon_origin_of(const struct conf_daemon *daemon, const char *key);

/* `file:line: section.key: reason`, a line each. */
void conf_errors_print(const struct conf_errors *errors, FILE *out);

/* `file:line: warning: section.key: reason`. */
void conf_warnings_print(const struct conf *conf, FILE *out);
void conf_errors_free(struct conf_errors *errors);

#endif

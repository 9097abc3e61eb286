/* control-request.h - one line from a control client, taken apart. Whoever wrote it is not
 * trusted: nothing is guessed, everything is bounded. No system calls. */
#ifndef USHERD_CONTROL_REQUEST_H
#define USHERD_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Where the daemon of root is asked, whatever the prefix: services.ini(5), `control`. */
#define CONTROL_DEFAULT_DIRECTORY "/run/usherd"
#define CONTROL_DEFAULT_PATH      CONTROL_DEFAULT_DIRECTORY "/control"

#define CONTROL_LINE_MAX      4096 /* with its line feed */
#define CONTROL_ARGUMENTS_MAX 2
#define CONTROL_REASON_MAX    256

/* What a client may do, and what a verb asks for. */
enum control_right {
	CONTROL_NOTHING,
	CONTROL_READ,
	CONTROL_ALL,
	CONTROL_CLIENT, /* no request: usherctl's own */
};

enum control_option {
	CONTROL_DRY_RUN = 1, /* --dry-run */
	CONTROL_NOW = 2,     /* --now */
	CONTROL_SERVICE = 4, /* --service=NAME */
	CONTROL_ADDRESS = 8, /* --address=ADDR */
	CONTROL_LEVEL = 16,  /* --level=LEVEL */
};

enum control_verb_name {
	CONTROL_VERB_STATUS,
	CONTROL_VERB_SERVICES,
	CONTROL_VERB_SESSIONS,
	CONTROL_VERB_SHOW,
	CONTROL_VERB_EXPLAIN,
	CONTROL_VERB_RELOAD,
	CONTROL_VERB_ENABLE,
	CONTROL_VERB_DISABLE,
	CONTROL_VERB_RENEW,
	CONTROL_VERB_KILL,
	CONTROL_VERB_BAN,
	CONTROL_VERB_UNBAN,
	CONTROL_VERB_BANS,
	CONTROL_VERB_DRAIN,
	CONTROL_VERB_LOGLEVEL,
	CONTROL_VERB_TAIL,
	CONTROL_VERB_TOP,
	CONTROL_VERB_METRICS,
	CONTROL_VERB_UPGRADE,
	CONTROL_VERB_STOP,
	CONTROL_VERB_IMPORT,
	CONTROL_VERB_EXPORT,
	CONTROL_VERB_VERSION,
	CONTROL_VERBS
};

struct control_verb {
	const char *word;
	const char *arguments; /* as in a synopsis */
	size_t least, most;    /* of them */
	enum control_right rights;
	unsigned options; /* it takes: control_option, or-ed */
	const char *purpose;
};

/* A row of control-verbs.def each, in its order. */
extern const struct control_verb control_verbs[CONTROL_VERBS];

/* Strings live in `text`, so a request must not be moved. */
struct control_request {
	enum control_verb_name verb;
	const char *arguments[CONTROL_ARGUMENTS_MAX]; /* NULL: not given */
	size_t argument_count;
	unsigned options;                      /* given */
	const char *service, *address, *level; /* of the options; or NULL */
	char text[CONTROL_LINE_MAX];
};

/* Parses a line of `length` bytes without its line feed. Words are written as words.h says.
 * Returns 0; or -EINVAL (no request) or -ENOMEM with a sentence that says what is wrong and what to write,
 * and then `ret_request` is of no use. All text is UTF-8 without control characters. Arguments are
 * checked for their number and emptiness only: what they mean is the handler's affair. */
int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  char reason[static CONTROL_REASON_MAX]);

#endif

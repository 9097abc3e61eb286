/* import-rlinetd.c - rlinetd.conf(5) and the directories that it names: services, defaults (for those that
 * come later), logs. */
#include "import-rlinetd.h"

#include "import-rules.h"

#include "arena.h"
#include "base.h"

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>

struct rlinetd {
	struct import *import;
	unsigned service_count, file_count;
	struct rlinetd_service *defaults;               /* only their statements */
	const struct rlinetd_statement *directories[8]; /* are read behind the file */
	size_t directory_count;
};

static void add_statements(struct rlinetd_service *service, const struct rlinetd_statement *from)
{
	for (; from != NULL; from = from->next) {
		if (service->count == RLINETD_STATEMENTS_MAX) {
			import_tell(service->import, from->where, IMPORT_UNSUPPORTED,
				    "it has too many statements; those from here on are left out");
			return;
		}
		service->statements[service->count++] = from;
	}
}

static void read_service(struct rlinetd *rlinetd, const struct rlinetd_statement *statement)
{
	struct rlinetd_service *service = arena_alloc(import_arena(rlinetd->import), sizeof(*service));

	if (service == NULL)
		return;
	if (rlinetd->service_count++ >= RLINETD_SERVICES_MAX || statement->count == 0) {
		import_tell(rlinetd->import, statement->where, IMPORT_UNSUPPORTED, "%s",
			    statement->count == 0 ? "it has no name; nothing is made of it" :
						    "there are too many services; import parts of the file");
		return;
	}
	*service = *rlinetd->defaults;
	service->name = statement->arguments[0];
	service->where = statement->where;
	add_statements(service, statement->block);
	rlinetd_make_service(service);
}

static void read_statement(struct rlinetd *rlinetd, const struct rlinetd_statement *statement)
{
	if (strcmp(statement->name, "service") == 0 && statement->has_block) {
		read_service(rlinetd, statement);
	} else if (strcmp(statement->name, "defaults") == 0 && statement->has_block) {
		add_statements(rlinetd->defaults, statement->block);
	} else if (strcmp(statement->name, "log") == 0) {
		import_tell(rlinetd->import, statement->where, IMPORT_CHANGED,
			    "there is one log for all services: log in [usherd], for files file:PATH");
	} else if (strcmp(statement->name, "directory") == 0 &&
		   rlinetd->directory_count < ELEMENTS(rlinetd->directories)) {
		rlinetd->directories[rlinetd->directory_count++] = statement;
	} else {
		import_tell(rlinetd->import, statement->where, IMPORT_UNSUPPORTED,
			    "rlinetd has no such statement, and reads no further; it is left out");
	}
}

static unsigned count_lines(const char *text, size_t length)
{
	unsigned lines = 0;

	for (const char *at = text; at < text + length; lines++) {
		const char *end = memchr(at, '\n', length - (size_t)(at - text));

		at = end != NULL ? end + 1 : text + length;
	}
	return lines;
}

static void read_text(struct rlinetd *rlinetd, const char *path, const char *text, size_t length)
{
	struct rlinetd_reader reader = {
		.import = rlinetd->import, .path = path, .at = text, .end = text + length, .line = 1
	};
	const struct rlinetd_statement *statement;

	rlinetd_advance(&reader);
	while ((statement = rlinetd_read_statement(&reader, 0)) != NULL)
		read_statement(rlinetd, statement);
	if (reader.token != RLINETD_END && !import_failed(rlinetd->import))
		import_tell(rlinetd->import, (struct import_where){ .path = path, .line = reader.token_line },
			    IMPORT_UNSUPPORTED,
			    "this cannot be read, and neither can what comes after it: a word, a string or "
			    "one of { } ; is missing");
	import_count_lines(rlinetd->import, path, count_lines(text, length));
}

static int read_file(struct rlinetd *rlinetd, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(rlinetd->import, path, &text, &length);

	if (r == 0)
		read_text(rlinetd, path, text, length);
	return r;
}

/* ---- directories ---- */

/* Whether a name fits an expression; one that is empty fits, one that cannot be compiled is told. */
static bool fits(struct rlinetd *rlinetd, const struct rlinetd_statement *statement, size_t place,
		 const char *name, bool empty)
{
	const char *expression = rlinetd_argument(statement, place);
	regex_t regex;
	bool found;

	if (expression[0] == '\0')
		return empty;
	if (strlen(expression) > 200 || regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0) {
		import_tell(rlinetd->import, statement->where, IMPORT_UNSUPPORTED,
			    "the expression cannot be used; it is left out");
		return empty;
	}
	found = regexec(&regex, name, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

static void read_directory(struct rlinetd *rlinetd, const struct rlinetd_statement *statement)
{
	const char *path = rlinetd_argument(statement, 0), **names;
	int count = rules_list_names(rlinetd->import, path, &names);

	if (count < 0)
		import_tell(rlinetd->import, statement->where,
			    count == -ENOENT ? IMPORT_EXACT : IMPORT_UNSUPPORTED, "%.200s: %s", path,
			    strerror(-count));
	for (int i = 0; i < count; i++) {
		const char *file = import_printf(rlinetd->import, "%s/%s", path, names[i]);

		if (!rules_is_there(path, names[i], S_IFREG, NULL) ||
		    !fits(rlinetd, statement, 1, names[i], true) ||
		    fits(rlinetd, statement, 2, names[i], false))
			continue;
		if (rlinetd->file_count++ >= RLINETD_FILES_MAX || read_file(rlinetd, file) < 0)
			import_tell(rlinetd->import, statement->where, IMPORT_UNSUPPORTED,
				    "%.200s cannot be read", names[i]);
	}
}

/* ---- from outside ---- */

static struct rlinetd *begin(struct import *import)
{
	struct rlinetd *rlinetd = arena_alloc(import_arena(import), sizeof(*rlinetd));
	struct rlinetd_service *defaults = arena_alloc(import_arena(import), sizeof(*defaults));

	if (rlinetd == NULL || defaults == NULL)
		return NULL;
	*defaults = (struct rlinetd_service){ .import = import };
	*rlinetd = (struct rlinetd){ .import = import, .defaults = defaults };
	return rlinetd;
}

void import_rlinetd_text(struct import *import, const char *path, const char *text, size_t length)
{
	struct rlinetd *rlinetd = begin(import);

	if (rlinetd == NULL)
		return;
	read_text(rlinetd, path, text, length);
	for (size_t i = 0; i < rlinetd->directory_count; i++)
		import_tell(import, rlinetd->directories[i]->where, IMPORT_UNSUPPORTED,
			    "a text names no directories");
}

int import_rlinetd(struct import *import, const char *path)
{
	struct rlinetd *rlinetd = begin(import);
	int r = rlinetd != NULL ? read_file(rlinetd, path) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < rlinetd->directory_count; i++)
		read_directory(rlinetd, rlinetd->directories[i]);
	return r;
}

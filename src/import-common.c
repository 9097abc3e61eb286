/* import-common.c - what several importers need to know about this machine and about our own services. */
#include "import-internal.h"

#include "base.h"
#include "suggest.h"

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool import_name_is_special(const char *name)
{
	static const char *const special[] = { "usherd", "defaults", "ports" };

	for (size_t i = 0; i < ELEMENTS(special); i++) {
		size_t length = strlen(special[i]);

		if (strcasecmp(name, special[i]) == 0 || suggest_distance(name, special[i], 1) <= 1 ||
		    (special[i][length - 1] == 's' && strncasecmp(name, special[i], length - 1) == 0 &&
		     name[length - 1] == '\0'))
			return true;
	}
	return false;
}

int import_port(const char *name, const char *protocol)
{
	char *end;
	long number;
	const struct servent *entry;

	if (name[0] >= '0' && name[0] <= '9') {
		number = strtol(name, &end, 10);
		return *end == '\0' && number >= 1 && number <= 65535 ? (int)number : -1;
	}
	entry = getservbyname(name, protocol);
	return entry != NULL ? ntohs((uint16_t)entry->s_port) : -1;
}

bool import_has_user(const char *name)
{
	return getpwnam(name) != NULL;
}

bool import_has_group(const char *name)
{
	return getgrnam(name) != NULL;
}

const char *import_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

bool import_has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

const char *import_internal(const char *name)
{
	static const char *const ours[] = { "echo", "discard", "chargen", "daytime", "time", "qotd" };

	if (strcmp(name, "sink") == 0 || strcmp(name, "null") == 0)
		return "discard";
	if (strcmp(name, "ttytst") == 0 || strcmp(name, "source") == 0)
		return "chargen";
	if (strcmp(name, "quote") == 0)
		return "qotd";
	if (strcmp(name, "timserver") == 0)
		return "time";
	for (size_t i = 0; i < ELEMENTS(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return ours[i];
	return NULL;
}

void import_exec(struct import *import, struct import_service *service, struct import_where where,
		 const char *const *words, size_t count)
{
	if (count == 0 || !import_set_words(service, "exec", words, count)) {
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "no command can be made of this: it is empty, too long for a line, or has control characters; "
			    "write a script and serve that; the service is left out");
		import_drop(service);
		return;
	}
	if (words[0][0] == '/' && access(words[0], X_OK) != 0) {
		import_set(service, "disable", "yes");
		import_tell(import, where, IMPORT_CHANGED,
			    "%s is not here, or not executable, so the service is switched off (disable = yes) until it is",
			    words[0]);
	}
}

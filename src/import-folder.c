/* import-folder.c - what several originals keep in directories: a file for each variable, a name for each rule. */
#include "import-rules.h"

#include "arena.h"
#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define ENTRIES_MAX 5000  /* of a directory */
#define VALUE_MAX   4096  /* bytes of the file of a variable */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int rules_list_names(struct import *import, const char *path, const char ***ret_names)
{
	DIR *directory = opendir(path);
	const char **names = arena_alloc(import_arena(import), (ENTRIES_MAX + 1) * sizeof(*names));
	struct dirent *entry;
	int count = 0;

	if (directory == NULL || names == NULL) {
		if (directory != NULL)
			closedir(directory);
		return directory == NULL ? -errno : -ENOMEM;
	}
	while (count <= ENTRIES_MAX && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			names[count++] = import_keep(import, entry->d_name);
	closedir(directory);
	if (count > ENTRIES_MAX)
		return -E2BIG;
	qsort(names, (size_t)count, sizeof(*names), compare_names);
	*ret_names = names;
	return count;
}

bool rules_is_there(const char *folder, const char *name, mode_t type, mode_t *ret_mode)
{
	_cleanup_free_ char *path = NULL;
	struct stat status;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return false;
	}
	if (stat(path, &status) < 0 || (status.st_mode & S_IFMT) != type)
		return false;
	if (ret_mode != NULL)
		*ret_mode = status.st_mode;
	return true;
}

const char *rules_read_env(struct import *import, const char *env, const char *path)
{
	const char **names = NULL, *text, *more;
	int count = rules_list_names(import, path, &names);
	size_t length;

	for (int i = 0; names != NULL && i < count; i++) {
		const char *file = import_printf(import, "%s/%s", path, names[i]);
		struct import_where where = { .path = file, .line = 1 };
		char *value;

		if (i >= RULES_VARIABLES_MAX || !rules_is_there(path, names[i], S_IFREG, NULL) ||
		    import_read(import, file, &text, &length) < 0 || length > VALUE_MAX) {
			import_tell(import, where, IMPORT_UNSUPPORTED, "the variable cannot be read");
			continue;
		}
		value = arena_strdup(import_arena(import), text);
		if (value == NULL)
			break;
		value[strcspn(value, "\n")] = '\0';
		more = rules_add_variable(import, env, names[i], value);
		env = more != NULL ? more : env;
		import_tell(import, where, more != NULL ? IMPORT_EXACT : IMPORT_UNSUPPORTED, "%s",
			    more != NULL ? "" : "the variable has a name or a value that env does not take");
	}
	return env;
}

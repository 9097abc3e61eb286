/* conf.c - which files are read, and the life of a snapshot. Goes on after an
 * error, so that one run tells them all. */
#include "conf-internal.h"

#include "base.h"
#include "conf-file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files ---- */

int conf_source_add(struct conf_loader *loader, const char *path)
{
	const char *copy = arena_strdup(loader->arena, path);

	if (copy == NULL)
		return -ENOMEM;
	if (loader->source_count == loader->source_room) {
		size_t room = loader->source_room * 2 + 8;
		struct conf_source *sources = reallocarray(loader->sources, room, sizeof(*sources));

		if (sources == NULL)
			return -ENOMEM;
		loader->sources = sources;
		loader->source_room = room;
	}
	loader->sources[loader->source_count++] = (struct conf_source){.path = copy};
	loader->path = copy;
	return 0;
}

/* The file of that device and inode, if it was read before the last one. */
static const struct conf_source *find_source(const struct conf_loader *loader, const struct conf_file *file)
{
	for (size_t i = 0; i + 1 < loader->source_count; i++)
		if (loader->sources[i].inode == file->inode && loader->sources[i].device == file->device)
			return &loader->sources[i];
	return NULL;
}

static int read_file(struct conf_loader *loader, const char *path)
{
	char reason[CONF_FILE_REASON_MAX];
	struct conf_file file;
	int r = conf_source_add(loader, path);

	if (r < 0)
		return r;
	r = conf_file_read(path, loader->environment->check_ownership, &file, reason);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		conf_error_add(loader->errors, loader->path, 0, NULL, "%s", reason);
		return 0;
	}

	_cleanup_free_ char *bytes = file.bytes;
	const struct conf_source *other = find_source(loader, &file);

	if (other != NULL) {
		conf_error_add(loader->errors, loader->path, 0, NULL, "this file is read already, as %s",
			       other->path);
		return 0;
	}
	loader->sources[loader->source_count - 1].device = file.device;
	loader->sources[loader->source_count - 1].inode = file.inode;
	digest_add(&loader->digest, bytes, file.length);
	return conf_section_read(loader, bytes, file.length);
}

/* All *.ini of a directory. One that is not there is an error only when it was
 * asked for. */
static int read_directory(struct conf_loader *loader, const char *directory, bool is_optional)
{
	char **names;
	size_t count;
	int r = conf_file_list(directory, &names, &count);

	if (r == -ENOMEM || (r == -ENOENT && is_optional))
		return r == -ENOMEM ? r : 0;
	if (r < 0) {
		conf_error_add(loader->errors, directory, 0, NULL, "cannot read the directory: %s",
			       strerror(-r));
		return 0;
	}
	for (size_t i = 0; i < count && r == 0; i++) {
		const char *path = arena_printf(loader->scratch, "%s/%s", directory, names[i]);

		r = path != NULL ? read_file(loader, path) : -ENOMEM;
	}
	conf_file_list_free(names, count);
	return r;
}

/* The directory of the main file: "" or with its slash. */
static char *main_directory(struct conf_loader *loader, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_strndup(loader->scratch, path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
}

static int read_includes(struct conf_loader *loader, const char *directory)
{
	struct conf_setting *setting = conf_section_find(loader->daemon, "include");
	char reason[CONF_REASON_MAX];
	struct conf_words words;
	struct stat status;
	int r;

	if (setting == NULL)
		return 0;

	struct conf_input input = {.text = setting->value, .arena = loader->scratch};

	/* What is wrong with it is told when all values are parsed. */
	r = conf_type_paths.parse(&input, &words, reason);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < words.count && r == 0; i++) {
		const char *path = arena_printf(loader->scratch, "%s%s",
						words.items[i][0] == '/' ? "" : directory, words.items[i]);

		if (path == NULL)
			return -ENOMEM;
		if (stat(path, &status) < 0)
			conf_error_at(loader, loader->daemon, "include", setting->line, "%s: %s", path,
				      strerror(errno));
		else
			r = S_ISDIR(status.st_mode) ? read_directory(loader, path, false)
						    : read_file(loader, path);
	}
	return r;
}

static int read_files(struct conf_loader *loader, const char *path)
{
	const char *directory = main_directory(loader, path);
	int r;

	if (directory == NULL)
		return -ENOMEM;
	loader->is_main = true;
	r = read_file(loader, path);
	loader->is_main = false;
	/* Without the main file the rest says little. */
	if (r < 0 || loader->errors->count > 0)
		if (r < 0 || loader->sources[0].inode == 0)
			return r;

	const char *parts = arena_printf(loader->scratch, "%sservices.d", directory);

	if (parts == NULL)
		return -ENOMEM;
	r = read_directory(loader, parts, true);
	return r < 0 ? r : read_includes(loader, directory);
}

/* ---- the snapshot ---- */

void conf_loader_clean(struct conf_loader *loader)
{
	HASH_CLEAR(hh, loader->by_name);
	HASH_CLEAR(hh, loader->access_words);
	HASH_CLEAR(hh, loader->access_by_lists);
	conf_access_files_free(loader->access_files);
	conf_access_free(loader->compiled);
	conf_errors_free(&loader->warnings);
	conf_programs_free(loader->programs);
	identity_cache_free(loader->identities);
	free(loader->sources);
	arena_free(loader->scratch);
	arena_free(loader->arena);
}

int conf_loader_init(struct conf_loader *loader)
{
	loader->arena = arena_new();
	loader->scratch = arena_new();
	digest_begin(&loader->digest);
	if (loader->arena == NULL || loader->scratch == NULL)
		return -ENOMEM;
	loader->identities = identity_cache_new(loader->arena);
	return loader->identities != NULL ? 0 : -ENOMEM;
}

/* What the file says as a whole. */
static void check_emptiness(struct conf_loader *loader, const struct conf *conf)
{
	for (size_t i = 0; i < conf->service_count; i++)
		if (!conf->services[i].disable)
			return;
	if (loader->errors->count > 0)
		return;
	if (conf->service_count > 0) /* on purpose, it seems: the last one may be switched off by a reload, too */
		conf_error_add(&loader->warnings, loader->sources[0].path, 0, NULL,
			       "no service is configured: every one of them says disable = yes");
	else
		conf_error_add(
			loader->errors, loader->sources[0].path, 0, NULL,
			"no service is configured; write a section with listen and exec, or a line in [ports]");
}

/* From what was read to the snapshot, which takes the arena. */
static int finish(struct conf_loader *loader, struct conf **ret_conf)
{
	struct conf_snapshot *snapshot = arena_alloc(loader->arena, sizeof(*snapshot));
	size_t errors_before = loader->errors->left_out;

	if (snapshot == NULL)
		return -ENOMEM;

	int r = conf_merge(loader, &snapshot->conf);

	if (r < 0)
		return r;
	check_emptiness(loader, &snapshot->conf);
	if (loader->errors->count == 0)
		r = loader->errors->left_out > errors_before ? -ENOMEM : 0;
	else
		r = -EINVAL;
	if (r < 0)
		return r;

	conf_errors_sort(&loader->warnings, loader->sources, loader->source_count);
	digest_end(&loader->digest, snapshot->conf.hash);
	snapshot->conf.warnings = loader->warnings;
	snapshot->compiled = loader->compiled;
	snapshot->arena = loader->arena;
	snapshot->references = 1;
	loader->warnings = (struct conf_errors){0};
	loader->compiled = NULL;
	loader->arena = NULL;
	*ret_conf = &snapshot->conf;
	return 0;
}

/* Errors that were listed stay in order whatever happens next. */
int conf_loader_end(struct conf_loader *loader, int r, struct conf **ret_conf)
{
	if (r == 0)
		r = finish(loader, ret_conf);
	conf_errors_sort(loader->errors, loader->sources, loader->source_count);
	return r;
}

int conf_load(const char *path, const struct conf_environment *environment, struct conf **ret_conf,
	      struct conf_errors *errors)
{
	_cleanup_(conf_loader_clean) struct conf_loader loader = {.environment = environment,
								  .errors = errors};
	int r = conf_loader_init(&loader);

	if (r == 0)
		r = read_files(&loader, path);
	return conf_loader_end(&loader, r, ret_conf);
}

int conf_load_bytes(const char *path, const char *bytes, size_t length,
		    const struct conf_environment *environment, struct conf **ret_conf,
		    struct conf_errors *errors)
{
	_cleanup_(conf_loader_clean) struct conf_loader loader = {.environment = environment,
								  .errors = errors};
	int r = conf_loader_init(&loader);

	loader.is_main = true;
	if (r == 0)
		r = conf_source_add(&loader, path);
	digest_add(&loader.digest, bytes, length);
	if (r == 0)
		r = conf_section_read(&loader, bytes, length);
	return conf_loader_end(&loader, r, ret_conf);
}

static struct conf_snapshot *snapshot_of(struct conf *conf)
{
	return container_of(conf, struct conf_snapshot, conf);
}

struct conf *conf_ref(struct conf *conf)
{
	snapshot_of(conf)->references++;
	return conf;
}

void conf_unref(struct conf *conf)
{
	if (conf == NULL || --snapshot_of(conf)->references > 0)
		return;
	conf_access_free(snapshot_of(conf)->compiled);
	conf_errors_free(&conf->warnings);
	/* The snapshot lies in its own arena. */
	arena_free(snapshot_of(conf)->arena);
}

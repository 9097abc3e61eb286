/* conf-type-text.c - texts, paths, names, and where lines go. */
#include "conf-type.h"

#include "base.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>

int conf_type_refuse(char reason[static CONF_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CONF_REASON_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ---- texts ---- */

static int keep(const struct conf_input *input, const char *text, void *field)
{
	const char *copy = arena_strdup(input->arena, text);

	if (copy == NULL)
		return -ENOMEM;
	*(const char **)field = copy;
	return 0;
}

static int parse_text(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	(void)reason;
	return keep(input, input->text, field);
}

static void print_text(const void *field, FILE *out)
{
	fputs(*(const char *const *)field, out);
}

const struct conf_type conf_type_text = {
	.name = "text",
	.explanation = "any text to the end of the line",
	.parse = parse_text,
	.print = print_text,
};

int conf_type_check_path(const char *path, char reason[static CONF_REASON_MAX])
{
	if (path[0] == '\0')
		return conf_type_refuse(reason, "a path is missing");
	if (path[0] != '/')
		return conf_type_refuse(reason, "'%.200s' is not an absolute path; it must begin with /",
					path);
	if (strlen(path) >= PATH_MAX)
		return conf_type_refuse(reason, "the path is too long: %zu bytes, at most %d", strlen(path),
					PATH_MAX - 1);
	return 0;
}

static int parse_path(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int r = conf_type_check_path(input->text, reason);

	return r < 0 ? r : keep(input, input->text, field);
}

const struct conf_type conf_type_path = {
	.name = "path",
	.explanation = "an absolute path",
	.parse = parse_path,
	.print = print_text,
};

static const char *const none_choices[] = {"none", NULL};

static int parse_path_or_none(const struct conf_input *input, void *field,
			      char reason[static CONF_REASON_MAX])
{
	if (strcmp(input->text, "none") != 0)
		return parse_path(input, field, reason);
	*(const char **)field = NULL;
	return 0;
}

static void print_path_or_none(const void *field, FILE *out)
{
	const char *path = *(const char *const *)field;

	fputs(path != NULL ? path : "none", out);
}

const struct conf_type conf_type_path_or_none = {
	.name = "path or none",
	.explanation = "an absolute path, or none",
	.parse = parse_path_or_none,
	.print = print_path_or_none,
	.choices = none_choices,
};

static const char *const place_choices[] = {"auto", "none", NULL};

static int parse_place(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	for (size_t i = 0; place_choices[i] != NULL; i++)
		if (strcmp(input->text, place_choices[i]) == 0)
			return keep(input, input->text, field);
	return parse_path(input, field, reason);
}

const struct conf_type conf_type_place = {
	.name = "path",
	.explanation = "an absolute path, auto or none",
	.parse = parse_place,
	.print = print_text,
	.choices = place_choices,
};

static const char *const any_choices[] = {"any", NULL};

/* As the kernel names them: short, no slash, no blank. Whether it exists is seen
 * when the socket is opened, and may change. */
static int parse_interface(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	const char *name = input->text;

	if (strcmp(name, "any") == 0) {
		*(const char **)field = NULL;
		return 0;
	}
	if (name[0] == '\0' || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/: \t") != NULL)
		return conf_type_refuse(reason, "'%.80s' is not the name of a network interface", name);
	return keep(input, name, field);
}

static void print_interface(const void *field, FILE *out)
{
	const char *name = *(const char *const *)field;

	fputs(name != NULL ? name : "any", out);
}

const struct conf_type conf_type_interface = {
	.name = "interface",
	.explanation = "the name of a network interface, or any",
	.parse = parse_interface,
	.print = print_interface,
	.choices = any_choices,
};

/* ---- users and groups ---- */

static const char *const auto_choices[] = {"auto", NULL};

/* Looked up with its group, later; only what could never be a name is refused here. */
static int parse_name(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	if (input->text[0] == '\0')
		return conf_type_refuse(reason, "a name is missing; leave the key out for its default");
	if (strpbrk(input->text, " \t,:") != NULL)
		return conf_type_refuse(reason, "'%.80s' is not one name", input->text);
	return keep(input, input->text, field);
}

const struct conf_type conf_type_name = {
	.name = "name or number",
	.explanation = "a name or a decimal number, or auto",
	.parse = parse_name,
	.print = print_text,
	.choices = auto_choices,
};

static int parse_uid(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	uid_t uid = (uid_t)-1;
	int r = 0;

	if (strcmp(input->text, "auto") != 0)
		r = identity_user(input->identities, input->text, &uid, reason);
	if (r == 0)
		*(uid_t *)field = uid;
	return r;
}

static void print_id(const void *field, FILE *out)
{
	static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t),
		      "identities are 32 bits");
	uint32_t id = *(const uint32_t *)field;

	if (id == UINT32_MAX)
		fputs("auto", out);
	else
		fprintf(out, "%u", id);
}

const struct conf_type conf_type_uid = {
	.name = "name or number",
	.explanation = "a user by name or decimal number, or auto",
	.parse = parse_uid,
	.print = print_id,
	.choices = auto_choices,
};

static int parse_gid(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	gid_t gid = (gid_t)-1;
	int r = 0;

	if (strcmp(input->text, "auto") != 0)
		r = identity_group(input->identities, input->text, &gid, reason);
	if (r == 0)
		*(gid_t *)field = gid;
	return r;
}

const struct conf_type conf_type_gid = {
	.name = "name or number",
	.explanation = "a group by name or decimal number, or auto",
	.parse = parse_gid,
	.print = print_id,
	.choices = auto_choices,
};

static int parse_gid_or_none(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	gid_t gid = (gid_t)-1;
	int r = 0;

	if (strcmp(input->text, "none") != 0)
		r = identity_group(input->identities, input->text, &gid, reason);
	if (r == 0)
		*(gid_t *)field = gid;
	return r;
}

static void print_gid_or_none(const void *field, FILE *out)
{
	if (*(const gid_t *)field == (gid_t)-1)
		fputs("none", out);
	else
		print_id(field, out);
}

const struct conf_type conf_type_gid_or_none = {
	.name = "name or number",
	.explanation = "a group by name or decimal number, or none",
	.parse = parse_gid_or_none,
	.print = print_gid_or_none,
	.choices = none_choices,
};

/* ---- where lines go ---- */

/* `file:PATH` or one of the choices, of which `file:` is the last. Returns the
 * choice, -EINVAL with a reason, or -ENOMEM. */
static int parse_target(const struct conf_input *input, const char *const *names, const char **ret_path,
			char reason[static CONF_REASON_MAX])
{
	if (strncmp(input->text, "file:", 5) == 0) {
		const char *path = input->text + 5;
		int r = conf_type_check_path(path, reason);

		if (r == 0)
			r = keep(input, path, ret_path);
		if (r < 0)
			return r;

		int choice = 0;

		while (strcmp(names[choice], "file:PATH") != 0)
			choice++;
		return choice;
	}

	int choice = conf_type_choose(input->text, names, reason);

	if (choice >= 0 && strcmp(names[choice], "file:PATH") == 0)
		return conf_type_refuse(reason, "write file: and an absolute path");
	*ret_path = NULL;
	return choice;
}

static void print_target(const char *name, const char *path, FILE *out)
{
	if (path != NULL)
		fprintf(out, "file:%s", path);
	else
		fputs(name, out);
}

static const char *const stderr_choices[] = {
	[CONF_STDERR_LOG] = "log",
	[CONF_STDERR_SOCKET] = "socket",
	[CONF_STDERR_NULL] = "null",
	[CONF_STDERR_FILE] = "file:PATH",
	NULL,
};

static int parse_stderr(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_stderr_target target = {0};
	int choice = parse_target(input, stderr_choices, &target.path, reason);

	if (choice < 0)
		return choice;
	target.kind = (enum conf_stderr)choice;
	*(struct conf_stderr_target *)field = target;
	return 0;
}

static void print_stderr(const void *field, FILE *out)
{
	const struct conf_stderr_target *target = field;

	print_target(stderr_choices[target->kind], target->path, out);
}

const struct conf_type conf_type_stderr = {
	.name = "choice",
	.explanation = "log, socket, null or file:PATH",
	.parse = parse_stderr,
	.print = print_stderr,
	.choices = stderr_choices,
};

static const char *const log_choices[] = {
	[CONF_LOG_STDERR] = "stderr",
	[CONF_LOG_SYSLOG] = "syslog",
	[CONF_LOG_FILE] = "file:PATH",
	NULL,
};

static int parse_log(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_log_target target = {0};
	int choice = parse_target(input, log_choices, &target.path, reason);

	if (choice < 0)
		return choice;
	target.kind = (enum conf_log)choice;
	*(struct conf_log_target *)field = target;
	return 0;
}

static void print_log(const void *field, FILE *out)
{
	const struct conf_log_target *target = field;

	print_target(log_choices[target->kind], target->path, out);
}

const struct conf_type conf_type_log = {
	.name = "choice",
	.explanation = "stderr, syslog or file:PATH",
	.parse = parse_log,
	.print = print_log,
	.choices = log_choices,
};

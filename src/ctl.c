/* ctl.c - usherctl: asks a running usherd over its control socket. Here is main(): what is known of
 * the terminal, and that nothing that was printed gets lost unnoticed. */
#include "base.h"
#include "ctl-format.h"
#include "ctl-import.h"
#include "ctl-options.h"
#include "ctl-run.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

static void look_at_terminal(struct ctl_options *options)
{
	const char *terminal = getenv("TERM");
	struct winsize size;

	options->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!isatty(STDOUT_FILENO))
		return;
	options->color = !is_set("NO_COLOR") && terminal != NULL && strcmp(terminal, "dumb") != 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		options->columns = size.ws_col;
}

int main(int argc, char **argv)
{
	struct ctl_options options;
	char reason[CTL_USAGE_MAX];
	int status;

	/* Characters only: numbers are written the same everywhere. */
	setlocale(LC_CTYPE, "");
	/* They ask no daemon, and have words of their own. */
	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return ctl_import(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "export") == 0)
		return ctl_export(argc - 1, argv + 1);
	if (ctl_options_parse(argc, argv, &options, reason) < 0)
		return ctl_fail(-EINVAL, reason);
	look_at_terminal(&options);
	status = ctl_run(&options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "usherctl: standard output: %s\n", strerror(errno));
		return status != EXIT_SUCCESS ? status : EX_IOERR;
	}
	return status;
}

/* ctl-run.c - asks, shows the answer, and says how it went. */
#include "ctl-run.h"

#include "base.h"
#include "ctl-client.h"
#include "ctl-completion.h"
#include "ctl-format.h"
#include "ctl-help.h"
#include "ctl-metrics.h"
#include "ctl-top.h"
#include "ctl-view.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

/* ---- exit statuses ---- */

int ctl_status_of_error(int error)
{
	switch (error) {
	case 0:
		return EXIT_SUCCESS;
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
	case -ENOTCONN:
		return EX_UNAVAILABLE;
	case -ETIMEDOUT:
		return EX_TEMPFAIL;
	case -EACCES:
	case -EPERM:
		return EX_NOPERM;
	case -EPROTO:
	case -EMSGSIZE:
		return EX_PROTOCOL;
	case -EINVAL:
	case -E2BIG:
	case -ENAMETOOLONG:
		return EX_USAGE;
	default:
		return EX_OSERR;
	}
}

int ctl_status_of_reply(const struct ctl_options *options, const json_t *reply)
{
	static const struct {
		const char *code;
		int status;
	} codes[] = {
		{ "usage", EX_USAGE },   { "denied", EX_NOPERM },     { "unknown", EX_DATAERR },
		{ "config", EX_CONFIG }, { "refused", EXIT_FAILURE }, { "failed", EXIT_FAILURE },
		{ "busy", EX_TEMPFAIL },
	};
	const char *verdict;

	if (ctl_is_ok(reply)) {
		verdict = ctl_text(reply, "verdict");
		if (options->verb != CONTROL_VERB_EXPLAIN ||
		    (verdict != NULL && strcmp(verdict, "admit") == 0))
			return EXIT_SUCCESS;
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < ELEMENTS(codes); i++)
		if (strcmp(ctl_code(reply), codes[i].code) == 0)
			return codes[i].status;
	return EXIT_FAILURE;
}

int ctl_fail(int error, const char *reason)
{
	_cleanup_free_ char *safe = ctl_format_safe(reason, false);

	fprintf(stderr, "usherctl: %s\n", safe != NULL ? safe : strerror(ENOMEM));
	return ctl_status_of_error(error);
}

/* ---- output ---- */

void ctl_print_json(const char *text, size_t length)
{
	size_t begin = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i], next = (unsigned char)text[i + 1];
		bool control = byte == 0xc2 && next < 0xa0;

		/* Outside of strings a carriage return or a tab is a blank. */
		if (byte >= ' ' && byte != 0x7f && !control)
			continue;
		fwrite(text + begin, 1, i - begin, stdout);
		if (byte < ' ')
			fputc(' ', stdout);
		else
			printf("\\u00%02x", control ? next : byte);
		i += control;
		begin = i + 1;
	}
	fwrite(text + begin, 1, length - begin, stdout);
	fputc('\n', stdout);
}

static void show(const struct ctl_options *options, const json_t *reply, const char *text, size_t length)
{
	if (options->json)
		ctl_print_json(text, length);
	else if (!ctl_is_ok(reply))
		ctl_view_failure(options, reply, stderr);
	else if (options->verb == CONTROL_VERB_METRICS)
		ctl_metrics_print(reply, stdout);
	else
		ctl_view(options, reply, stdout, stderr);
}

/* ---- what there is to do ---- */

static int ask(const struct ctl_options *options)
{
	const char *words[CTL_WORDS_MAX];
	char memory[CTL_MEMORY_MAX], reason[CTL_REASON_MAX];
	_cleanup_fd_ int daemon_fd = options->wait ? ctl_open_daemon(options) : -1;
	_cleanup_free_ char *text = NULL;
	size_t length = 0, count = ctl_options_request(options, words, memory);
	json_t *reply;
	int status, r = ctl_ask_text(options->path, words, count, options->timeout_ms, &reply, &text, &length,
				     reason);

	if (r < 0)
		return ctl_fail(r, reason);
	show(options, reply, text, length);
	status = ctl_status_of_reply(options, reply);
	if (status == EXIT_SUCCESS && options->wait)
		status = ctl_wait_for_end(options, daemon_fd);
	json_decref(reply);
	return status;
}

/* Without a daemon, too, usherctl has a version. */
static int show_version(const struct ctl_options *options)
{
	int status = ask(options);

	if (status != EXIT_SUCCESS && !options->json)
		puts("usherctl " PACKAGE_VERSION);
	return status;
}

static int run_verb(const struct ctl_options *options)
{
	if (options->verb == CONTROL_VERB_TOP)
		return ctl_top(options);
	if (options->verb == CONTROL_VERB_TAIL)
		return ctl_tail(options);
	if (options->verb == CONTROL_VERB_VERSION)
		return show_version(options);
	return ask(options);
}

int ctl_run(const struct ctl_options *options)
{
	switch (options->action) {
	case CTL_ASK:
		return run_verb(options);
	case CTL_HELP:
		if (options->verb == CONTROL_VERBS)
			ctl_help_all(stdout);
		else
			ctl_help_verb(options->verb, stdout);
		return EXIT_SUCCESS;
	case CTL_VERSION:
		puts("usherctl " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case CTL_COMPLETION:
		return ctl_completion(options, stdout);
	}
	return EX_USAGE;
}

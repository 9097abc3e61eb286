/* conf-print.c - -T: a snapshot as a file. */
#include "conf-internal.h"

#include "base.h"

#include <string.h>

static void print_key(const struct conf_key *key, const void *base, FILE *out)
{
	fprintf(out, "%-17s = ", key->name);
	key->type->print((const char *)base + key->offset, out);
	fputc('\n', out);
}

/* A setting that would say nothing. */
static bool is_worth_it(const struct conf_key *key, const struct conf_service *service)
{
	if (key->type == &conf_type_text)
		return ((const char *const *)(const void *)((const char *)service + key->offset))[0][0] !=
		       '\0';
	if (service->wait && !conf_agree_waits(key->name))
		return false;
	return conf_key_applies(key, &service->listen);
}

/* A file may be called anything; in a comment that must not end the line. */
static void print_plain(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

void conf_print(const struct conf *conf, FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	fputs("[usherd]\n", out);
	for (size_t i = 0; i < count; i++) {
		/* What was included stands below. */
		if (keys[i].name != NULL && keys[i].scope == CONF_SCOPE_DAEMON &&
		    strcmp(keys[i].name, "include") != 0)
			print_key(&keys[i], &conf->daemon, out);
	}
	for (size_t j = 0; j < conf->service_count; j++) {
		const struct conf_service *service = &conf->services[j];

		fputs("\n; ", out);
		print_plain(service->where.path, out);
		fprintf(out, ":%u\n[%s]\n", service->where.line, service->name);
		for (size_t i = 0; i < count; i++)
			if (keys[i].name != NULL && keys[i].scope == CONF_SCOPE_SERVICE &&
			    is_worth_it(&keys[i], service))
				print_key(&keys[i], service, out);
	}
}

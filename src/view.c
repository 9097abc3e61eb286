/* view.c - plain values as JSON. */
#include "view.h"

#include "base.h"

#include <string.h>
#include <time.h>

json_t *view_seconds(uint64_t ns)
{
	return json_real((double)ns / (double)NS_PER_S);
}

json_t *view_point_in_time(int64_t wall_s)
{
	time_t seconds = (time_t)wall_s;
	char text[32];
	struct tm calendar;

	if (wall_s == 0 || gmtime_r(&seconds, &calendar) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &calendar) == 0)
		return json_null();
	return json_string(text);
}

json_t *view_text(const char *text)
{
	json_t *value;
	char *plain;

	if (text == NULL)
		return json_null();
	value = json_string(text);
	if (value != NULL)
		return value;
	plain = strdup(text);
	if (plain == NULL)
		return NULL;
	for (char *byte = plain; *byte != '\0'; byte++)
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	value = json_string(plain);
	free(plain);
	return value;
}

json_t *view_where(const struct conf_where *where)
{
	if (where->path == NULL)
		return json_null();
	return json_pack("{s:o, s:i}", "path", view_text(where->path), "line", (int)where->line);
}

/* daemon-status.c - how the daemon is, as JSON: the object DAEMON of usherctl(8). */
#include "daemon-internal.h"

#include "base.h"
#include "clock.h"
#include "view.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The kernel tells in the size of the folder (Linux 6.2); before that its entries are counted. */
static size_t open_descriptors(void)
{
	struct stat status;
	size_t count = 0;
	DIR *folder;

	if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
		return (size_t)status.st_size;
	folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count > 3 ? count - 3 : 0; /* ".", "..", and the folder itself */
}

static uint64_t resident_bytes(void)
{
	_cleanup_fd_ int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long long pages = 0;
	char text[128] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static json_t *descriptors(void)
{
	struct rlimit limit = { .rlim_cur = 0 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return json_pack("{s:I, s:I}", "open", (json_int_t)open_descriptors(), "limit",
			 (json_int_t)limit.rlim_cur);
}

static json_t *last_reload(const struct daemon_reload *last)
{
	if (last->wall_s == 0)
		return json_null();
	return json_pack("{s:o, s:b, s:o, s:I}", "at", view_point_in_time(last->wall_s), "ok", last->ok,
			 "message", view_text(last->message), "errors", (json_int_t)last->errors);
}

static json_t *loop(const struct loop *loop)
{
	struct loop_statistics statistics = loop_statistics(loop);

	return json_pack("{s:I, s:o, s:o, s:o}", "rounds", (json_int_t)statistics.rounds, "busy_seconds",
			 view_seconds(statistics.busy_ns), "lag_seconds", view_seconds(statistics.recent_ns),
			 "longest_seconds", view_seconds(statistics.longest_ns));
}

static json_t *log_state(const struct log *log)
{
	return json_pack("{s:s, s:I}", "level", daemon_log_level_name(log_level(log)), "dropped",
			 (json_int_t)log_dropped(log));
}

json_t *daemon_status(struct daemon *daemon)
{
	json_t *object = json_pack(
		"{s:s, s:i, s:s, s:o, s:o, s:i, s:i, s:{s:o, s:o}, s:o}", "version", PACKAGE_VERSION, "pid",
		(int)getpid(), "state", daemon->draining ? "draining" : "serving", "started_at",
		view_point_in_time(daemon->started_wall_s), "uptime_seconds",
		view_seconds(clock_now_ns() - daemon->started_ns), "upgrades", (int)daemon->upgrades,
		"generation", (int)service_set_generation(daemon->set), "config", "path",
		view_text(daemon->source.path), "hash", view_text(daemon->conf->hash), "last_reload",
		last_reload(&daemon->last_reload));

	if (object == NULL)
		return NULL;
	(void)view_totals(daemon->set, object);
	json_object_set_new(object, "loop", loop(daemon->loop));
	json_object_set_new(object, "log", log_state(daemon->log));
	json_object_set_new(object, "memory", json_pack("{s:I}", "rss_bytes", (json_int_t)resident_bytes()));
	json_object_set_new(object, "descriptors", descriptors());
	json_object_set_new(
		object, "control",
		json_pack("{s:I}", "clients",
			  (json_int_t)(daemon->control != NULL ? control_client_count(daemon->control) : 0)));
	return object;
}

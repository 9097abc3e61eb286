/* state-write.c - the writer of state.h. Lines are printed, not built as objects: there may be
 * a hundred thousand, and every field is a number or a text. */
#include "state.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#define BUFFER_SIZE 65536

struct state_writer {
	FILE *file;
	char *buffer;
	uint64_t records;
	int *fds;
	size_t fd_count, fd_room;
	int error; /* the first one, -errno */
};

int state_writer_new(const char *version, struct state_writer **ret_writer)
{
	struct state_writer *writer = calloc(1, sizeof(*writer));
	_cleanup_fd_ int fd = memfd_create("usherd-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = writer == NULL ? -ENOMEM : fd < 0 ? -errno : 0;

	if (r == 0) {
		writer->file = fdopen(fd, "w");
		writer->buffer = malloc(BUFFER_SIZE);
		if (writer->file == NULL || writer->buffer == NULL)
			r = -ENOMEM;
	}
	if (r == 0) {
		fd = -1; /* the stream has it */
		setvbuf(writer->file, writer->buffer, _IOFBF, BUFFER_SIZE);
		fprintf(writer->file, "usherd-state %d %s\n", STATE_FORMAT, version);
		*ret_writer = writer;
		return 0;
	}
	if (writer != NULL && writer->file != NULL)
		fd = -1;
	state_writer_free(writer);
	return r;
}

void state_writer_free(struct state_writer *writer)
{
	if (writer == NULL)
		return;
	cleanup_file(&writer->file);
	free(writer->buffer);
	free(writer->fds);
	free(writer);
}

void state_begin(struct state_writer *writer, const char *kind)
{
	fprintf(writer->file, "{\"record\":\"%s\"", kind);
}

void state_end(struct state_writer *writer)
{
	fputs("}\n", writer->file);
	writer->records++;
}

static void put_name(struct state_writer *writer, const char *key)
{
	fputs_unlocked(",\"", writer->file);
	fputs_unlocked(key, writer->file);
	fputs_unlocked("\":", writer->file);
}

/* By hand: there are hundreds of thousands, and the daemon serves nobody meanwhile. */
static void put_value(struct state_writer *writer, uint64_t number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	if (number > INT64_MAX)
		number = INT64_MAX;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	fputs_unlocked(at, writer->file);
}

static void put_quoted(struct state_writer *writer, const unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	FILE *file = writer->file;

	putc_unlocked('"', file);
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\') {
			putc_unlocked(bytes[i], file);
			continue;
		}
		fputs_unlocked("\\u00", file);
		putc_unlocked(digits[bytes[i] >> 4], file);
		putc_unlocked(digits[bytes[i] & 15], file);
	}
	putc_unlocked('"', file);
}

void state_put_number(struct state_writer *writer, const char *key, uint64_t number)
{
	if (number == 0)
		return;
	put_name(writer, key);
	put_value(writer, number);
}

void state_put_signed(struct state_writer *writer, const char *key, int64_t number)
{
	if (number == 0)
		return;
	put_name(writer, key);
	fprintf(writer->file, "%" PRId64, number);
}

void state_put_flag(struct state_writer *writer, const char *key, bool flag)
{
	if (!flag)
		return;
	put_name(writer, key);
	fputs_unlocked("true", writer->file);
}

void state_put_bytes(struct state_writer *writer, const char *key, const void *bytes, size_t length)
{
	put_name(writer, key);
	put_quoted(writer, bytes, length);
}

void state_put_text(struct state_writer *writer, const char *key, const char *text)
{
	if (text != NULL)
		state_put_bytes(writer, key, text, strlen(text));
}

void state_put_peer(struct state_writer *writer, const char *key, const struct peer *peer)
{
	if (peer->family == PEER_NONE)
		return;
	put_name(writer, key);
	fprintf(writer->file, "[%d,%u,%" PRIu32 ",", (int)peer->family, peer->port, peer->scope);
	put_quoted(writer, peer->ip, sizeof(peer->ip));
	putc_unlocked(']', writer->file);
}

void state_put_key(struct state_writer *writer, const char *key, const struct peer_key *peer)
{
	put_name(writer, key);
	fprintf(writer->file, "[%u,", peer->family);
	put_quoted(writer, peer->bytes, sizeof(peer->bytes));
	putc_unlocked(']', writer->file);
}

void state_put_fd(struct state_writer *writer, const char *key, int fd)
{
	if (fd < 0)
		return;
	if (writer->fd_count == writer->fd_room) {
		size_t room = writer->fd_room * 2 + 64;
		int *fds = reallocarray(writer->fds, room, sizeof(*fds));

		if (fds == NULL) {
			writer->error = -ENOMEM;
			return;
		}
		writer->fds = fds;
		writer->fd_room = room;
	}
	writer->fds[writer->fd_count++] = fd;
	state_put_number(writer, key, (uint64_t)fd);
}

void state_put_numbers(struct state_writer *writer, const char *key, const uint64_t *numbers, size_t count)
{
	while (count > 0 && numbers[count - 1] == 0)
		count--;
	if (count == 0)
		return;
	put_name(writer, key);
	for (size_t i = 0; i < count; i++) {
		putc_unlocked(i == 0 ? '[' : ',', writer->file);
		put_value(writer, numbers[i]);
	}
	putc_unlocked(']', writer->file);
}

void state_put_counts(struct state_writer *writer, const char *key, const uint64_t *counts, size_t count,
		      state_name *name)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (counts[i] == 0)
			continue;
		if (!any)
			put_name(writer, key);
		fputs_unlocked(any ? ",\"" : "{\"", writer->file);
		fputs_unlocked(name(i), writer->file);
		fputs_unlocked("\":", writer->file);
		put_value(writer, counts[i]);
		any = true;
	}
	if (any)
		putc_unlocked('}', writer->file);
}

const int *state_written_fds(const struct state_writer *writer, size_t *ret_count)
{
	*ret_count = writer->fd_count;
	return writer->fds;
}

static void put_end(struct state_writer *writer)
{
	state_begin(writer, "descriptors");
	put_name(writer, "numbers");
	putc_unlocked('[', writer->file);
	for (size_t i = 0; i < writer->fd_count; i++)
		fprintf(writer->file, "%s%d", i == 0 ? "" : ",", writer->fds[i]);
	putc_unlocked(']', writer->file);
	state_end(writer);

	uint64_t count = writer->records;

	state_begin(writer, "end");
	state_put_number(writer, "count", count);
	state_end(writer);
}

int state_finish(struct state_writer *writer, int *ret_fd)
{
	_cleanup_fd_ int fd = -1;

	put_end(writer);
	if (writer->error != 0)
		return writer->error;
	if (fflush(writer->file) != 0 || ferror(writer->file))
		return errno != 0 ? -errno : -EIO;
	fd = fcntl(fileno(writer->file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return -errno;
	fclose(writer->file);
	writer->file = NULL;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

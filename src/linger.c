/* linger.c - the pool of sockets that wait for their clients to end.
 *
 * Each entry is watched for input, which is thrown away, and has one timer that looks from time to
 * time whether the client took more of the reply: that moves the end of its wait. What is in the pool costs
 * a descriptor, an entry and a timer each; there is no process any more.
 *
 * Entries are in blocks that never move, since the loop keeps pointers into them. What was never used
 * of a block is never touched: a large pool that stays small costs no memory.
 *
 * It never resets a connection by itself, and never waits in close(2). */
#include "linger.h"

#include "base.h"
#include "clock.h"
#include "connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LOOKS         4 /* in the time of silence */
#define LOOK_LEAST_NS (50 * NS_PER_MS)

struct entry {
	struct linger_pool *pool;
	struct entry *older, *newer; /* in the order of their begin; `newer` chains free ones, too */
	struct loop_source source;
	struct loop_timer timer;
	uint64_t silence_ns;
	uint64_t deadline_ns;
	uint64_t unsent; /* when it was looked at last; when 0, the deadline stays */
};

struct block {
	struct block *next;
	size_t count, touched;
	struct entry entries[];
};

struct linger_pool {
	struct loop *loop;
	void (*emptied)(void *context);
	void *context;
	struct block *blocks;
	struct entry *free;
	struct entry *oldest, *newest;
	size_t most, count;
};

/* ---- memory ---- */

int linger_pool_reserve(struct linger_pool *pool, size_t most)
{
	struct block *block;
	size_t size;

	if (most <= pool->most)
		return 0;
	if (__builtin_mul_overflow(most - pool->most, sizeof(struct entry), &size) ||
	    __builtin_add_overflow(size, sizeof(struct block), &size))
		return -ENOMEM;
	block = calloc(1, size);
	if (block == NULL)
		return -ENOMEM;
	block->count = most - pool->most;
	block->next = pool->blocks;
	pool->blocks = block;
	pool->most = most;
	return 0;
}

int linger_pool_new(struct loop *loop, size_t most, void (*emptied)(void *context), void *context,
		    struct linger_pool **ret_pool)
{
	struct linger_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->loop = loop;
	pool->emptied = emptied;
	pool->context = context;
	if (linger_pool_reserve(pool, most) != 0) {
		free(pool);
		return -ENOMEM;
	}
	*ret_pool = pool;
	return 0;
}

/* There is room: one that was used before, else a new one. */
static struct entry *take_entry(struct linger_pool *pool)
{
	struct entry *entry = pool->free;

	if (entry != NULL) {
		pool->free = entry->newer;
		return entry;
	}
	for (struct block *block = pool->blocks; block != NULL; block = block->next)
		if (block->touched < block->count)
			return &block->entries[block->touched++];
	BUG("more sockets linger than there is room for");
}

/* ---- closing ---- */

/* A service may have set SO_LINGER upon the socket that it shared with us, and then close(2) would wait
 * for its client, with the whole daemon: that is taken back. What asks for a reset (0 seconds) does not
 * wait, and stays; returns whether it is so. */
static bool disarm_close(int fd)
{
	static const struct linger off = { .l_onoff = 0 };
	struct linger option = { .l_onoff = 0 };
	socklen_t length = sizeof(option);

	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &option, &length) != 0 || option.l_onoff == 0)
		return false;
	if (option.l_linger == 0)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	return false;
}

static void close_socket(int fd)
{
	(void)disarm_close(fd);
	close(fd);
}

/* Takes an entry out and closes its socket; does not tell that the pool is empty. */
static void drop(struct entry *entry)
{
	struct linger_pool *pool = entry->pool;
	int fd = entry->source.fd;

	loop_remove(pool->loop, &entry->source);
	loop_disarm(pool->loop, &entry->timer);
	close_socket(fd);

	*(entry->older != NULL ? &entry->older->newer : &pool->oldest) = entry->newer;
	*(entry->newer != NULL ? &entry->newer->older : &pool->newest) = entry->older;
	entry->newer = pool->free;
	pool->free = entry;
	pool->count--;
}

/* The last thing in each callback, since `emptied` may free the pool. */
static void finish(struct entry *entry)
{
	struct linger_pool *pool = entry->pool;

	drop(entry);
	if (pool->count == 0 && pool->emptied != NULL)
		pool->emptied(pool->context);
}

static void drop_all(struct linger_pool *pool)
{
	while (pool->oldest != NULL)
		drop(pool->oldest);
}

void linger_close_all(struct linger_pool *pool)
{
	if (pool->oldest == NULL)
		return;
	drop_all(pool);
	if (pool->emptied != NULL)
		pool->emptied(pool->context);
}

void linger_pool_free(struct linger_pool *pool)
{
	if (pool == NULL)
		return;
	drop_all(pool);
	for (struct block *block = pool->blocks, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(pool);
}

/* ---- waiting ---- */

static int arm(struct entry *entry, uint64_t now_ns)
{
	uint64_t step_ns = entry->silence_ns / LOOKS;

	if (step_ns < LOOK_LEAST_NS)
		step_ns = LOOK_LEAST_NS;
	if (step_ns > entry->deadline_ns - now_ns)
		step_ns = entry->deadline_ns - now_ns;
	return loop_arm(entry->pool->loop, &entry->timer, now_ns + step_ns);
}

static void input_ready(struct loop_source *source, uint32_t events)
{
	struct entry *entry = container_of(source, struct entry, source);

	if (connection_discard(source->fd) <= 0) {
		finish(entry);
		return;
	}
	/* What is not answered by taking input would come for ever: the error queue of a service that asked
	 * for times or zero-copy sends. From here on the timer finds what comes. */
	if ((events & EPOLLERR) != 0)
		loop_remove(entry->pool->loop, source);
}

static void look_expired(struct loop_timer *timer)
{
	struct entry *entry = container_of(timer, struct entry, timer);
	uint64_t now_ns = clock_now_ns();

	/* Also input that is not reported: below the SO_RCVLOWAT of the service, or urgent. */
	if (connection_discard(entry->source.fd) <= 0) {
		finish(entry);
		return;
	}
	if (entry->unsent > 0) {
		uint64_t unsent = connection_unsent(entry->source.fd);

		if (unsent < entry->unsent)
			entry->deadline_ns = now_ns + entry->silence_ns;
		entry->unsent = unsent;
	}
	if (now_ns >= entry->deadline_ns || arm(entry, now_ns) != 0)
		finish(entry);
}

/* One more at the end; not watched yet. */
static struct entry *add(struct linger_pool *pool, int fd, uint64_t silence_ns, uint64_t deadline_ns)
{
	struct entry *entry;

	if (pool->count == pool->most)
		drop(pool->oldest);
	entry = take_entry(pool);
	*entry = (struct entry){
		.pool = pool,
		.older = pool->newest,
		.source = { .fd = fd, .ready = input_ready, .set = LOOP_WORK },
		.timer = { .expired = look_expired },
		.silence_ns = silence_ns,
		.deadline_ns = deadline_ns,
		.unsent = connection_unsent(fd),
	};
	*(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = entry;
	pool->newest = entry;
	pool->count++;
	return entry;
}

static void put(struct linger_pool *pool, int fd, uint64_t silence_ns)
{
	bool was_empty = pool->count == 0;
	uint64_t now_ns = clock_now_ns();
	struct entry *entry =
		add(pool, fd, silence_ns,
		    silence_ns < UINT64_MAX - now_ns ? now_ns + silence_ns : UINT64_MAX);

	/* Without a watch or a timer it would stay for ever. */
	if (loop_add(pool->loop, &entry->source, EPOLLIN | EPOLLRDHUP) == 0 && arm(entry, now_ns) == 0)
		return;
	if (was_empty)
		drop(entry); /* nobody waits for the end of what never began */
	else
		finish(entry);
}

void linger_close(struct linger_pool *pool, int fd, uint64_t silence_ns)
{
	/* When the client has ended its side and all of its input is taken, close(2) does not reset: the
	 * kernel goes on to deliver what is under way, the end included, and nothing can come any more
	 * that it would reset for. So the wait is for the client's end only, never for the reply. */
	bool resets = disarm_close(fd);

	if (silence_ns == 0 || pool->most == 0 || resets || connection_discard(fd) <= 0 ||
	    shutdown(fd, SHUT_WR) != 0)
		close(fd);
	else
		put(pool, fd, silence_ns);
}

/* ---- from one program to the next ---- */

void linger_save(const struct linger_pool *pool, const char *kind, struct state_writer *writer)
{
	for (const struct entry *entry = pool->oldest; entry != NULL; entry = entry->newer) {
		state_begin(writer, kind);
		state_put_fd(writer, "socket", entry->source.fd);
		state_put_number(writer, "silence_ns", entry->silence_ns);
		state_put_number(writer, "deadline_ns", entry->deadline_ns);
		state_end(writer);
	}
}

int linger_restore(struct linger_pool *pool, struct state_record *record)
{
	int fd = state_get_fd(record, "socket"), r;
	uint64_t silence_ns = state_get_number(record, "silence_ns", UINT64_MAX);
	uint64_t deadline_ns = state_get_number(record, "deadline_ns", UINT64_MAX), now_ns = clock_now_ns();
	struct entry *entry;

	if (state_is_good(record) && fd < 0)
		return state_fail(record, "a connection without a socket");
	if (!state_is_good(record) || pool == NULL)
		return 0;
	entry = add(pool, fd, silence_ns, deadline_ns > now_ns ? deadline_ns : now_ns);
	r = loop_add(pool->loop, &entry->source, EPOLLIN | EPOLLRDHUP);
	return r < 0 ? r : arm(entry, now_ns);
}

size_t linger_count(const struct linger_pool *pool)
{
	return pool->count;
}

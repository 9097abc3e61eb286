/* harness_net.c - the clients of the end-to-end tests; see harness.h. */
#include "harness_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static socklen_t make_address(const char *text, unsigned port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_address;

	memset(ret_address, 0, sizeof(*ret_address));
	if (strchr(text, ':') == NULL) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		ck_assert_int_eq(inet_pton(AF_INET, text, &in->sin_addr), 1);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	return sizeof(*in6);
}

static int connect_from(int type, const char *local, unsigned local_port, const char *text, unsigned port)
{
	struct sockaddr_storage address, own;
	socklen_t size = make_address(text, port, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		return -errno;
	if (local != NULL) {
		socklen_t own_size = make_address(local, local_port, &own);

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (bind(fd, (struct sockaddr *)&own, own_size) < 0)
			goto failed;
	}
	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		return fd;
failed:
	yes = errno;
	close(fd);
	return -yes;
}

int tcp_try(const char *address, unsigned port)
{
	return connect_from(SOCK_STREAM, NULL, 0, address, port);
}

int tcp_connect(unsigned number)
{
	int fd = tcp_try("127.0.0.1", test_port(number));

	ck_assert_msg(fd >= 0, "connect to port $%u: %s", number, strerror(-fd));
	return fd;
}

int tcp_connect_from(const char *local, unsigned local_port, const char *address, unsigned port)
{
	int fd = connect_from(SOCK_STREAM, local, local_port, address, port);

	ck_assert_msg(fd >= 0, "connect from %s to %s: %s", local, address, strerror(-fd));
	return fd;
}

int udp_connect(const char *address, unsigned port)
{
	int fd = connect_from(SOCK_DGRAM, NULL, 0, address, port);

	ck_assert_msg(fd >= 0, "udp to %s: %s", address, strerror(-fd));
	return fd;
}

static int from(int type, const char *local, unsigned number)
{
	const char *to = strchr(local, ':') != NULL ? "::1" : "127.0.0.1";
	int fd = connect_from(type, local, 0, to, test_port(number));

	ck_assert_msg(fd >= 0, "connect from %s to port $%u: %s", local, number, strerror(-fd));
	return fd;
}

int tcp_from(const char *local, unsigned number)
{
	return from(SOCK_STREAM, local, number);
}

int udp_from(const char *local, unsigned number)
{
	return from(SOCK_DGRAM, local, number);
}

bool net_has_ipv6(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool works = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return works;
}

/* A label of lo for each address: one that has it already would lose its old one. */
static int add_ipv4(int fd, const struct sockaddr_in *address, unsigned bits)
{
	static unsigned turn = 10;
	struct ifreq request = { 0 };
	struct sockaddr_in *field = (struct sockaddr_in *)&request.ifr_addr;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%u", turn++);
	*field = *address;
	if (ioctl(fd, SIOCSIFADDR, &request) < 0)
		return -errno;
	*field = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(~0U << (32 - bits)) };
	return ioctl(fd, SIOCSIFNETMASK, &request) < 0 ? -errno : 0;
}

static int add_ipv6(int fd, const struct sockaddr_in6 *address, unsigned bits)
{
	struct in6_ifreq request = { .ifr6_addr = address->sin6_addr, .ifr6_prefixlen = bits };

	request.ifr6_ifindex = (int)if_nametoindex("lo");
	return ioctl(fd, SIOCSIFADDR, &request) < 0 ? -errno : 0;
}

static bool can_bind(const struct sockaddr_storage *address)
{
	int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can = bind(fd, (const struct sockaddr *)address,
			address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) == 0;

	close(fd);
	return can;
}

void net_add(const char *address, unsigned bits)
{
	struct sockaddr_storage storage;

	ck_assert(test_is_alone());
	make_address(address, 0, &storage);
	int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = storage.ss_family == AF_INET ? add_ipv4(fd, (struct sockaddr_in *)&storage, bits) :
					       add_ipv6(fd, (struct sockaddr_in6 *)&storage, bits);

	ck_assert_msg(r == 0, "no address %s/%u for lo: %s", address, bits, strerror(-r));
	close(fd);
	/* The kernel makes an IPv6 address usable later, by a worker of its own. */
	WAIT_UNTIL(can_bind(&storage));
}

int unix_connect(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	socklen_t size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));

	if (path[0] == '@')
		address.sun_path[0] = '\0';
	ck_assert_msg(connect(fd, (struct sockaddr *)&address, size) == 0, "connect to %s: %s", path,
		      strerror(errno));
	return fd;
}

void send_text(int fd, const char *text)
{
	size_t length = strlen(text);

	ck_assert_int_eq(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

void reset_close(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static char *read_to_end(int fd, size_t *ret_length, bool *ret_reset)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	size_t length = 0, room = 4096;
	char *text = malloc(room + 1);

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ms();

		text[length] = '\0';
		ck_assert_msg(now < end && poll(&wait, 1, (int)(end - now)) == 1,
			      "no end of input; %zu bytes came: %.2000s", length, text);
		if (length == room)
			text = realloc(text, (room *= 2) + 1);
		ssize_t got = read(fd, text + length, room - length);

		*ret_reset = got < 0 && errno == ECONNRESET;
		if (got == 0 || *ret_reset)
			break;
		ck_assert_msg(got > 0, "read: %s", strerror(errno));
		length += (size_t)got;
	}
	text[length] = '\0';
	if (ret_length != NULL)
		*ret_length = length;
	return text;
}

char *read_all(int fd, size_t *ret_length)
{
	bool reset = false;

	return read_to_end(fd, ret_length, &reset);
}

char *read_clean(int fd, size_t *ret_length)
{
	bool reset = false;
	char *text = read_to_end(fd, ret_length, &reset);

	ck_assert_msg(!reset, "the connection was reset; before that came: %.2000s", text);
	return text;
}

char *read_piece(int fd, int timeout_ms, size_t *ret_length)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char *text = malloc(65536 + 1);

	if (poll(&wait, 1, timeout_ms) != 1) {
		free(text);
		return NULL;
	}
	ssize_t got = read(fd, text, 65536);

	ck_assert_msg(got >= 0, "read: %s", strerror(errno));
	text[got] = '\0';
	if (ret_length != NULL)
		*ret_length = (size_t)got;
	return text;
}

char *ask(unsigned number, const char *text)
{
	int fd = tcp_connect(number);

	if (text != NULL)
		send_text(fd, text);
	shutdown(fd, SHUT_WR);
	char *reply = read_all(fd, NULL);

	close(fd);
	return reply;
}

char *ask_from(const char *local, unsigned number)
{
	int fd = tcp_from(local, number);

	shutdown(fd, SHUT_WR);
	char *reply = read_all(fd, NULL);

	close(fd);
	return reply;
}

void ask_many(unsigned number, const char *text, const char *expected, unsigned count, unsigned each_ms)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t start = now_ms();
		char *reply = ask(number, text);
		uint64_t took = now_ms() - start;

		ck_assert_msg(strcmp(reply, expected) == 0, "reply %u of $%u: \"%s\", want \"%s\"", i, number,
			      reply, expected);
		ck_assert_msg(each_ms == 0 || took <= each_ms || took <= each_ms + late_ms(NULL), "reply %u of $%u took %llu ms", i, number,
			      (unsigned long long)took);
		free(reply);
	}
}

bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return true;
	return false;
}

bool has_match(const char *text, const char *expression)
{
	regex_t regex;

	harness_compile(&regex, expression);
	int result = regexec(&regex, text, 0, NULL, 0);

	regfree(&regex);
	return result == 0;
}

/* ---- another network ---- */

static bool run_ip(const char *command)
{
	const char *words[] = { "sh", "-c", command, NULL };
	char *output;
	bool good = run_command(words, &output) == 0;

	free(output);
	return good;
}

static void join_networks(pid_t pid, int good)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip link add u0 type veth peer name u1 netns %d && ip addr add 192.0.2.1/24 dev u0 && "
		 "ip link set u0 up",
		 pid);
	if (run_ip(command))
		(void)!write(good, "g", 1);
}

static int live_there(int ready, int good, int (*work)(void *context), void *context)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(ready, "r", 1) != 1 || read(good, &byte, 1) != 1 ||
	    !run_ip("ip link set lo up && ip addr add 192.0.2.2/24 dev u1 && ip link set u1 up"))
		return 127;
	(void)!write(ready, "u", 1);
	return work(context);
}

pid_t neighbour_start(int (*work)(void *context), void *context)
{
	int ready[2], good[2];
	char byte;
	pid_t pid;

	if (!test_is_alone() || harness_find("ip") == NULL)
		return 0;
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(good, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		close(good[1]);
		_exit(live_there(ready[1], good[0], work, context));
	}
	close(ready[1]);
	close(good[0]);
	if (read(ready[0], &byte, 1) == 1)
		join_networks(pid, good[1]);
	close(good[1]);
	bool up = read(ready[0], &byte, 1) == 1;

	close(ready[0]);
	if (up)
		return pid;
	waitpid(pid, NULL, 0);
	return 0;
}

int neighbour_wait(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

unsigned long listener_inode(unsigned port)
{
	FILE *table = fopen("/proc/self/net/tcp", "re");
	unsigned long inode = 0, found = 0;
	unsigned local, state;
	char line[512];

	while (table != NULL && fgets(line, sizeof(line), table) != NULL)
		if (sscanf(line, "%*d: %*8x:%x %*8x:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
			   &inode) == 3 &&
		    local == port && state == 0x0A)
			found = inode;
	if (table != NULL)
		fclose(table);
	return found;
}

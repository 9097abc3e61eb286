/* harness.h - what the end-to-end tests stand on. Each test is a process with a
 * network of its own (where the kernel allows it), a temporary directory of its
 * own, and real daemons; whatever it leaves behind is killed and removed. Waits
 * are for events or conditions, always with a bound; nothing waits for time.
 *
 * In configurations and commands these are replaced: $0 to $99 by ports of
 * this test, $PROBE by the probe service, $DIR by the temporary directory. */
#ifndef USHERD_TESTS_HARNESS_H
#define USHERD_TESTS_HARNESS_H

#include <check.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "patience.h"

/* Under a sanitizer memory is used in other ways: no statements about it then. */
#if defined(__SANITIZE_ADDRESS__)
#define HARNESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HARNESS_SANITIZED 1
#endif
#endif
#ifndef HARNESS_SANITIZED
#define HARNESS_SANITIZED 0
#endif

struct daemon;

/* ---- the runner ---- */

/* The body of main(): runs the suite, prints TAP (with SKIP lines) and returns
 * the exit status. When `missing` is not NULL the whole program is skipped with
 * that reason. */
int harness_main(Suite *(*make)(void), const char *missing);

/* A case whose tests run inside the harness; `seconds` times CK_TIMEOUT_MULTIPLIER
 * bounds each of them. */
TCase *harness_case(Suite *suite, const char *name, int seconds);

/* Marks the running test as skipped; the test then returns. */
void harness_skip(const char *reason);
#define SKIP_IF(condition, reason)                                                                           \
	do {                                                                                                 \
		if (condition) {                                                                             \
			harness_skip(reason);                                                                \
			return;                                                                              \
		}                                                                                            \
	} while (0)

/* Where `program` is, in one of the usual directories, or NULL. */
const char *harness_find(const char *program);

/* ---- the place of a test ---- */

const char *test_dir(void);
unsigned test_port(unsigned number);
bool test_is_alone(void); /* in a network of its own */
const char *test_probe(void);

/* A text with $N, $PROBE and $DIR replaced; malloc'ed. */
char *test_expand(const char *text);

/* $DIR/name as a path (one of a few static buffers). */
const char *test_path(const char *name);

/* Copies the running test program to $DIR/self, for services that behave as its main() says. */
void test_copy_self(void);

/* Writes $DIR/name with this mode; the text is expanded when `expand`. */
void test_write(const char *name, mode_t mode, const char *text, bool expand);
char *test_read(const char *path);

uint64_t now_ms(void);
void nap(void); /* a few milliseconds between two looks at a condition */

/* How much longer than on an idle machine something may have taken, for upper bounds of time: from how
 * long this test and the daemon (NULL: none) have waited for a processor so far, and
 * a second for each step of CK_TIMEOUT_MULTIPLIER above one, for all others that take part. */
uint64_t late_ms(const struct daemon *daemon);

/* Looks at `condition` until it holds; fails the test when it never does. */
#define WAIT_UNTIL(condition)                                                                                \
	do {                                                                                                 \
		uint64_t wait_end_ = now_ms() + PATIENCE_MS;                                                 \
		while (!(condition)) {                                                                       \
			ck_assert_msg(now_ms() < wait_end_, "never became true: %s", #condition);            \
			nap();                                                                               \
		}                                                                                            \
	} while (0)

/* ---- daemons ---- */

struct daemon {
	pid_t pid;
	char log_path[256];
	int watch; /* inotify on the log */
	char *log; /* all that was logged so far */
	size_t log_size;
	size_t mark; /* where the next search begins */
	int fds;     /* open when it was ready */
};

struct daemon_spec {
	const char *config;             /* becomes $DIR/services.ini and -c; NULL: only `arguments` */
	const char *const *arguments;   /* after the program and -c; expanded; NULL-terminated */
	const char *const *wrapper;     /* put before the command line, e.g. strace; NULL-terminated */
	void (*prepare)(void *context); /* in the child, right before exec */
	void *context;
	char *const *environment; /* NULL: PATH and nothing else */
	int error_fd;             /* stderr of the daemon; 0: a file that the harness reads */
	bool no_wait;             /* do not wait for "ready" */
};

/* Starts the daemon and waits until it says that it is ready. */
struct daemon *daemon_start(const char *config);
struct daemon *daemon_launch(const struct daemon_spec *spec);

/* Waits for a line that matches the extended expression, from the mark on, and
 * puts the mark behind it. Returns the line (until the next call); fails the
 * test when none comes. */
const char *daemon_wait_log(struct daemon *daemon, const char *expression, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for lines that are there already; NULL when there is none. */
const char *daemon_find_log(struct daemon *daemon, const char *expression);

/* How many lines of the whole log match, and everything logged so far. */
unsigned daemon_count_log(struct daemon *daemon, const char *expression);
const char *daemon_read_log(struct daemon *daemon);
const char *daemon_log_tail(struct daemon *daemon); /* its end, for messages */

/* The value of `key=` in a line: number, or text (quotes removed; static). */
long line_number(const char *line, const char *key);
const char *line_text(const char *line, const char *key);

/* Waits for the end; returns the exit status, or 128 + signal. */
int daemon_wait_exit(struct daemon *daemon);

/* SIGTERM, and the daemon must exit 0 in time. */
void daemon_stop(struct daemon *daemon);

/* The control socket: `control = $DIR/control` is added to every configuration that sets no `control`,
 * behind its line [usherd] or at its end. A request is one line without its line feed; so is
 * the reply, malloc'ed. Fails the test when none comes. */
const char *daemon_control(const struct daemon *daemon);
char *daemon_ask(const struct daemon *daemon, const char *request);
char *control_ask(const char *path, const char *request);

/* Replaces the configuration; reload is SIGHUP and waiting for the outcome. */
void daemon_configure(const char *config);
void daemon_reload(struct daemon *daemon, bool good);

void daemon_signal(const struct daemon *daemon, int number);
int daemon_children(const struct daemon *daemon);
int daemon_count_fds(const struct daemon *daemon);
uint64_t daemon_cpu_ms(const struct daemon *daemon);
long daemon_status(const struct daemon *daemon, const char *field); /* "VmRSS:" and others */

/* The common end of tests: alive, no child left, no descriptor more or less
 * than when it was ready. Waits a while for that to become true. */
void daemon_oracle(struct daemon *daemon);

/* Runs a command (expanded words) to its end with no daemon: exit status, and
 * what it wrote on both outputs (malloc'ed) when `ret_output` is not NULL. */
int run_command(const char *const *words, char **ret_output);

/* Runs usherd itself like that: words after the program name. */
int run_usherd(const char *const *words, char **ret_output);
const char *usherd_path(void);

/* Makes system calls of a running daemon and of its children fail: `inject` is
 * what strace(1) takes after -e inject=. Returns the pid of strace, or 0 when
 * that is not possible here. inject_stop() lifts the fault. */
pid_t inject_start(const struct daemon *daemon, const char *inject);
void inject_stop(const struct daemon *daemon, pid_t tracer);

/* ---- clients ---- */

/* Connected sockets, or the test fails. Ports are numbers of $N. */
int tcp_connect(unsigned number);
int tcp_connect_from(const char *local, unsigned local_port, const char *address, unsigned port);
int unix_connect(const char *path, int type); /* '@' first: abstract */
int udp_connect(const char *address, unsigned port);

/* Tries once: a descriptor or -errno. */
int tcp_try(const char *address, unsigned port);

/* The same from an address of ours (and any port) to 127.0.0.1, or to ::1. */
int tcp_from(const char *local, unsigned number);
int udp_from(const char *local, unsigned number);

/* Whether ::1 is there; and one more address (IPv4: a whole network, of which it is the first
 * one) that is not a loopback address for the daemon. Only where test_is_alone(). */
bool net_has_ipv6(void);
void net_add(const char *address, unsigned bits);

void send_text(int fd, const char *text);
void reset_close(int fd); /* closes with RST */

/* Reads to the end, or to `size` bytes: what came, NUL added (malloc'ed).
 * Fails the test when the end does not come in PATIENCE_MS. */
char *read_all(int fd, size_t *ret_length);

/* The same, and the end must be an end of file: a reset fails the test. */
char *read_clean(int fd, size_t *ret_length);

/* Waits for one piece (a datagram): malloc'ed, or NULL when none came. */
char *read_piece(int fd, int timeout_ms, size_t *ret_length);

/* Connects, sends `text` (may be NULL), ends the output, reads everything. */
char *ask(unsigned number, const char *text);

/* The same from an address of ours, see tcp_from(). */
char *ask_from(const char *local, unsigned number);

/* `count` times ask(), each of which must give exactly `expected`, within
 * `each_ms` (0: any time) and what late_ms() allows. */
void ask_many(unsigned number, const char *text, const char *expected, unsigned count, unsigned each_ms);

/* Whether the text has this whole line, or a line that matches. */
bool has_line(const char *text, const char *line);
bool has_match(const char *text, const char *expression);
#define ck_assert_line(text, line) ck_assert_msg(has_line(text, line), "no line \"%s\" in:\n%s", line, text)
#define ck_assert_match(text, expression)                                                                    \
	ck_assert_msg(has_match(text, expression), "nothing matches \"%s\" in:\n%s", expression, text)
#define ck_assert_no_match(text, expression)                                                                 \
	ck_assert_msg(!has_match(text, expression), "\"%s\" matches in:\n%s", expression, text)

/* Runs `work` in a process that has a network of its own, joined to that of the test by a pair of
 * interfaces: here it is u0, 192.0.2.1, there u1, 192.0.2.2. The process exits with what `work`
 * returns. Returns its pid, or 0 where such networks cannot be made. */
pid_t neighbour_start(int (*work)(void *context), void *context);
int neighbour_wait(pid_t pid); /* its exit status */

/* The inode of the socket that listens on this IPv4 TCP port, or 0. */
unsigned long listener_inode(unsigned port);

#endif

/* interop_cookbook.c - each recipe of usherd.cookbook(7), taken from the page, put to work and asked as a client would.
 * Only what belongs to this machine is swapped: ports, folders, users. */
#include "cookbook_help.h"
#include "sshd_help.h"

#include <signal.h>
#include <sys/wait.h>

#define SWAPS 8

struct recipe {
	const char *name, *file;         /* `file`: of the script or configuration that goes with it, or NULL */
	const char *needs[3];            /* programs */
	bool root;                       /* else anybody can try it */
	const char *swaps[SWAPS][2];     /* each must be there */
	const char *more;                /* further sections, for what stands behind */
	const char *prepare, *ask;       /* shell, as the tests have it: -ec, with say() below */
	bool (*place)(void);             /* something only a program can prepare */
	bool container;                  /* usherd is the first process of one */
};

/* say PORT [ADDRESS] - sends its input, ends it, and prints the reply. */
#define PRELUDE                                                                                                        \
	"export HOME=$DIR; cd $DIR; curl() { command curl -sS --noproxy '*' --max-time 20 \"$@\"; }\n"                 \
	"say() { python3 -c 'import socket, sys\n"                                                                     \
	"s = socket.create_connection((\"127.0.0.1\", int(sys.argv[1])), 20, (sys.argv[2] if len(sys.argv) > 2 else "   \
	"\"127.0.0.1\", 0))\n"                                                                                         \
	"s.sendall(sys.stdin.buffer.read()); s.shutdown(1)\n"                                                          \
	"while True:\n"                                                                                                \
	"    data = s.recv(65536)\n"                                                                                   \
	"    if not data: break\n"                                                                                     \
	"    sys.stdout.buffer.write(data)' \"$@\"; }\n"

static const struct recipe recipes[] = {
	{ .name = "git",
	  .needs = { "git" },
	  .swaps = { { "listen          = 9418", "listen = 127.0.0.1:$1" },
		     { "user            = git\n", "" },
		     { "/srv/git", "$DIR/git" } },
	  .prepare = "export GIT_CONFIG_NOSYSTEM=1; git init -q work; cd work; git config user.name T; "
		     "git config user.email t@example.org; echo one > file; git add .; git commit -qm first; "
		     "mkdir $DIR/git; git clone -q --bare . $DIR/git/project.git; "
		     "[ $(id -u) -ne 0 ] || chown -R nobody $DIR/git",
	  .ask = "export GIT_CONFIG_NOSYSTEM=1; git clone -q git://127.0.0.1:$1/project.git copy; cmp copy/file work/file; "
		 "cd copy; git config user.name T; git config user.email t@example.org; git commit -qam x --allow-empty; "
		 "if git push -q origin HEAD 2> /dev/null; then exit 1; fi" },
	{ .name = "rsync",
	  .needs = { "rsync" },
	  .swaps = { { "listen       = 873", "listen = 127.0.0.1:$1" }, { "/etc/rsyncd.conf", "$DIR/rsyncd.conf" } },
	  .prepare = "mkdir data; seq 1000 > data/numbers; printf "
		     "'use chroot = no\\nlog file = /dev/null\\n[data]\\npath = %s\\n' $DIR/data > rsyncd.conf",
	  .ask = "for i in 1 2 3; do rsync -r rsync://127.0.0.1:$1/data/ copy$i/; cmp copy$i/numbers data/numbers; done" },
	{ .name = "tftp",
	  .needs = { "in.tftpd", "tftp" },
	  .root = true,
	  .swaps = { { "listen = 69/udp", "listen = 127.0.0.1:$1/udp" },
		     { "--timeout 60", "--timeout 1" }, /* the end of the test waits for it */
		     { "/srv/tftp", "$DIR/tftp" } },
	  .prepare = "mkdir tftp; head -c 100000 /dev/urandom > tftp/pxelinux.0; chmod 644 tftp/pxelinux.0",
	  .ask = "tftp -4 -m binary 127.0.0.1 $1 -c get pxelinux.0; cmp pxelinux.0 tftp/pxelinux.0" },
	{ .name = "ssh",
	  .needs = { "sshd", "ssh" },
	  .root = true,
	  .swaps = { { "listen            = 22\n", "listen = 127.0.0.1:$1\n" }, { "-i -e", "-i -e -f $DIR/sshd_config" } },
	  .prepare = "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub authorized; "
		     "printf 'HostKey %s/host\\nAuthorizedKeysFile %s/authorized\\nStrictModes no\\nUsePAM no\\n"
		     "PidFile none\\nPermitRootLogin yes\\n' $DIR $DIR > sshd_config; chmod 600 sshd_config",
	  .ask = "test \"$(ssh -F none -i key -p $1 -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -o LogLevel=ERROR "
		 "-o BatchMode=yes root@127.0.0.1 echo there)\" = there",
	  .place = make_privilege_directory },
	{ .name = "health",
	  .file = "health",
	  .needs = { "curl" },
	  .swaps = { { "listen             = 8088", "listen = 127.0.0.1:$1" } },
	  .prepare = "sed -i 's/-lt 90/-lt 101/' health",
	  .ask = "curl -i http://127.0.0.1:$1/ > reply; head -n 1 reply | grep -q '200 OK'; grep -q 'of the disk are used' reply; "
		 "sed -i 's/-lt 101/-lt 0/' health; "
		 "curl -i http://127.0.0.1:$1/any/page > reply; head -n 1 reply | grep -q '503 Service Unavailable'; "
		 "if curl -f http://127.0.0.1:$1/ 2> /dev/null; then exit 1; fi" },
	{ .name = "web",
	  .needs = { "busybox", "curl" },
	  .swaps = { { "listen             = 80\n", "listen = 127.0.0.1:$1\n" }, { "/srv/www", "$DIR/www" } },
	  .prepare = "mkdir www; seq 100000 > www/index.html",
	  .ask = "curl http://127.0.0.1:$1/index.html | cmp - www/index.html; "
		 "curl --path-as-is http://127.0.0.1:$1/../services.ini > got; if grep -q listen got; then exit 1; fi" },
	{ .name = "finger",
	  .file = "finger",
	  .swaps = { { "listen     = 79\n", "listen = 127.0.0.1:$1\n" }, { "/srv/finger", "$DIR/finger.d" } },
	  .prepare = "mkdir finger.d; echo 'Alice is at home' > finger.d/alice; echo 'alice' > finger.d/all",
	  .ask = "test \"$(printf 'alice\\r\\n' | say $1)\" = \"$(printf 'Alice is at home\\r')\"; "
		 "printf '\\r\\n' | say $1 | grep -q '^alice'; printf '../services.ini\\r\\n' | say $1 | grep -q '^Nobody here'" },
	{ .name = "chat",
	  .file = "chat",
	  .swaps = { { "listen     = 7010", "listen = 127.0.0.1:$1" },
		     { "user       = chat\n", "" },
		     { "/srv/chat", "$DIR/room.d" } },
	  .prepare = "mkdir room.d; touch room.d/room; chmod -R a+rwX room.d",
	  .ask = "python3 - $1 <<'END'\n"
		 "import socket, sys, time\n"
		 "def enter(name):\n"
		 "    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)\n"
		 "    s.settimeout(0.1)\n"
		 "    s.sendall(name + b'\\n')\n"
		 "    return s\n"
		 "seen = b''\n"
		 "def until(what, again=None):\n"
		 "    global seen\n"
		 "    end = time.monotonic() + 20\n"
		 "    while what not in seen:\n"
		 "        assert time.monotonic() < end, seen\n"
		 "        if again: bob.sendall(again)\n"
		 "        try: seen += alice.recv(65536)\n"
		 "        except TimeoutError: pass\n"
		 "alice, bob = enter(b'al;ice'), enter(b'bob')\n"
		 "until(b'bob: hello', b'hello\\x1b[2J\\n')\n"
		 "assert b'\\x1b' not in seen\n"
		 "bob.close()\n"
		 "until(b'* bob has gone')\n"
		 "END" },
	{ .name = "tarpit",
	  .file = "tarpit",
	  .swaps = { { "listen      = 2222", "listen = 127.0.0.1:$1" }, { "sleep 10", "sleep 0.02" } },
	  .ask = "python3 - $1 <<'END'\n"
		 "import socket, sys\n"
		 "def lines(): return socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20).makefile('rb')\n"
		 "visitors = [lines() for i in range(3)]\n"
		 "for v in visitors: assert len({v.readline() for i in range(5)}) == 5\n"
		 "assert lines().readline() == b''\n" /* the fourth of an address */
		 "END" },
	{ .name = "redirect",
	  .swaps = { { "listen       = 143\n", "listen = 127.0.0.1:$1\n" }, { "192.0.2.10 143", "127.0.0.1 $2" } },
	  .more = "[behind]\nlisten = 127.0.0.1:$2\nexec = $PROBE cat\n",
	  .ask = "test \"$(seq 20000 | say $1 | cksum)\" = \"$(seq 20000 | cksum)\"" },
	{ .name = "upper",
	  .swaps = { { "listen          = 7011/udp", "listen = 127.0.0.1:$1/udp" } },
	  .ask = "python3 - $1 <<'END'\n"
		 "import socket, sys\n"
		 "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
		 "s.settimeout(1)\n"
		 "s.connect(('127.0.0.1', int(sys.argv[1])))\n"
		 "reply = None\n"
		 "for i in range(20):\n"
		 "    s.send(b'hello')\n"
		 "    try: reply = s.recv(100); break\n"
		 "    except TimeoutError: pass\n"
		 "assert reply == b'HELLO', reply\n"
		 "END" },
	{ .name = "helper",
	  .file = "helper",
	  .root = true,
	  .swaps = { { "unix:/run/helper", "unix:$DIR/helper.socket" } },
	  .ask = "cat > client.py <<'END'\n"
		 "import os, socket, sys\n"
		 "if sys.argv[1] != '0': os.setgroups([4]); os.setgid(4); os.setuid(int(sys.argv[1]))\n"
		 "s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect('helper.socket')\n"
		 "s.sendall(sys.argv[2].encode() + b'\\n'); s.shutdown(1)\n"
		 "print(s.makefile().read(), end='')\n"
		 "END\n"
		 "python3 client.py 65534 whoami | grep -q 'of number 65534$'; python3 client.py 0 whoami | grep -q 'of number 0$'; "
		 "python3 client.py 0 '; id' | grep -q '^say kernel'; "
		 "test \"$(stat -c '%a %G' helper.socket)\" = '660 adm'" },
	{ .name = "tenants",
	  .root = true,
	  .swaps = { { "listen    = 7021", "listen = 127.0.0.1:$1" },
		     { "listen    = 7022", "listen = 127.0.0.1:$2" },
		     { "/srv/alice/service", "$PROBE" },
		     { "/srv/bob/service", "$PROBE" },
		     { "user      = alice", "user = nobody" },
		     { "user      = bob", "user = daemon" },
		     { "/srv/alice", "/usr" },
		     { "/srv/bob", "/var" } },
	  .ask = "say $1 < /dev/null > alice; say $2 < /dev/null > bob; grep -q '^rlimit nofile 64 64$' alice; "
		 "grep -q '^rlimit cpu 30 30$' bob; grep -q '^nice 5$' alice; grep -q '^nice 5$' bob; "
		 "grep -q '^Uid: 65534 ' alice; grep -q '^Uid: 1 ' bob; grep -q '^cwd /usr$' alice; grep -q '^cwd /var$' bob" },
	{ .name = "container",
	  .needs = { "unshare", "curl" },
	  .root = true,
	  .swaps = { { "listen = 8080", "listen = 127.0.0.1:$1" },
		     { "listen               = 8081", "listen = 127.0.0.1:$2" },
		     { "/app/serve", "$PROBE say served" },
		     { "= status\n", "= status -s $DIR/control\nuser = root\n" } },
	  .ask = "test \"$(say $1 < /dev/null)\" = served; curl -f http://127.0.0.1:$2/readyz > /dev/null",
	  .container = true },
	{ .name = "ctf",
	  .needs = { "busybox" },
	  .root = true,
	  .swaps = { { "listen          = 31337", "listen = 127.0.0.1:$1" },
		     { "user            = ctf", "user = 4242\ngroup = 4242" },
		     { "/challenge", "/busybox sh -c '/busybox id -u; /busybox cat flag; echo x > /y || echo no; ulimit -n'" },
		     { "/srv/pwn", "$DIR/pwn" } },
	  .prepare = "mkdir pwn; cp $(command -v busybox) pwn; echo the flag > pwn/flag",
	  .ask = "say $1 < /dev/null > got; printf '4242\\nthe flag\\nno\\n16\\n' | cmp - got" },
	{ .name = "python",
	  .file = "weekday",
	  .swaps = { { "listen        = 7012", "listen = 127.0.0.1:$1" } },
	  .ask = "for i in 1 2 3 4 5 6; do printf '2026-11-23\\nxyz\\n' | say $1 > got; "
		 "head -n 1 got | grep -q '\"weekday\": \"Monday\"'; tail -n 1 got | grep -q error; done" },
	{ .name = "office",
	  .swaps = { { "listen         = 7013", "listen = 127.0.0.1:$1" },
		     { "192.0.2.0/24, 2001:db8::/32", "127.0.0.0/8, 2001:db8::/32" },
		     { "192.0.2.99", "127.0.0.9" },
		     { "mon-fri 08:00-18:00 Europe/Paris", "mon-sun 00:00-24:00 Europe/Paris" } },
	  .ask = "say $1 < /dev/null | grep -q ' 20[0-9][0-9] '; "
		 "say $1 127.0.0.9 < /dev/null | grep -q 'Not from there, or not at this hour'" },
	{ .name = "ftp",
	  .needs = { "vsftpd", "curl" },
	  .root = true,
	  .swaps = { { "listen     = 21\n", "listen = 127.0.0.1:$1\n" }, { "/etc/vsftpd.conf", "$DIR/vsftpd.conf" } },
	  .prepare = "mkdir pub empty; chmod 755 . pub empty; seq 50000 > pub/numbers; printf "
		     "'listen=NO\\nanonymous_enable=YES\\nanon_root=%s/pub\\nno_anon_password=YES\\nftp_username=daemon\\n"
		     "nopriv_user=nobody\\nsecure_chroot_dir=%s/empty\\nseccomp_sandbox=NO\\n' $DIR $DIR > vsftpd.conf",
	  .ask = "curl ftp://127.0.0.1:$1/numbers | cmp - pub/numbers" },
	{ .name = "tls",
	  .file = "https.conf",
	  .needs = { "stunnel4", "openssl", "curl" },
	  .swaps = { { "listen     = 443", "listen = 127.0.0.1:$1" },
		     { "user       = stunnel4\n", "" },
		     { "127.0.0.1:80", "127.0.0.1:$2" },
		     { "/etc/stunnel/", "$DIR/" } },
	  .more = "[plain]\nlisten = 127.0.0.1:$2\nexec = /bin/busybox httpd -i -h $DIR/www\n",
	  .prepare = "mkdir www; echo secret > www/page; openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt "
		     "-subj /CN=localhost -days 2 2> /dev/null; cat server.key server.crt > server.pem; "
		     "[ $(id -u) -ne 0 ] || chown nobody server.pem; chmod 400 server.pem",
	  .ask = "test \"$(curl --cacert server.crt --resolve localhost:$1:127.0.0.1 https://localhost:$1/page)\" = secret" },
	{ .name = "status",
	  .needs = { "curl" },
	  .root = true,
	  .swaps = { { "127.0.0.1:9180", "127.0.0.1:$1" },
		     { "exec   = status\nuser   = usherd", "exec = status -s $DIR/control\nuser = nobody" },
		     { "control_group = usherd", "control_group = nogroup" } },
	  .ask = "curl http://127.0.0.1:$1/metrics > got; grep -q '^usherd_build_info' got; grep -q 'service=\"status\"' got; "
		 "curl -f http://127.0.0.1:$1/readyz > got; curl http://127.0.0.1:$1/ > got; grep -q -i '<html' got" },
};

static void shell(const char *script, const struct daemon *daemon)
{
	char *output, *whole = NULL;

	ck_assert_int_gt(asprintf(&whole, "%s%s", PRELUDE, script), 0);

	const char *words[] = { "bash", "-o", "pipefail", "-ec", whole, NULL };

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s\n%s", script, output,
		      daemon != NULL ? daemon_log_tail((struct daemon *)(uintptr_t)daemon) : "");
	free(output);
	free(whole);
}

/* Section and file with this machine's ports, folders and users. */
static char *set_table(const struct recipe *recipe)
{
	char begin[100];
	char *config, *file = NULL;

	snprintf(begin, sizeof(begin), ".\\\" recipe %s", recipe->name);
	config = cookbook_take(begin);
	ck_assert_msg(config != NULL, "the page has no recipe %s", recipe->name);
	if (recipe->file != NULL) {
		unsigned times;

		snprintf(begin, sizeof(begin), ".\\\" file %s %s", recipe->name, recipe->file);
		file = cookbook_take(begin);
		ck_assert_msg(file != NULL, "the page has no file %s of %s", recipe->file, recipe->name);
		config = cookbook_swap(config, "/usr/local/lib/services/", "$DIR/", &times);
	}
	for (size_t i = 0; i < SWAPS && recipe->swaps[i][0] != NULL; i++) {
		unsigned times, in_file = 0;

		config = cookbook_swap(config, recipe->swaps[i][0], recipe->swaps[i][1], &times);
		if (file != NULL)
			file = cookbook_swap(file, recipe->swaps[i][0], recipe->swaps[i][1], &in_file);
		ck_assert_msg(times + in_file > 0, "%s has no \"%s\" on the page", recipe->name, recipe->swaps[i][0]);
	}
	if (file != NULL) {
		/* Variables of the shell stay; what is swapped in is expanded by hand. */
		unsigned times;

		file = cookbook_swap(file, "$DIR", test_dir(), &times);
		snprintf(begin, sizeof(begin), "%u", test_port(2));
		if (recipe->more != NULL)
			file = cookbook_swap(file, "127.0.0.1:$2", begin, &times);
		test_write(recipe->file, 0755, file, false);
		free(file);
	}
	return config;
}

static struct daemon *serve(const struct recipe *recipe, const char *section)
{
	static const char *const wrapper[] = { "/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--mount", NULL };
	char *config = NULL;
	struct daemon *daemon;

	ck_assert_int_gt(asprintf(&config, "%s%s", section, recipe->more != NULL ? recipe->more : ""), 0);
	daemon = daemon_launch(
		&(struct daemon_spec){ .config = config, .wrapper = recipe->container ? wrapper : NULL, .no_wait = true });
	daemon_wait_log(daemon, recipe->container ? "\"event\":\"ready\"" : " ready ");
	free(config);
	return daemon;
}

/* The first process of a container, told to end, ends with it. */
static void stop(const struct recipe *recipe, struct daemon *daemon)
{
	char path[64];

	if (recipe->container) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
		char *children = test_read(path);

		ck_assert_int_eq(kill(atoi(children), SIGTERM), 0);
		free(children);
		ck_assert_int_eq(daemon_wait_exit(daemon), 0);
		return;
	}
	daemon_stop(daemon);
}

START_TEST(recipe_serves)
{
	const struct recipe *recipe = &recipes[_i];
	struct daemon *daemon;
	char *section, reason[200];

	for (size_t i = 0; i < 3 && recipe->needs[i] != NULL; i++) {
		snprintf(reason, sizeof(reason), "%s: %s is not installed", recipe->name, recipe->needs[i]);
		SKIP_IF(harness_find(recipe->needs[i]) == NULL, reason);
	}
	snprintf(reason, sizeof(reason), "%s has to be started as root", recipe->name);
	SKIP_IF(recipe->root && getuid() != 0, reason);
	SKIP_IF(recipe->place != NULL && !recipe->place(), "its place cannot be made");
	section = set_table(recipe);
	if (recipe->prepare != NULL)
		shell(recipe->prepare, NULL);
	daemon = serve(recipe, section);
	free(section);
	shell(recipe->ask, daemon);
	stop(recipe, daemon);
}
END_TEST

/* Nobody can add a recipe that is not tried. */
START_TEST(all_are_tried)
{
	char *page = cookbook_page();
	unsigned count = 0;

	for (const char *at = page; (at = strstr(at, "\n.\\\" recipe ")) != NULL; at++)
		count++;
	ck_assert_uint_eq(count, sizeof(recipes) / sizeof(recipes[0]));
	free(page);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cookbook");
	TCase *tests = harness_case(suite, "recipes", 120);

	tcase_add_loop_test(tests, recipe_serves, 0, (int)(sizeof(recipes) / sizeof(recipes[0])));
	tcase_add_test(tests, all_are_tried);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, harness_find("python3") == NULL ? "python3 is not installed" : NULL);
}

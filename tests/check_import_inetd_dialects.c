/* check_import_inetd_dialects.c - inetd.conf of FreeBSD, NetBSD, OpenBSD, GNU and busybox: a row for each rule that is
 * not Debian's. Then files that include files, bounds, and what only some machines have. */
#include "import_inetd_help.h"

#include <pwd.h>
#include <time.h>

/* NetBSD: a service of which only some values differ. */
#define ON(values) "7001 on protocol = tcp4, wait = no, user = root, exec = /bin/cat, " values ";\n"

static const struct inetd_row rows[] = {
	/* families */
	{ OPEN, { "tcp of OpenBSD", PROTOCOL("tcp"), 1, CHANGED, "write 0.0.0.0:PORT", "7001", "listen", "7001" } },
	{ OPEN, { "tcp4 of OpenBSD", PROTOCOL("tcp4"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ OPEN, { "udp of OpenBSD", FRONT("7001 dgram udp wait"), 0, NULL, "", "7001", "listen", "7001/udp" } },
	{ DEB, { "tcp46 of Debian", PROTOCOL("tcp46"), 0, NULL, "", "7001", "listen", "7001" } },
	{ FREE, { "tcp of FreeBSD", PROTOCOL("tcp"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ FREE, { "tcp4 of FreeBSD", PROTOCOL("tcp4"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ FREE, { "tcp6 of FreeBSD", PROTOCOL("tcp6"), 0, NULL, "", "7001", "listen", "[::]:7001" } },
	{ FREE, { "tcp46 of FreeBSD", PROTOCOL("tcp46"), 0, NULL, "", "7001", "listen", "7001" } },
	{ FREE, { "udp46 of FreeBSD", FRONT("7001 dgram udp46 wait"), 0, NULL, "", "7001", "listen", "7001/udp" } },
	{ FREE, { "tcp/ttcp", PROTOCOL("tcp/ttcp"), 1, UNSUPPORTED, "Linux has no such", "7001", "listen", NOWHERE } },
	{ FREE, { "no buffers", PROTOCOL("tcp,rcvbuf=8k"), 1, UNSUPPORTED, "takes no buffer", "7001", "listen", NOWHERE } },
	{ NET, { "tcp of NetBSD", PROTOCOL("tcp"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ NET, { "tcp6 of NetBSD", PROTOCOL("tcp6"), 0, NULL, "", "7001", "listen", "[::]:7001" } },
	{ NET, { "buffers of NetBSD", PROTOCOL("tcp,rcvbuf=8k"), 0, NULL, "", "7001", "rcvbuf", "8192" } },
	{ NET, { "faith", PROTOCOL("faith/tcp6"), 1, UNSUPPORTED, "no such protocol", "7001", "listen", NOWHERE } },
	{ GNU, { "tcp of GNU", PROTOCOL("tcp"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ GNU, { "tcp4 of GNU", PROTOCOL("tcp4"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ GNU, { "tcp6 of GNU", PROTOCOL("tcp6"), 0, NULL, "", "7001", "listen", "7001" } },
	{ GNU, { "tcp6only", PROTOCOL("tcp6only"), 0, NULL, "", "7001", "listen", "[::]:7001" } },
	{ GNU, { "tcp6 of GNU, all of IPv6", FRONT(":::7001 stream tcp6 nowait"), 0, NULL, "", "7001", "listen", "7001" } },
	{ GNU, { "no Unix sockets", FRONT("/run/a stream unix nowait"), 1, UNSUPPORTED, "no such protocol", "a", "listen", NOWHERE } },
	{ GNU, { "tcp6only elsewhere", PROTOCOL("tcp5"), 1, UNSUPPORTED, "no such protocol", "7001", "listen", NOWHERE } },
	{ BUSY, { "tcp of busybox", PROTOCOL("tcp"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ BUSY, { "tcp6 of busybox", PROTOCOL("tcp6"), 0, NULL, "", "7001", "listen", "7001" } },
	{ BUSY, { "tcp6 at an address", FRONT("[::1]:7001 stream tcp6 nowait"), 0, NULL, "", "7001", "listen", "[::1]:7001" } },
	{ BUSY, { "no tcp4", PROTOCOL("tcp4"), 1, UNSUPPORTED, "no such protocol", "7001", "listen", NOWHERE } },
	{ BUSY, { ":::name", FRONT(":::daytime stream tcp6 nowait"), 0, NULL, "", "daytime", "listen", "13" } },
	{ BUSY, { "rpc of busybox", "rstatd/2 dgram rpc/udp6 wait root /bin/cat\n", 1, UNSUPPORTED, "rpcbind(8)", NULL, NULL,
		  NOT_SET } },

	/* addresses */
	{ GNU, { "brackets", SERVICE("[::1]:7001"), 1, CHANGED, "not know brackets", "7001", "disable", "yes" } },
	{ GNU, { "brackets and tcp6", FRONT("[::1]:7001 stream tcp6 nowait"), 1, CHANGED, "not know brackets", "7001",
		 "listen", "[::1]:7001" } },
	{ GNU, { "two addresses", SERVICE("127.0.0.1,127.0.0.2:7001"), 0, NULL, "", "7001", "listen",
		 "127.0.0.1:7001, 127.0.0.2:7001" } },
	{ GNU, { "of the entries below", "127.0.0.1:\n" WAITING("nowait"), 0, NULL, "", "7001", "listen", "127.0.0.1:7001" } },
	{ GNU, { "back to all", "127.0.0.1:\n*:\n" WAITING("nowait"), 2, CHANGED, "loses the entries below", "7001", "listen",
		 "0.0.0.0:7001" } },
	{ NET, { "of the entries below, NetBSD", "[::1]:\n" PROTOCOL("tcp6"), 0, NULL, "", "7001", "listen", "[::1]:7001" } },
	{ BUSY, { "of the entries below, busybox", "127.0.0.1:\n" WAITING("nowait"), 0, NULL, "", "7001", "listen",
		  "127.0.0.1:7001" } },
	{ FREE, { "none", SERVICE("127.0.0.1:7001"), 1, UNSUPPORTED, "no port for tcp '127.0.0.1:7001'", "7001", "listen",
		  NOWHERE } },
	{ FREE, { "all and one", PROTOCOL("tcp46") PROTOCOL("tcp4"), 2, UNSUPPORTED, "Linux cannot listen", "7001-2", "disable",
		  "yes" } },
	{ FREE, { "localhost of IPv4 alone", WAITING("nowait"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ NET, { "localhost of IPv4", SERVICE("localhost:7001"), 0, NULL, "", "7001", "listen", "127.0.0.1:7001" } },

	/* wait */
	{ FREE, { "/N", WAITING("nowait/10"), 1, CHANGED, "", "7001", "instances", "10" } },
	{ FREE, { "/N/M", WAITING("nowait/10/20"), 1, CHANGED, "20 a minute of one source", "7001", "rate_per_source",
		  "20/min" } },
	{ FREE, { "/N/M/K", WAITING("nowait/10/20/5"), 0, NULL, "", "7001", "per_source", "5" } },
	{ FREE, { "/0/M", WAITING("nowait/0/20"), 0, NULL, "", "7001", "instances", NOT_SET } },
	{ FREE, { "/0/0/K", WAITING("nowait/0/0/5"), 0, NULL, "", "7001", "rate_per_source", NOT_SET } },
	{ FREE, { "/N/M/K/more", WAITING("nowait/1/2/3/4"), 1, CHANGED, "behind the third number", "7001", "per_source", "3" } },
	{ FREE, { "/x", WAITING("nowait/x"), 1, APPROXIMATED, "'x' is no number", "7001", "instances", NOT_SET } },
	{ FREE, { "wait/1", FRONT("7001 dgram udp wait/1"), 1, CHANGED, "", "7001", "instances", NOT_SET } },
	{ FREE, { "wait/5", FRONT("7001 dgram udp wait/5"), 1, APPROXIMATED, "one program runs at a time", "7001", "instances",
		  NOT_SET } },
	{ FREE, { "wait/1/5", FRONT("7001 dgram udp wait/1/5"), 1, APPROXIMATED, "not counted", "7001", "rate_per_source",
		  NOT_SET } },
	{ FREE, { "a dot", WAITING("nowait.40"), 1, CHANGED, "inetd of this system does not know it", "7001", "rate", "40/min" } },
	{ FREE, { "another word", WAITING("single"), 1, UNSUPPORTED, "neither wait nor nowait", "7001", "listen", NOWHERE } },
	{ FREE, { "clients wait for room", WAITING("nowait/10"), 0, NULL, "", "7001", "when_full", NOT_SET } },
	{ FREE, { "datagrams without wait", FRONT("7001 dgram udp nowait"), 1, APPROXIMATED, "side by side", "7001", "wait",
		  "yes" } },
	{ NET, { "a colon", WAITING("nowait:40"), 0, NULL, "", "7001", "rate", "40/min" } },
	{ NET, { "a dot of NetBSD", WAITING("wait.40"), 0, NULL, "", "7001", "rate", "40/min" } },
	{ GNU, { "a dot of GNU", WAITING("nowait.40"), 0, NULL, "", "7001", "rate", "40/min" } },
	{ GNU, { "any word of GNU", WAITING("single"), 1, CHANGED, "takes 'single' as nowait", "7001", "wait", NOT_SET } },
	{ BUSY, { "a dot of busybox", WAITING("nowait.40"), 0, NULL, "", "7001", "rate", "40/min" } },
	{ BUSY, { "no limit of starts", WAITING("nowait"), 1, CHANGED, "a clean environment", "7001", "rate", NOT_SET } },
	{ BUSY, { "another word for busybox", WAITING("single"), 1, UNSUPPORTED, "neither wait nor nowait", "7001", "listen",
		  NOWHERE } },
	{ BUSY, { "datagrams without wait, busybox", FRONT("7001 dgram udp nowait"), 1, APPROXIMATED, "gets one datagram",
		  "7001", "wait", NOT_SET } },
	{ NET, { "how many are accepted", FRONT("7001 stream,5 tcp nowait"), 1, CHANGED, "accepted as they come", "7001",
		 "listen", "0.0.0.0:7001" } },
	{ NET, { "an accept filter", FRONT("7001 stream:dataready tcp nowait"), 1, APPROXIMATED, "no accept filters", "7001",
		 "defer_accept", "30s" } },
	{ DEB, { "an accept filter elsewhere", FRONT("7001 stream:dataready tcp nowait"), 1, UNSUPPORTED, "no kind of socket", "7001",
		 "listen", NOWHERE } },

	/* users */
	{ FREE, { "a class", USER("nobody/daemon"), 1, APPROXIMATED, "the limits of 'daemon'", "7001", "user", "nobody" } },
	{ FREE, { "a group and a class", USER("nobody:daemon/x"), 0, NULL, "", "7001", "group", "daemon" } },
	{ FREE, { "no dots", USER("nobody.daemon"), 1, CHANGED, "no user 'nobody.daemon'", "7001", "group", NOT_SET } },
	{ DEB, { "no classes elsewhere", USER("nobody/daemon"), 1, CHANGED, "no user 'nobody/daemon'", "7001", "disable",
		 "yes" } },
	{ NET, { "a dot of NetBSD", USER("nobody.daemon"), 0, NULL, "", "7001", "group", "daemon" } },
	{ GNU, { "a dot of GNU", USER("nobody.daemon"), 0, NULL, "", "7001", "group", "daemon" } },
	{ BUSY, { "a colon of busybox", USER("nobody:daemon"), 0, NULL, "", "7001", "group", "daemon" } },

	/* words */
	{ FREE, { "quotes around a word", COMMAND("/bin/cat cat 'a b' \"c d\""), 0, NULL, "", "7001", "exec",
		  "/bin/cat 'a b' 'c d'" } },
	{ FREE, { "a quote ends a word", COMMAND("/bin/cat cat 'a'b"), 0, NULL, "", "7001", "exec", "/bin/cat a b" } },
	{ FREE, { "a quote in a word is data", COMMAND("/bin/cat cat it's"), 0, NULL, "", "7001", "exec",
		  "/bin/cat \"it's\"" } },
	{ FREE, { "a quote that is not closed", COMMAND("/bin/cat cat 'a b"), 0, NULL, "", "7001", "exec", "/bin/cat 'a b'" } },
	{ FREE, { "what would be a comment of ours", COMMAND("/bin/cat cat 'a ;b' \"it's ;\" ;c"), 0, NULL, "", "7001", "exec",
		  "/bin/cat 'a '\\;'b' \"it's \"\\;\"\" ';c'" } },
	{ FREE, { "21 words of FreeBSD", COMMAND("/bin/cat c 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"), 1, UNSUPPORTED,
		  "more than 20 arguments", "7001", "listen", NOWHERE } },
	{ FREE, { "a line goes on", COMMAND("/bin/cat cat") "\t-A\n", 0, NULL, "", "7001", "exec", "/bin/cat -A" } },
	{ NET, { "quotes in a word", COMMAND("/bin/cat cat a'b c'\"d e\"f"), 0, NULL, "", "7001", "exec", "/bin/cat 'ab cd ef'" } },
	{ NET, { "a quote in quotes", COMMAND("/bin/cat cat \"it's\""), 0, NULL, "", "7001", "exec", "/bin/cat \"it's\"" } },
	{ NET, { "an empty word", COMMAND("/bin/cat cat '' x"), 0, NULL, "", "7001", "exec", "/bin/cat '' x" } },
	{ GNU, { "quotes of GNU", COMMAND("/bin/cat cat \"a b\" 'c d'"), 0, NULL, "", "7001", "exec", "/bin/cat 'a b' 'c d'" } },
	{ GNU, { "a \" begins a word", COMMAND("/bin/cat cat x\"y z\"w"), 0, NULL, "", "7001", "exec", "/bin/cat x 'y z' w" } },
	{ GNU, { "a ' in a word is data", COMMAND("/bin/cat cat it's a b'"), 0, NULL, "", "7001", "exec",
		 "/bin/cat \"it's\" a \"b'\"" } },
	{ GNU, { "a quote that is not closed, GNU", COMMAND("/bin/cat cat \"a b"), 0, NULL, "", "7001", "exec",
		 "/bin/cat '\"a b'" } },
	{ GNU, { "nothing escapes", COMMAND("/bin/cat cat a\\ b"), 0, NULL, "", "7001", "exec", "/bin/cat 'a\\' b" } },
	{ GNU, { "lines do not go on", COMMAND("/bin/cat cat") "\t-A\n", 2, UNSUPPORTED, "a field is missing", "7001", "exec",
		 "/bin/cat" } },
	{ GNU, { "an indented entry", " " COMMAND("/bin/cat cat"), 0, NULL, "", "7001", "exec", "/bin/cat" } },
	{ GNU, { "25 words", COMMAND("/bin/cat c 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25"), 0, NULL, "",
		 "7001", "exec", "/bin/cat 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25" } },
	{ BUSY, { "no quotes of busybox", COMMAND("/bin/cat cat 'a b'"), 0, NULL, "", "7001", "exec", "/bin/cat \"'a\" \"b'\"" } },
	{ BUSY, { "a program by its name", COMMAND("sh sh -c x"), 0, NULL, "", "7001", "disable", NOT_SET } },
	{ OPEN, { "no quotes of OpenBSD", COMMAND("/bin/cat cat 'a b'"), 0, NULL, "", "7001", "exec",
		  "/bin/cat \"'a\" \"b'\"" } },

	/* internal */
	{ FREE, { "by number", "7 stream tcp nowait root internal\n", 0, NULL, "", "7", "exec", "echo" } },
	{ FREE, { "by another name", "sink stream tcp nowait root internal\n", 0, NULL, "", "sink", "exec", "discard" } },
	{ FREE, { "auth of FreeBSD", "auth stream tcp nowait root internal auth -r -f -n -o UNKNOWN -t 30\n", 1, UNSUPPORTED,
		  "RFC 1413", "auth", "listen", NOWHERE } },
	{ BUSY, { "echo of busybox", "echo dgram udp wait root internal\n", 0, NULL, "", "echo", "listen", "0.0.0.0:7/udp" } },
	{ BUSY, { "echo that waits", "echo stream tcp wait root internal\n", 1, UNSUPPORTED, "of streams is nowait", "echo", "listen",
		  NOWHERE } },
	{ GNU, { "echo of GNU", "echo stream tcp6 nowait root internal\n", 0, NULL, "", "echo", "listen", "7" } },
	{ GNU, { "tcpmux of GNU", "tcpmux/+x stream tcp nowait root /bin/cat\n", 1, UNSUPPORTED, "tcpmux", NULL, NULL, NOT_SET } },

	/* comments with a meaning */
	{ FREE, { "a policy", "#@ in ipsec esp/transport//require\n" WAITING("nowait"), 1, UNSUPPORTED, "ip-xfrm(8)", "7001",
		  "disable", "yes" } },
	{ NET, { "a policy of NetBSD", "#@ in ipsec ah/transport//require\n" WAITING("nowait"), 2, UNSUPPORTED, "IPsec", "7001",
		 "disable", "yes" } },
	{ FREE, { "the end of a policy", "#@ in ipsec x\n#@\n" WAITING("nowait"), 2, EXACT, "", "7001", "disable", NOT_SET } },
	{ DEB, { "no policy elsewhere", "#@ in ipsec x\n" WAITING("nowait"), 1, EXACT, "", "7001", "disable", NOT_SET } },
	{ FREE, { "#<off># elsewhere", "#<off># " WAITING("nowait"), 1, EXACT, "", "7001", "listen", NOWHERE } },
	{ GNU, { "#<off># of Debian's GNU", "#<off># " WAITING("nowait"), 0, NULL, "", "7001", "disable", "yes" } },

	/* Unix sockets */
	{ FREE, { "that root alone may use", FRONT("/run/a stream unix nowait"), 0, NULL, "", "a", "socket_mode", "0200" } },
	{ FREE, { "with owner: mode", FRONT(":nobody:daemon:220:/run/a stream unix nowait"), 0, NULL, "", "a", "socket_mode",
		  "0220" } },
	{ FREE, { "with owner: user", FRONT(":nobody:daemon:220:/run/a stream unix nowait"), 0, NULL, "", "a", "socket_user",
		  "nobody" } },
	{ FREE, { "with owner: group", FRONT(":nobody:daemon:220:/run/a stream unix nowait"), 0, NULL, "", "a", "socket_group",
		  "daemon" } },
	{ FREE, { "with an owner who is not here", FRONT(":no-such:daemon:220:/run/a stream unix nowait"), 1, CHANGED,
		  "no user or group", "a", "disable", "yes" } },
	{ FREE, { "whose name is then not written", FRONT(":no-such:daemon:220:/run/a stream unix nowait"), 0, NULL, "", "a",
		  "socket_user", NOT_SET } },
	{ FREE, { "with a mode that is none", FRONT(":nobody:daemon:9:/run/a stream unix nowait"), 1, UNSUPPORTED,
		  ":user:group:mode:", "a", "listen", NOWHERE } },
	{ FREE, { "without all of them", FRONT(":nobody:/run/a stream unix nowait"), 1, UNSUPPORTED, ":user:group:mode:", "a", "listen",
		  NOWHERE } },
	{ BUSY, { "of busybox", FRONT("/run/a stream unix nowait"), 1, CHANGED, "depends on the umask", "a", "socket_mode",
		  NOT_SET } },

	/* NetBSD: key = value */
	{ NET, { "values", ON("args = cat -A"), 1, CHANGED, "", "7001", "exec", "/bin/cat -A" } },
	{ NET, { "where it listens", ON("args = cat"), 0, NULL, "", "7001", "listen", "0.0.0.0:7001" } },
	{ NET, { "over lines", "7001 on\n\tprotocol = tcp6,\n\n# x\n\twait = no, user\n= root,\nexec = /bin/cat\n;\n", 6, CHANGED,
		 "see line 1", "7001", "listen", "[::]:7001" } },
	{ NET, { "comments between", "7001 on# x\nprotocol = tcp4 # y\n, wait = no, user = root#z\n, exec = /bin/cat;\n", 0,
		 NULL, "", "7001", "exec", "/bin/cat" } },
	{ NET, { "two on a line", ON("args = cat") "7002 on protocol=tcp4,wait=no,user=root,exec=/bin/cat; " ON("args = x"), 2,
		 APPROXIMATED, "", "7002", "listen", "0.0.0.0:7002" } },
	{ NET, { "a comment behind", "7001 on protocol=tcp4,wait=no,user=root,exec=/bin/cat; # x\n" PROTOCOL("tcp4") USER("root"), 0, NULL,
		 "", "7001-2", "listen", "0.0.0.0:7001" } },
	{ NET, { "off", "7001 off protocol=tcp4,wait=no,user=root,exec=/bin/cat;\n", 0, NULL, "", "7001", "disable", "yes" } },
	{ NET, { "quotes of values", ON("args = cat 'a, b;' \"c\\td\""), 1, UNSUPPORTED, "control characters", "7001", "listen",
		 NOWHERE } },
	{ NET, { "escapes", ON("args = cat '\\\\ \\' \\\" \\x41'"), 0, NULL, "", "7001", "exec",
		 "/bin/cat \"\\\\ ' \\\" A\"" } },
	{ NET, { "quotes in a value", ON("args = cat a'b c'd"), 0, NULL, "", "7001", "exec", "/bin/cat 'ab cd'" } },
	{ NET, { "no escapes without quotes", ON("args = cat a\\nb"), 0, NULL, "", "7001", "exec", "/bin/cat 'a\\nb'" } },
	{ NET, { "an unknown escape", ON("args = cat 'a\\qb'") WAITING("nowait"), 1, UNSUPPORTED, "behind a backslash", "7001",
		 "exec", "/bin/cat" } },
	{ NET, { "\\x00", ON("args = cat '\\x00'"), 1, UNSUPPORTED, "not x00", "7001", "listen", NOWHERE } },
	{ NET, { "a quote that is open", ON("args = 'cat") ";\n" WAITING("nowait"), 1, UNSUPPORTED, "a quote is not closed", "7001",
		 "exec", "/bin/cat" } },
	{ NET, { "an address", ON("bind = 127.0.0.1"), 0, NULL, "", "7001", "listen", "127.0.0.1:7001" } },
	{ NET, { "an address tells the family", "7001 on protocol=tcp,wait=no,user=root,exec=/bin/cat,bind=::1;\n", 0, NULL, "",
		 "7001", "listen", "[::1]:7001" } },
	{ NET, { "nothing tells the family", "7001 on protocol=tcp,wait=no,user=root,exec=/bin/cat;\n", 1, CHANGED,
		 "inetd wants tcp4 or tcp6", "7001", "listen", "0.0.0.0:7001" } },
	{ NET, { "the address of entries below", "127.0.0.1:\n" ON("args = cat"), 0, NULL, "", "7001", "listen",
		 "127.0.0.1:7001" } },
	{ NET, { "buffers: recvbuf", ON("recvbuf = 8k, sndbuf = 1m"), 0, NULL, "", "7001", "rcvbuf", "8192" } },
	{ NET, { "buffers: sndbuf", ON("recvbuf = 8k, sndbuf = 1m"), 0, NULL, "", "7001", "sndbuf", "1048576" } },
	{ NET, { "service_max", ON("service_max = 30"), 1, CHANGED, "above 30 starts", "7001", "rate", "30/min" } },
	{ NET, { "ip_max", ON("ip_max = 3"), 1, CHANGED, "3 a minute of one source", "7001", "rate_per_source", "3/min" } },
	{ NET, { "accept_max", ON("accept_max = 3"), 1, CHANGED, "accepted as they come", "7001", "instances", NOT_SET } },
	{ NET, { "acceptfilter", ON("acceptfilter = httpready"), 1, APPROXIMATED, "accept filters", "7001", "defer_accept",
		 "30s" } },
	{ NET, { "group", ON("group = daemon"), 0, NULL, "", "7001", "group", "daemon" } },
	{ NET, { "a user is a whole word", "7001 on protocol=tcp4,wait=no,user=nobody.daemon,exec=/bin/cat;\n", 1, CHANGED,
		 "no user 'nobody.daemon'", "7001", "group", NOT_SET } },
	{ NET, { "socktype", "7001 on socktype=dgram,protocol=udp4,wait=yes,user=root,exec=/bin/cat;\n", 0, NULL, "", "7001",
		 "listen", "0.0.0.0:7001/udp" } },
	{ NET, { "the protocol tells it", "7001 on protocol=udp4,wait=yes,user=root,exec=/bin/cat;\n", 0, NULL, "", "7001",
		 "wait", "yes" } },
	{ NET, { "a Unix socket", "/run/a on socktype=stream,protocol=unix,wait=no,user=root,exec=/bin/cat;\n", 0, NULL, "", "a",
		 "listen", "unix:/run/a" } },
	{ NET, { "internal", "echo on protocol=tcp6,user=root;\n", 0, NULL, "", "echo", "exec", "echo" } },
	{ NET, { "an IPsec policy", ON("ipsec = 'in ipsec ah/transport//require'"), 1, UNSUPPORTED, "IPsec", "7001", "disable",
		 "yes" } },
	{ NET, { "no IPsec policy", "#@ x\n" ON("ipsec ="), 0, NULL, "", "7001", "disable", NOT_SET } },
	{ NET, { "an unknown key", ON("arguments = cat"), 1, UNSUPPORTED, "there is no key 'arguments'", "7001", "listen", NOWHERE } },
	{ NET, { "a key twice", ON("user = nobody"), 1, UNSUPPORTED, "user is given twice", "7001", "listen", NOWHERE } },
	{ NET, { "too many values", ON("group = a b"), 1, UNSUPPORTED, "group has 2 values", "7001", "listen", NOWHERE } },
	{ NET, { "too few values", ON("group ="), 1, UNSUPPORTED, "group has 0 values", "7001", "listen", NOWHERE } },
	{ NET, { "wait that is neither", "7001 on protocol=tcp4,wait=maybe,user=root,exec=/bin/cat;\n", 1, UNSUPPORTED,
		 "wait is yes or no", "7001", "listen", NOWHERE } },
	{ NET, { "a maximum that is none", ON("ip_max = x"), 1, UNSUPPORTED, "no number", "7001", "listen", NOWHERE } },
	{ NET, { "no wait", "7001 on protocol=tcp4,user=root,exec=/bin/cat;\n", 1, UNSUPPORTED, "it has no wait", "7001", "listen",
		 NOWHERE } },
	{ NET, { "no user", "7001 on protocol=tcp4,wait=no,exec=/bin/cat;\n", 1, UNSUPPORTED, "it has no user", "7001", "listen",
		 NOWHERE } },
	{ NET, { "no protocol", "7001 on wait=no,user=root,exec=/bin/cat;\n", 1, UNSUPPORTED, "it has no protocol", "7001", "listen",
		 NOWHERE } },
	{ NET, { "no end", "7001 on protocol=tcp4,\nwait=no\n", 1, UNSUPPORTED, "no end", "7001", "listen", NOWHERE } },
	{ NET, { "no =", "7001 on protocol tcp4;\n" WAITING("nowait"), 1, UNSUPPORTED, "behind the next semicolon", "7001", "listen",
		 "0.0.0.0:7001" } },
	{ NET, { "a service that is called on", "on stream tcp nowait root /bin/cat\n", 1, UNSUPPORTED, "no port", "on", "listen",
		 NOWHERE } },
	{ NET, { "an unknown directive", ".exclude x\n" WAITING("nowait"), 1, UNSUPPORTED, "no directive '.exclude'", "7001", "listen",
		 "0.0.0.0:7001" } },
	{ NET, { "include in a text", ".include /etc/x\n", 1, UNSUPPORTED, "import /etc/x by itself", NULL, NULL, NOT_SET } },
	{ NET, { "include of what stands below", ".include\n\n \tx\n", 1, UNSUPPORTED, "a pattern is missing", NULL, NULL, NOT_SET } },
	{ NET, { "include on two lines", ".include\n /etc/x\n", 2, EXACT, "", NULL, NULL, NOT_SET } },
	{ NET, { "include of nothing", ".include\n", 1, UNSUPPORTED, "a pattern is missing", NULL, NULL, NOT_SET } },
	{ DEB, { "include elsewhere", ".include /etc/x\n", 1, UNSUPPORTED, "a field is missing", NULL, NULL, NOT_SET } },
	{ DEB, { "on elsewhere", "7001 on protocol=tcp4,wait=no,user=root;\n", 1, UNSUPPORTED, "a field is missing", "7001", "listen",
		 NOWHERE } },
};

START_TEST(row)
{
	check_inetd_row(&rows[_i]);
}
END_TEST

/* ---- files ---- */

static void import_file(const char *name, enum import_dialect dialect)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	ck_assert_int_eq(import_inetd(import, place(name), dialect), 0);
	ck_assert(!import_failed(import));
	check_nothing_lost();
	check_loads();
}

static void check_report(const char *text)
{
	_cleanup_free_ char *report = report_of_import();

	ck_assert_msg(strstr(report, text) != NULL, "'%s' is not in\n%s", text, report);
}

START_TEST(includes)
{
	put("inetd.conf", 0644, "127.0.0.1:\n.include *.inc\n.include none*\n" WAITING("nowait"));
	put("a.inc", 0644, "7002 stream tcp nowait root /bin/cat\n127.0.0.3:\n");
	put("b.inc", 0644, ".include inetd.conf\n.include c\n7003 stream tcp nowait root /bin/cat\n");
	put("c", 0644, "#@ in ipsec x\n7004 stream tcp nowait root /bin/cat\n");
	import_file("inetd.conf", IMPORT_NETBSD);
	ck_assert_str_eq(import_get(find_section("7001"), "listen"), "127.0.0.1:7001");
	ck_assert_str_eq(import_get(find_section("7002"), "listen"), "127.0.0.1:7002");
	ck_assert_str_eq(import_get(find_section("7003"), "listen"), "127.0.0.1:7003");
	ck_assert_ptr_null(import_get(find_section("7003"), "disable"));
	ck_assert_str_eq(import_get(find_section("7004"), "disable"), "yes");
	check_report("includes itself, and is not read again");
	check_report("there is no file of that name here");
	import_free(import);
}
END_TEST

/* Files that include each other end, however they do it. */
START_TEST(includes_without_end)
{
	for (unsigned i = 0; i < 12; i++) {
		char name[16], text[64];

		snprintf(name, sizeof(name), "f%u.conf", i);
		snprintf(text, sizeof(text), ".include f*.conf\n.include f%u.conf\n", i + 1);
		put(name, 0644, text);
	}
	import_file("f0.conf", IMPORT_NETBSD);
	check_report("files include each other too deeply, or there are too many");
	import_free(import);
}
END_TEST

START_TEST(cannot_be_read)
{
	import = import_new();
	ck_assert_int_eq(import_inetd(import, place("none"), IMPORT_DEBIAN), -ENOENT);
	ck_assert_int_eq(import_inetd(import, directory, IMPORT_DEBIAN), -EISDIR);
	import_free(import);
}
END_TEST

/* What one file serves another one cannot. */
START_TEST(two_files)
{
	import = import_new();
	import_inetd_text(import, "one", WAITING("nowait"), strlen(WAITING("nowait")), IMPORT_DEBIAN);
	import_inetd_text(import, "two", WAITING("nowait"), strlen(WAITING("nowait")), IMPORT_DEBIAN);
	ck_assert_ptr_null(import_get(find_section("7001"), "disable"));
	ck_assert_str_eq(import_get(find_section("7001-2"), "disable"), "yes");
	check_report("two:1: changed on purpose: ");
	check_report("[7001] listens there already");
	check_loads();
	import_free(import);
}
END_TEST

/* What tcpd decided is decided here. */
START_TEST(hosts_files)
{
	static const char text[] = COMMAND("/usr/sbin/tcpd /bin/cat -A"), deny[] = "cat: 192.0.2.0/255.255.255.0\n";

	import = import_new();
	import_inetd_text(import, INPUT, text, strlen(text), IMPORT_DEBIAN);
	import_hosts_text(import, NULL, NULL, 0, "hosts.deny", deny, strlen(deny));
	ck_assert_str_eq(import_get(find_section("7001"), "deny"), "192.0.2.0/24");
	check_loads();
	import_free(import);
}
END_TEST

/* ---- bounds ---- */

START_TEST(many_entries)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	unsigned count = 0;

	for (unsigned i = 1; i <= 2100; i++)
		fprintf(out, "%u stream tcp nowait root /bin/cat cat\n", i);
	fclose(out);
	import = import_new();
	import_inetd_text(import, INPUT, text, length, IMPORT_DEBIAN);
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		count++;
	ck_assert_uint_eq(count, 2000);
	check_report(INPUT ":2001: unsupported: more than 2000 services");
	import_free(import);
	free(text);
}
END_TEST

/* 16 MiB of one kind of line after the other: seconds, not hours. */
START_TEST(large_inputs)
{
	static const char *const lines[] = { " a\n", "no-such stream tcp nowait root /bin/cat\n", "a b c d e f g h\n", "7001 stream tcp nowait root /bin/cat x\n",
					     "'a \"b ", "::,::,::,", "\\\"'\n", "7 on args = a,", "#<off># 7 stream tcp a b c\n" };
	size_t length = 4U << 20;
	char *text = malloc(length);
	time_t begin = time(NULL);

	for (unsigned i = 0; i < ELEMENTS(lines) * IMPORT_DIALECTS; i++) {
		const char *line = lines[i / IMPORT_DIALECTS];

		for (size_t at = 0; at < length; at++)
			text[at] = line[at % strlen(line)];
		import = import_new();
		import_inetd_text(import, INPUT, text, length, (enum import_dialect)(i % IMPORT_DIALECTS));
		import_free(import);
	}
	free(text);
	ck_assert_int_lt(time(NULL) - begin, 120);
}
END_TEST

/* ---- users with dots ---- */

static bool has_dots;

/* In place of the one of the C library. */
struct passwd *getpwnam(const char *name)
{
	static struct passwd found;
	static char room[4096];
	struct passwd *result = NULL;

	if (has_dots && strcmp(name, "web.mail") == 0)
		name = "nobody";
	return getpwnam_r(name, &found, room, sizeof(room), &result) == 0 ? result : NULL;
}

START_TEST(user_with_a_dot)
{
	static const char text[] = USER("web.mail") "7002 stream tcp nowait web.mail.daemon /bin/cat\n";

	has_dots = true;
	import = import_new();
	import_inetd_text(import, INPUT, text, strlen(text), IMPORT_DEBIAN);
	has_dots = false;
	ck_assert_str_eq(import_get(find_section("7001"), "user"), "web.mail");
	ck_assert_ptr_null(import_get(find_section("7001"), "group"));
	check_report("web.mail is a user here; inetd may take it for a user and a group");
	ck_assert_str_eq(import_get(find_section("7002"), "user"), "web.mail");
	ck_assert_str_eq(import_get(find_section("7002"), "group"), "daemon");
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_inetd_dialects");
	TCase *rules = tcase_create("rules"), *files = tcase_create("files"), *bounds = tcase_create("bounds");

	tcase_add_checked_fixture(rules, set_up, tear_down);
	tcase_add_loop_test(rules, row, 0, ELEMENTS(rows));
	tcase_add_test(rules, user_with_a_dot);
	suite_add_tcase(suite, rules);
	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, includes);
	tcase_add_test(files, includes_without_end);
	tcase_add_test(files, cannot_be_read);
	tcase_add_test(files, two_files);
	tcase_add_test(files, hosts_files);
	suite_add_tcase(suite, files);
	tcase_set_timeout(bounds, 300);
	tcase_add_test(bounds, many_entries);
	tcase_add_test(bounds, large_inputs);
	suite_add_tcase(suite, bounds);
	return suite;
}

RUN_SUITE(make_suite)

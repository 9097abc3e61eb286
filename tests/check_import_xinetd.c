/* check_import_xinetd.c - a row for each rule of xinetd.conf: how it is read, what is told, and the key that
 * it becomes. */
#include "import_xinetd_help.h"

#include <stdarg.h>

static const struct row rows[] = {
	{ "comments and empty lines", "# a\n\n  # b\n", 3, EXACT, "", NULL, NULL, NOT_SET },
	{ "a comment may be indented in a section", S("\t# server = /bin/false\n"), 10, EXACT, "", "s",
	  "exec", "/bin/sh" },
	{ "a # in mid-line is data", S("\tserver_args = a # b\n"), 10, EXACT, "", "s", "exec",
	  "/bin/sh a '#' b" },
	{ "words behind the name of a service", "service s x y\n{\n}\n", 1, EXACT,
	  "neither a socket_type nor a protocol", "s", "exec", NOWHERE },
	{ "a brace behind the name", "service x {\n\tport = 1\n}\n" S(""), 1, EXACT,
	  "put the { alone on a line", "s", "listen", "7777" },
	{ "the lines of a section that is skipped", "service x {\n\tport = 1\n}\n", 2, EXACT, "does not read",
	  "x", "listen", NOWHERE },
	{ "a brace with blanks around it",
	  "service x\n  {  \n\ttype = UNLISTED INTERNAL\n\tsocket_type = stream\n\tport = 9\n  }  \n", 2,
	  EXACT, "", NULL, NULL, NOT_SET },
	{ "braces with a word behind them", "service x\n{ y\n}\n", 1, EXACT, "no line that is just {", "x",
	  "listen", NOWHERE },
	{ "a section that never ends", "service x\n{\n\tport = 1\n", 1, EXACT, "has no end", "x", "listen",
	  NOWHERE },
	{ "a } with a word behind it ends nothing", "service x\n{\n} y\n}\n", 3, EXACT,
	  "throws the whole section away", "x", "listen", NOWHERE },
	{ "a name is missing", "service\n{\n}\n" S(""), 1, EXACT, "a name is missing", "s", "listen",
	  "7777" },
	{ "an unknown word takes all along to the next }", "servic x\n{\n}\n" S(""), 1, EXACT,
	  "skips all up to", "s", "listen", "7777" },
	{ "keywords are in lower case", "Service x\n{\n}\n", 1, EXACT, "skips all up to", "x", "listen",
	  NOWHERE },
	{ "no blank before the operator", S("\tnice= 3\n"), 10, EXACT,
	  "a blank is missing before the operator", "s", "listen", NOWHERE },
	{ "no blank before +=", S("\tenv+= A=b\n"), 10, EXACT, "a blank is missing", "s", "listen", NOWHERE },
	{ "no blank behind the operator", S("\tnice =3\n"), 10, EXACT, "", "s", "nice", "3" },
	{ "no operator", S("\tnice 3\n"), 10, EXACT, "no operator", "s", "listen", NOWHERE },
	{ "no operator at all", S("\tnice\n"), 10, EXACT, "no operator", "s", "listen", NOWHERE },
	{ "another operator", S("\tnice := 3\n"), 10, EXACT, "no operator", "s", "listen", NOWHERE },
	{ "the section behind one that is thrown away", "service x\n{\n\tnice\n}\n" S(""), 0, NULL, "", "s",
	  "listen", "7777" },
	{ "lines behind a mistake", "service x\n{\n\tnice\n\tport = 1\n}\n", 4, EXACT, "does not read", NULL,
	  NULL, NOT_SET },
	{ "an unknown attribute", S("\tnise = 3\n"), 10, EXACT, "has no attribute 'nise'", "s", "listen",
	  "7777" },
	{ "attributes are in lower case", S("\tNice = 3\n"), 10, EXACT, "has no attribute", "s", "nice",
	  NOT_SET },
	{ "too few values", S("\tcps = 5\n"), 10, EXACT, "cps takes 2 values, not 1", "s", "rate", NOT_SET },
	{ "too many values", S("\tnice = 5 6\n"), 10, EXACT, "nice takes 1 value, not 2", "s", "nice",
	  NOT_SET },
	{ "no value", S("\tnice =\n"), 10, EXACT, "nice takes 1 value, not 0", "s", "nice", NOT_SET },
	{ "a second assignment", S("\tnice = 5\n\tnice = 6\n"), 11, EXACT, "the first holds", "s", "nice",
	  "5" },
	{ "bind and interface are one", S("\tbind = 127.0.0.1\n\tinterface = 127.0.0.2\n"), 11, EXACT,
	  "second time", "s", "listen", "127.0.0.1:7777" },
	{ "+= where there is no list", S("\tnice += 5\n"), 10, EXACT, "takes no +=", "s", "nice", NOT_SET },
	{ "-= where there is no list", S("\tserver_args -= a\n"), 10, EXACT, "takes no -=", "s", "exec",
	  "/bin/sh" },
	{ "a value that is refused", S("\tnice = fast\n"), 10, EXACT, "switches the service off", "s",
	  "disable", "yes" },
	{ "disable = no takes a mistake back", S("\tnice = fast\n\tdisable = no\n"), 10, EXACT, "", "s",
	  "disable", NOT_SET },
	{ "a mistake in defaults ends xinetd", D("\tumask = 9\n", ""), 3, CHANGED, "xinetd ends at this line",
	  "s", "umask", NOT_SET },
	{ "what cannot stand in defaults", D("\tnice = 5\n", ""), 3, EXACT, "cannot stand in defaults", "s",
	  "nice", NOT_SET },
	{ "what stands in defaults only", S("\tenabled = x\n"), 10, EXACT, "in defaults only", "s", "disable",
	  NOT_SET },
	{ "two defaults in a file", "defaults\n{\n\tcps = 5 5\n}\ndefaults\n{\n\tcps = 6 6\n}\n" S(""), 5,
	  EXACT, "one defaults section", "s", "rate", "5/s" },
	{ "a bad line in defaults cuts them off",
	  "defaults\n{\n\tcps = 5 5\n\tbad\n\tinstances = 3\n}\n" S(""), 5, EXACT, "skips all", "s",
	  "instances", NOT_SET },
	{ "a bad last line in defaults takes the next section along", "defaults\n{\n\tbad\n}\n" S(""), 0,
	  NULL, "", "s", "listen", NOWHERE },
	{ "include in a text", "include /etc/x\n", 1, UNSUPPORTED, "import /etc/x by itself", NULL, NULL,
	  NOT_SET },
	{ "CR LF",
	  "service s\r\n{\r\n\ttype = UNLISTED INTERNAL\r\n\tflags = SENSOR\r\n\tsocket_type = stream\r\n"
	  "\twait = no\r\n\tport = 9\r\n}\r\n",
	  8, EXACT, "", "s", "listen", "9" },
	{ "disable = yes", S("\tdisable = yes\n"), 10, EXACT, "", "s", "disable", "yes" },
	{ "what is behind disable = yes is still imported", S("\tdisable = yes\n\tnice = 3\n"), 11, EXACT, "",
	  "s", "nice", "3" },
	{ "a mistake behind disable = yes", S("\tdisable = yes\n\tnice\n"), 11, EXACT,
	  "does not see it behind disable", "s", "disable", "yes" },
	{ "a value behind disable = yes", S("\tdisable = yes\n\tnice = x\n"), 11, EXACT, "does not see it",
	  "s", "nice", NOT_SET },
	{ "enabled names it", D("\tenabled = s\n", ""), 0, NULL, "", "s", "disable", NOT_SET },
	{ "enabled names another", D("\tenabled = t\n", ""), 5, CHANGED, "not named in enabled", "s",
	  "disable", "yes" },
	{ "enabled names nobody", D("\tenabled =\n", ""), 5, CHANGED, "not named in enabled", "s", "disable",
	  "yes" },
	{ "enabled revives a mistake", D("\tenabled = s\n", "\tnice = x\n"), 5, CHANGED,
	  "in spite of the mistake", "s", "disable", NOT_SET },
	{ "enabled does not revive disable = yes", D("\tenabled = s\n", "\tdisable = yes\n"), 0, NULL, "",
	  "s", "disable", "yes" },
	{ "disabled names it", D("\tdisabled = s\n", ""), 5, CHANGED, "named in disabled", "s", "disable",
	  "yes" },
	{ "disabled is stronger than enabled", D("\tenabled = s\n\tdisabled = s\n", ""), 0, NULL, "", "s",
	  "disable", "yes" },
	{ "disabled goes by the id", D("\tdisabled = s\n", "\tid = t\n"), 0, NULL, "", "t", "disable",
	  NOT_SET },
	{ "-= adds to disabled", D("\tdisabled -= s\n", ""), 3, EXACT, "adds with -=", "s", "disable",
	  "yes" },
	{ "id names the section", S("\tid = other\n"), 0, NULL, "", "other", "listen", "7777" },
	{ "two of one id", S("") BARE("\tserver = /bin/sh\n\tbind = 127.0.0.1\n}\n"), 0, NULL, "", "s-2",
	  "disable", "yes" },
	{ "two in one place", S("") S("\tid = t\n"), 11, CHANGED, "listens there already", "t", "disable",
	  "yes" },
	{ "two on two addresses", S("\tbind = 127.0.0.1\n") S("\tid = t\n\tbind = 127.0.0.2\n"), 0, NULL, "",
	  "t", "disable", NOT_SET },
	{ "two families", S("\tflags = IPv4\n") S("\tid = t\n\tv6only = yes\n"), 0, NULL, "", "t", "listen",
	  "[::]:7777" },
	{ "TCP and UDP of one port", S("") U(""), 0, NULL, "", "u", "disable", NOT_SET },
	{ "no wait",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\tuser = "
	  "root\n\tport = 7777\n\tserver = /bin/sh\n}\n",
	  1, CHANGED, "it has no wait", "s", "disable", "yes" },
	{ "no user",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = "
	  "no\n\tport = 7777\n\tserver = /bin/sh\n}\n",
	  1, CHANGED, "it has no user", "s", "disable", "yes" },
	{ "no server", BARE("}\n"), 1, EXACT, "neither server nor redirect", "s", "listen", NOWHERE },
	{ "UNLISTED without a port",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\twait = no\n\tuser = "
	  "root\n\tserver = /bin/sh\n}\n",
	  1, EXACT, "UNLISTED and has no port", "s", "listen", NOWHERE },
	{ "the port of services(5)",
	  "service finger\n{\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = "
	  "/bin/sh\n}\n",
	  0, NULL, "", "finger", "listen", "79" },
	{ "a port that is not that of services(5)",
	  "service finger\n{\n\tsocket_type = stream\n\twait = no\n\tport = 7979\n\tuser = "
	  "root\n\tserver = /bin/sh\n}\n",
	  1, CHANGED, "not the one of services(5)", "finger", "disable", "yes" },
	{ "a service that services(5) does not know",
	  "service nosuchservice\n{\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = "
	  "/bin/sh\n}\n",
	  1, EXACT, "services(5) has no port", "nosuchservice", "listen", NOWHERE },
	{ "a service that is a number",
	  "service 7777\n{\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = "
	  "/bin/sh\n}\n",
	  1, EXACT, "services(5) has no port", "7777", "listen", NOWHERE },
	{ "protocol alone says the socket_type",
	  "service s\n{\n\ttype = UNLISTED\n\tprotocol = udp\n\twait = yes\n\tport = 7777\n\tuser = "
	  "root\n\tserver = /bin/sh\n}\n",
	  0, NULL, "", "s", "listen", "7777/udp" },
	{ "another protocol than the socket_type",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = udp\n\twait = "
	  "yes\n\tport = 7777\n\tuser = root\n\tserver = /bin/sh\n}\n",
	  1, EXACT, "another protocol", "s", "listen", NOWHERE },
	{ "raw sockets",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = raw\n\tprotocol = icmp\n\twait = "
	  "yes\n\tport = 1\n\tuser = root\n\tserver = /bin/sh\n}\n",
	  1, UNSUPPORTED, "streams and datagrams", "s", "listen", NOWHERE },
	{ "another protocol than TCP and UDP",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = icmp\n\twait = "
	  "no\n\tport = 1\n\tuser = root\n\tserver = /bin/sh\n}\n",
	  1, UNSUPPORTED, "only TCP and UDP", "s", "listen", NOWHERE },
	{ "an unknown protocol", "service s\n{\n\tprotocol = nosuch\n}\n", 3, EXACT,
	  "'nosuch' is nothing that protocol can be", NULL, NULL, NOT_SET },
	{ "an unknown socket_type", "service s\n{\n\tsocket_type = Stream\n}\n", 3, EXACT,
	  "nothing that socket_type can be", NULL, NULL, NOT_SET },
	{ "datagrams with wait = no",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = dgram\n\tprotocol = udp\n\twait = "
	  "no\n\tport = 7777\n\tuser = root\n\tserver = /bin/sh\n}\n",
	  1, CHANGED, "datagrams need wait = yes", "s", "disable", "yes" },
	{ "datagrams with wait = yes", U(""), 0, NULL, "", "u", "wait", "yes" },
	{ "port 65536", "service s\n{\n\tport = 65536\n}\n", 3, EXACT, "nothing that port can be", NULL, NULL,
	  NOT_SET },
	{ "port 0 of the system's choice",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = "
	  "no\n\tport = 0\n\tuser = root\n\tserver = /bin/sh\n}\n",
	  1, UNSUPPORTED, "port 0", "s", "listen", NOWHERE },
	{ "internal echo", I("echo", "stream", "no", ""), 0, NULL, "", "echo", "exec", "echo" },
	{ "internal discard", I("discard", "stream", "no", ""), 0, NULL, "", "discard", "exec", "discard" },
	{ "internal time", I("time", "stream", "no", ""), 0, NULL, "", "time", "exec", "time" },
	{ "internal daytime looks another way", I("daytime", "stream", "no", ""), 1, CHANGED,
	  "as mail has it", "daytime", "exec", "daytime" },
	{ "internal chargen over UDP", I("chargen", "dgram", "yes", ""), 1, CHANGED,
	  "as long as the question", "chargen", "listen", "19/udp" },
	{ "internal over UDP answers each datagram by itself", I("echo", "dgram", "yes", ""), 0, NULL, "",
	  "echo", "wait", NOT_SET },
	{ "internal over TCP with wait = yes", I("echo", "stream", "yes", ""), 0, NULL, "", "echo", "wait",
	  NOT_SET },
	{ "internal as root", I("echo", "stream", "no", "\tuser = root\n"), 6, CHANGED, "runs as nobody",
	  "echo", "user", NOT_SET },
	{ "internal as somebody", I("echo", "stream", "no", "\tuser = daemon\n"), 6, CHANGED, "sudo", "echo",
	  "user", "daemon" },
	{ "an internal service that there is not", I("finger", "stream", "no", ""), 1, EXACT,
	  "no internal service", "finger", "exec", NOWHERE },
	{ "servers",
	  "service servers\n{\n\ttype = INTERNAL UNLISTED\n\tport = 9099\n\tsocket_type = "
	  "stream\n\twait = no\n}\n",
	  1, CHANGED, "usherctl status", "servers", "exec", NOWHERE },
	{ "tcpmux", I("tcpmux", "stream", "no", ""), 1, UNSUPPORTED, "RFC 7805", "tcpmux", "exec", NOWHERE },
	{ "TCPMUX", "service x\n{\n\ttype = TCPMUX UNLISTED\n}\n", 3, UNSUPPORTED, "a port of its own", "x",
	  "exec", NOWHERE },
	{ "TCPMUXPLUS", "service x\n{\n\ttype = TCPMUXPLUS\n}\n", 1, UNSUPPORTED, "tcpmux", "x", "exec",
	  NOWHERE },
	{ "RPC", "service x\n{\n\ttype = RPC\n\trpc_version = 1-2\n}\n", 1, UNSUPPORTED, "rpcbind", "x",
	  "exec", NOWHERE },
	{ "SPECIAL", S("\tid = t\n") "service x\n{\n\ttype = SPECIAL\n}\n", 14, EXACT,
	  "means nothing in a file", NULL, NULL, NOT_SET },
	{ "an unknown type", "service x\n{\n\ttype = internal\n}\n", 3, EXACT,
	  "'internal' is nothing that type can be", NULL, NULL, NOT_SET },
	{ "REUSE", S("\tflags = REUSE\n"), 10, EXACT, "always so", NULL, NULL, NOT_SET },
	{ "NORETRY", S("\tflags = NORETRY\n"), 10, EXACT, "nothing is tried again", NULL, NULL, NOT_SET },
	{ "NODELAY", S("\tflags = NODELAY\n"), 10, EXACT, "", "s", "nodelay", "yes" },
	{ "KEEPALIVE", S("\tflags = KEEPALIVE\n"), 10, CHANGED, "five minutes", NULL, NULL, NOT_SET },
	{ "NOLIBWRAP", S("\tflags = NOLIBWRAP\n"), 10, EXACT, "", NULL, NULL, NOT_SET },
	{ "without NOLIBWRAP", S(""), 1, CHANGED, "hosts.allow", NULL, NULL, NOT_SET },
	{ "IPv4", S("\tflags = IPv4\n"), 10, EXACT, "", "s", "listen", "0.0.0.0:7777" },
	{ "IPv6 is both", S("\tflags = IPv6\n"), 10, EXACT, "", "s", "listen", "7777" },
	{ "IPv4 and IPv6", S("\tflags = IPv4 IPv6\n"), 10, EXACT, "", "s", "listen", "7777" },
	{ "an unknown flag", S("\tflags = NODELAY ipv4\n"), 10, EXACT, "'ipv4' is nothing that flags can be",
	  "s", "disable", "yes" },
	{ "LABELED", S("\tflags = LABELED\n"), 10, UNSUPPORTED, "SELinux", "s", "disable", "yes" },
	{ "IDONLY alone does nothing", S("\tflags = IDONLY\n"), 10, EXACT, "does nothing", NULL, NULL,
	  NOT_SET },
	{ "IDONLY with USERID", S("\tflags = IDONLY\n\tlog_on_success = USERID\n"), 10, UNSUPPORTED,
	  "IDONLY: nobody is asked", NULL, NULL, NOT_SET },
	{ "INTERCEPT with wait = no", S("\tflags = INTERCEPT\n"), 10, EXACT, "xinetd clears it", NULL, NULL,
	  NOT_SET },
	{ "INTERCEPT of datagrams", U("\tflags = INTERCEPT\n"), 10, APPROXIMATED,
	  "the first datagram is judged", "u", "disable", NOT_SET },
	{ "INTERCEPT of a program that accepts",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = "
	  "yes\n\tuser = root\n\tport = 7777\n\tserver = /bin/sh\n\tflags = INTERCEPT\n\tonly_from = "
	  "10.0.0.1\n}\n",
	  10, UNSUPPORTED, "INTERCEPT", "s", "disable", "yes" },
	{ "lists of a program that accepts",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = "
	  "yes\n\tuser = root\n\tport = 7777\n\tserver = /bin/sh\n\tonly_from = 10.0.0.1\n}\n",
	  1, CHANGED, "do nothing, in xinetd and here", "s", "allow", NOT_SET },
	{ "SENSOR", S("\tflags = SENSOR\n\tdeny_time = 60\n"), 10, UNSUPPORTED, "usherctl ban", "s", "deny",
	  "all" },
	{ "a SENSOR runs nothing", S("\tflags = SENSOR\n"), 0, NULL, "", "s", "exec", "discard" },
	{ "deny_time of a SENSOR", S("\tflags = SENSOR\n\tdeny_time = FOREVER\n"), 11, UNSUPPORTED,
	  "closes no others", NULL, NULL, NOT_SET },
	{ "deny_time alone", S("\tdeny_time = 60\n"), 10, EXACT, "without SENSOR", NULL, NULL, NOT_SET },
	{ "deny_time that is none", S("\tdeny_time = ever\n"), 10, EXACT, "nothing that deny_time can be",
	  NULL, NULL, NOT_SET },
	{ "NAMEINARGS with another name", S("\tflags = NAMEINARGS\n\tserver_args = foo -x\n"), 11,
	  APPROXIMATED, "not 'foo'", "s", "exec", "/bin/sh -x" },
	{ "NAMEINARGS with its own name", S("\tflags = NAMEINARGS\n\tserver_args = sh -x\n"), 11, EXACT, "",
	  "s", "exec", "/bin/sh -x" },
	{ "NAMEINARGS without server_args", S("\tflags = NAMEINARGS\n"), 1, CHANGED, "needs server_args", "s",
	  "disable", "yes" },
	{ "NAMEINARGS with tcpd",
	  BARE("\tserver = /usr/sbin/tcpd\n\tflags = NAMEINARGS\n\tserver_args = /bin/sh -x\n}\n"), 11,
	  CHANGED, "tcpd is left out", "s", "exec", "/bin/sh -x" },
	{ "NAMEINARGS with tcpd and a bare name",
	  BARE("\tserver = /usr/sbin/tcpd\n\tflags = NAMEINARGS\n\tserver_args = in.nosuchd\n}\n"), 0, NULL,
	  "", "s", "exec", "/usr/sbin/in.nosuchd" },
	{ "no such user", "service s\n{\n\tuser = nosuchuser\n}\n", 3, EXACT, "there is no user 'nosuchuser'",
	  NULL, NULL, NOT_SET },
	{ "a group", S("\tgroup = daemon\n"), 10, EXACT, "", "s", "group", "daemon" },
	{ "no such group", S("\tgroup = nosuchgroup\n"), 10, EXACT, "there is no group", "s", "disable",
	  "yes" },
	{ "groups are none without groups = yes", S(""), 0, NULL, "", "s", "groups", "none" },
	{ "groups = yes", S("\tgroups = yes\n"), 10, EXACT, "", "s", "groups", NOT_SET },
	{ "groups of defaults", D("\tgroups = yes\n", ""), 0, NULL, "", "s", "groups", NOT_SET },
	{ "umask", S("\tumask = 27\n"), 10, EXACT, "", "s", "umask", "0027" },
	{ "umask that is none", S("\tumask = 8\n"), 10, EXACT, "nothing that umask can be", "s", "umask",
	  NOT_SET },
	{ "umask of defaults", D("\tumask = 077\n", ""), 3, EXACT, "", "s", "umask", "0077" },
	{ "nice", S("\tnice = -5\n"), 10, EXACT, "", "s", "nice", "-5" },
	{ "nice beyond what there is", S("\tnice = 30\n"), 10, EXACT, "-20 to 19", "s", "nice", "19" },
	{ "root keeps its rights", S(""), 0, NULL, "", "s", "no_new_privileges", "no" },
	{ "others do not gain any",
	  "service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = "
	  "no\n\tuser = daemon\n\tport = 7777\n\tserver = /bin/sh\n}\n",
	  7, CHANGED, "no_new_privileges", "s", "no_new_privileges", NOT_SET },
	{ "a program that is not here", BARE("\tserver = /nowhere/x\n}\n"), 9, CHANGED, "is not here", "s",
	  "disable", "yes" },
	{ "a program without a path", BARE("\tserver = echo\n}\n"), 9, APPROXIMATED, "begins at /", "s",
	  "exec", "/echo" },
	{ "a folder", BARE("\tserver = /bin\n}\n"), 9, CHANGED, "it is no file", "s", "disable", "yes" },
	{ "dollars are bytes", S("\tserver_args = $b;\n"), 10, EXACT, "", "s", "exec", "/bin/sh '$b;'" },
	{ "standard error", S(""), 9, CHANGED, "standard error goes to the log", NULL, NULL, NOT_SET },
	{ "server_args without a value", S("\tserver_args =\n"), 10, EXACT, "has no value", "s", "disable",
	  "yes" },
	{ "redirect", BARE("\tredirect = 192.0.2.1 80\n}\n"), 9, CHANGED, "each direction ends by itself",
	  "s", "exec", "relay 192.0.2.1 80" },
	{ "redirect to a named port", BARE("\tredirect = db.example.org http\n}\n"), 0, NULL, "", "s", "exec",
	  "relay db.example.org 80" },
	{ "redirect to no port", BARE("\tredirect = 192.0.2.1 nosuchport\n}\n"), 9, EXACT, "is no port", "s",
	  "listen", NOWHERE },
	{ "redirect runs as nobody", BARE("\tredirect = 192.0.2.1 80\n}\n"), 7, CHANGED, "runs as nobody",
	  "s", "user", NOT_SET },
	{ "redirect and server", S("\tredirect = 192.0.2.1 80\n"), 9, EXACT, "no server is started", "s",
	  "exec", "relay 192.0.2.1 80" },
	{ "instances", S("\tinstances = 5\n"), 10, EXACT, "", "s", "instances", "5" },
	{ "instances = UNLIMITED", S("\tinstances = UNLIMITED\n"), 10, EXACT, "", "s", "instances", NOT_SET },
	{ "no instances are no limit", S(""), 0, NULL, "", "defaults", "instances", "1000000" },
	{ "who finds no room is refused", S(""), 0, NULL, "", "defaults", "when_full", "refuse" },
	{ "no per_source is no limit", S(""), 0, NULL, "", "defaults", "per_source", "none" },
	{ "instances = 0", S("\tinstances = 0\n"), 10, CHANGED, "refuses everybody", "s", "disable", "yes" },
	{ "instances too large for xinetd", S("\tinstances = 4294967297\n"), 10, CHANGED, "lower 32 bits",
	  "s", "instances", NOT_SET },
	{ "instances that is no number", S("\tinstances = many\n"), 10, EXACT,
	  "nothing that instances can be", "s", "disable", "yes" },
	{ "instances of defaults", D("\tinstances = 25\n", ""), 3, EXACT, "", "s", "instances", "25" },
	{ "its own instances", D("\tinstances = 25\n", "\tinstances = 5\n"), 0, NULL, "", "s", "instances",
	  "5" },
	{ "its own UNLIMITED", D("\tinstances = 25\n", "\tinstances = UNLIMITED\n"), 0, NULL, "", "s",
	  "instances", NOT_SET },
	{ "defaults behind the service", S("") "defaults\n{\n\tinstances = 25\n}\n", 0, NULL, "", "s",
	  "instances", "25" },
	{ "per_source", S("\tper_source = 3\n"), 10, EXACT, "", "s", "per_source", "3" },
	{ "instances with wait = yes", U("\tinstances = 5\n"), 10, EXACT, "one at a time", "u", "instances",
	  NOT_SET },
	{ "cps", S("\tcps = 25 30\n"), 10, CHANGED, "closes it for everybody, for 30 s", "s", "rate",
	  "25/s" },
	{ "cps = 0 is no limit", S("\tcps = 0 30\n"), 10, EXACT, "", "s", "rate", NOT_SET },
	{ "no cps", S(""), 1, CHANGED, "50 clients a second", "s", "rate", NOT_SET },
	{ "max_load", S("\tmax_load = 2.5\n"), 10, EXACT, "", "s", "max_load", "2.500" },
	{ "max_load with many digits", S("\tmax_load = 1.23456\n"), 10, APPROXIMATED, "three digits", "s",
	  "max_load", "1.235" },
	{ "max_load = 0", S("\tmax_load = 0\n"), 10, EXACT, "nothing that max_load can be", "s", "disable",
	  "yes" },
	{ "leaky_bucket", S("\tleaky_bucket = 1 2 3 4\n"), 10, UNSUPPORTED, "rate", NULL, NULL, NOT_SET },
	{ "nobody says anything", S(""), 0, NULL, "", "s", "allow", NOT_SET },
	{ "an address", S("\tonly_from = 192.0.2.7\n"), 10, EXACT, "", "s", "allow", "192.0.2.7" },
	{ "zeros at the end are a network", S("\tonly_from = 10.0.0.0 10.1.0.0 10.1.2.0\n"), 0, NULL, "", "s",
	  "allow", "10.0.0.0/8, 10.1.0.0/16, 10.1.2.0/24" },
	{ "0.0.0.0 is everybody of IPv4", S("\tonly_from = 0.0.0.0\n"), 0, NULL, "", "s", "allow",
	  "0.0.0.0/0" },
	{ "a prefix", S("\tonly_from = 192.0.2.130/25\n"), 0, NULL, "", "s", "allow", "192.0.2.128/25" },
	{ "a mask with dots is 32 bits", S("\tonly_from = 127.0.0.0/255.0.0.0\n"), 10, EXACT,
	  "it is one address", "s", "allow", "127.0.0.0" },
	{ "bytes in octal", S("\tonly_from = 0177.1\n"), 0, NULL, "", "s", "allow", "127.0.0.1" },
	{ "factors", S("\tonly_from = 192.0.2.{1,2}\n"), 0, NULL, "", "s", "allow", "192.0.2.1, 192.0.2.2" },
	{ "factors of networks", S("\tonly_from = 10.{1,2}\n"), 0, NULL, "", "s", "allow",
	  "10.1.0.0/16, 10.2.0.0/16" },
	{ "factors that are not closed", S("\tonly_from = 10.{1,2\n"), 10, EXACT, "braces", "s", "disable",
	  "yes" },
	{ "a comma", S("\tonly_from = 10.0.0.1,10.0.0.2\n"), 10, EXACT, "has a comma", "s", "disable",
	  "yes" },
	{ "IPv6", S("\tonly_from = 2001:db8::/32 ::1\n"), 0, NULL, "", "s", "allow", "2001:db8::/32, ::1" },
	{ "::/0 is everybody", S("\tonly_from = ::/0\n"), 0, NULL, "", "s", "allow", "0.0.0.0/0, ::/0" },
	{ "addresses of IPv4 in IPv6", S("\tno_access = ::ffff:10.0.0.0/104\n"), 0, NULL, "", "s", "deny",
	  "10.0.0.0/8" },
	{ "/128 is an address", S("\tonly_from = ::1/128\n"), 10, CHANGED, "a name that nobody has", "s",
	  "allow", "::1" },
	{ "a host name in only_from", S("\tonly_from = 10.0.0.1 host.example\n"), 10, UNSUPPORTED,
	  "'host.example' is the name", "s", "allow", "10.0.0.1" },
	{ "a host name alone lets in nobody", S("\tonly_from = host.example\n"), 10, UNSUPPORTED, "left out",
	  "s", "deny", "all" },
	{ "a host name in no_access", S("\tno_access = .example.org\n"), 10, UNSUPPORTED, "switched off", "s",
	  "disable", "yes" },
	{ "localhost", S("\tonly_from = localhost\n"), 10, APPROXIMATED, "127.0.0.1 and ::1", "s", "allow",
	  "127.0.0.1, ::1" },
	{ "what is no address is passed over", S("\tonly_from = 10.0.0.1 x/y\n"), 10, EXACT,
	  "passes 'x/y' over", "s", "allow", "10.0.0.1" },
	{ "only_from without a value is nobody", S("\tonly_from =\n"), 0, NULL, "", "s", "deny", "all" },
	{ "no_access without a value", S("\tno_access =\n"), 0, NULL, "", "s", "deny", NOT_SET },
	{ "no_access", S("\tno_access = 10.0.0.0\n"), 0, NULL, "", "s", "deny", "10.0.0.0/8" },
	{ "+= adds", S("\tonly_from = 10.0.0.1\n\tonly_from += 10.0.0.2\n"), 0, NULL, "", "s", "allow",
	  "10.0.0.1, 10.0.0.2" },
	{ "= begins anew", S("\tonly_from = 10.0.0.1\n\tonly_from = 10.0.0.2\n"), 0, NULL, "", "s", "allow",
	  "10.0.0.2" },
	{ "-= takes away", S("\tonly_from = 10.0.0.1 10.0.0.2\n\tonly_from -= 10.0.0.1\n"), 0, NULL, "", "s",
	  "allow", "10.0.0.2" },
	{ "-= of all leaves nobody", S("\tonly_from = 10.0.0.1\n\tonly_from -= 10.0.0.1\n"), 0, NULL, "", "s",
	  "deny", "all" },
	{ "-= of nothing leaves nobody", S("\tonly_from -= 10.0.0.1\n"), 0, NULL, "", "s", "deny", "all" },
	{ "the same twice", S("\tonly_from = 10.0.0.1 10.0.0.1\n"), 0, NULL, "", "s", "allow", "10.0.0.1" },
	{ "an exception of a network: allow", S("\tonly_from = 10.0.0.0\n\tno_access = 10.1.0.0\n"), 0, NULL,
	  "", "s", "allow", "10.0.0.0/8" },
	{ "an exception of a network: deny", S("\tonly_from = 10.0.0.0\n\tno_access = 10.1.0.0\n"), 0, NULL,
	  "", "s", "deny", "10.1.0.0/16" },
	{ "in both lists", S("\tonly_from = 10.0.0.1 10.0.0.2\n\tno_access = 10.0.0.1\n"), 0, NULL, "", "s",
	  "allow", "10.0.0.2" },
	{ "all in both lists", S("\tonly_from = 10.0.0.1\n\tno_access = 10.0.0.0\n"), 0, NULL, "", "s",
	  "deny", "all" },
	{ "lists of defaults", D("\tonly_from = 10.0.0.0\n", ""), 3, EXACT, "", "s", "allow", "10.0.0.0/8" },
	{ "= adds in defaults", D("\tonly_from = 10.0.0.1\n\tonly_from = 10.0.0.2\n", ""), 0, NULL, "", "s",
	  "allow", "10.0.0.1, 10.0.0.2" },
	{ "+= to the list of defaults", D("\tonly_from = 10.0.0.1\n", "\tonly_from += 10.0.0.2\n"), 0, NULL,
	  "", "s", "allow", "10.0.0.1, 10.0.0.2" },
	{ "-= from the list of defaults", D("\tonly_from = 10.0.0.1 10.0.0.2\n", "\tonly_from -= 10.0.0.2\n"),
	  0, NULL, "", "s", "allow", "10.0.0.1" },
	{ "= in place of the list of defaults", D("\tonly_from = 10.0.0.1\n", "\tonly_from = 10.0.0.2\n"), 0,
	  NULL, "", "s", "allow", "10.0.0.2" },
	{ "defaults that let nobody in", D("\tonly_from =\n", ""), 0, NULL, "", "s", "deny", "all" },
	{ "a later service does not change defaults",
	  D("\tonly_from = 10.0.0.1\n", "\tonly_from += 10.0.0.2\n") U(""), 0, NULL, "", "u", "allow",
	  "10.0.0.1" },
	{ "access_times", S("\taccess_times = 8:00-17:30 19:00-19:05\n"), 10, EXACT, "", "s", "access_times",
	  "08:00-17:31, 19:00-19:06" },
	{ "the last minute of the day", S("\taccess_times = 0:00-23:59\n"), 10, EXACT, "", "s",
	  "access_times", "00:00-24:00" },
	{ "hours over midnight", S("\taccess_times = 22:00-6:00\n"), 10, EXACT, "ends after it begins", "s",
	  "disable", "yes" },
	{ "access_times without a value", S("\taccess_times =\n"), 10, EXACT, "has no value", "s", "disable",
	  "yes" },
	{ "log to a file", S("\tlog_type = FILE /var/log/x\n"), 10, CHANGED, "file:/var/log/x", NULL, NULL,
	  NOT_SET },
	{ "log to a file with sizes", S("\tlog_type = FILE /var/log/x 1M 2M\n"), 10, CHANGED, "rotate it",
	  NULL, NULL, NOT_SET },
	{ "sizes that do not fit", S("\tlog_type = FILE /var/log/x 2M 1M\n"), 10, EXACT, "at least the first",
	  "s", "disable", "yes" },
	{ "log to syslog", S("\tlog_type = SYSLOG daemon info\n"), 10, CHANGED, "log = syslog", NULL, NULL,
	  NOT_SET },
	{ "an unknown facility", S("\tlog_type = SYSLOG deamon\n"), 10, EXACT, "no facility", "s", "disable",
	  "yes" },
	{ "another log", S("\tlog_type = MAIL x\n"), 10, EXACT, "nothing that log_type can be", "s",
	  "disable", "yes" },
	{ "log_on_success", S("\tlog_on_success = PID HOST EXIT DURATION\n"), 10, EXACT, "", "s", "disable",
	  NOT_SET },
	{ "USERID", S("\tlog_on_failure += USERID\n"), 10, UNSUPPORTED, "ident", NULL, NULL, NOT_SET },
	{ "an unknown word for the log", S("\tlog_on_failure = PID\n"), 10, EXACT,
	  "nothing that log_on_failure can be", "s", "disable", "yes" },
	{ "TRAFFIC of defaults without redirect",
	  D("\tlog_on_success = TRAFFIC\n", "\tlog_on_success -= TRAFFIC\n"), 0, NULL, "", "s", "disable",
	  NOT_SET },
	{ "env", S("\tenv = A=b C=d,e\n"), 10, EXACT, "", "s", "env", "A=b, 'C=d,e'" },
	{ "env with a semicolon", S("\tenv = A=x;y\n"), 10, EXACT, "", "s", "env", "'A=x'\\;'y'" },
	{ "env twice", S("\tenv = A=1 B=2\n\tenv += A=3\n"), 0, NULL, "", "s", "env", "B=2, A=3" },
	{ "env anew", S("\tenv = A=1\n\tenv = B=2\n"), 0, NULL, "", "s", "env", "B=2" },
	{ "env without =", S("\tenv = A\n"), 10, EXACT, "has no =", "s", "disable", "yes" },
	{ "env -=", S("\tenv -= A=b\n"), 10, EXACT, "knows no -=", "s", "disable", "yes" },
	{ "what usherd sets itself", S("\tenv = REMOTE_HOST=x A=b\n"), 10, UNSUPPORTED,
	  "set by usherd itself", "s", "env", "A=b" },
	{ "passenv", S("\tpassenv = PATH TERM\n"), 10, EXACT, "", "s", "pass_env", "PATH, TERM" },
	{ "without passenv all is passed", S(""), 1, CHANGED, "a clean environment", "s", "pass_env",
	  NOT_SET },
	{ "passenv of nothing", S("\tpassenv =\n"), 10, EXACT, "", "s", "pass_env", NOT_SET },
	{ "passenv of defaults", D("\tpassenv = PATH\n", "\tpassenv += TERM\n"), 0, NULL, "", "s", "pass_env",
	  "PATH, TERM" },
	{ "passenv without one of defaults", D("\tpassenv = PATH TERM\n", "\tpassenv -= PATH\n"), 0, NULL, "",
	  "s", "pass_env", "TERM" },
	{ "bind to an address", S("\tbind = 127.0.0.1\n"), 10, EXACT, "", "s", "listen", "127.0.0.1:7777" },
	{ "bind to an address of IPv6", S("\tinterface = ::1\n"), 10, EXACT, "", "s", "listen",
	  "[::1]:7777" },
	{ "bind to all", S("\tbind = 0.0.0.0\n"), 10, EXACT, "", "s", "listen", "0.0.0.0:7777" },
	{ "bind to a name", S("\tbind = host.example\n"), 10, UNSUPPORTED, "write the address", "s",
	  "disable", "yes" },
	{ "bind to localhost", S("\tbind = localhost\n"), 10, APPROXIMATED, "127.0.0.1 and ::1", "s",
	  "listen", "localhost:7777" },
	{ "bind of defaults", D("\tbind = 127.0.0.1\n", ""), 0, NULL, "", "s", "listen", "127.0.0.1:7777" },
	{ "v6only", S("\tv6only = yes\n"), 10, EXACT, "", "s", "listen", "[::]:7777" },
	{ "banner_success", S("\tbanner_success = /etc/hostname\n"), 10, EXACT, "", "s", "banner",
	  "file:/etc/hostname" },
	{ "banner_fail", S("\tbanner_fail = /etc/hostname\n"), 10, EXACT, "", "s", "banner_refused",
	  "file:/etc/hostname" },
	{ "banner is for both: served", S("\tbanner = /etc/hostname\n"), 10, EXACT, "", "s", "banner",
	  "file:/etc/hostname" },
	{ "banner is for both: refused", S("\tbanner = /etc/hostname\n"), 10, EXACT, "", "s",
	  "banner_refused", "file:/etc/hostname" },
	{ "two banners", S("\tbanner = /etc/hostname\n\tbanner_fail = /etc/hosts\n"), 10, APPROXIMATED,
	  "one text is sent", "s", "banner_refused", "file:/etc/hosts" },
	{ "a banner that is not there", S("\tbanner = /nowhere/x\n"), 10, UNSUPPORTED, "is not here", "s",
	  "banner", NOT_SET },
	{ "a banner that is too long", S("\tbanner = /bin/sh\n"), 10, UNSUPPORTED, "1024 bytes", "s",
	  "banner", NOT_SET },
	{ "a banner over UDP", U("\tbanner = /etc/hostname\n"), 10, EXACT, "nothing is sent", "u", "banner",
	  NOT_SET },
	{ "banner of defaults", D("\tbanner_fail = /etc/hostname\n", ""), 0, NULL, "", "s", "banner_refused",
	  "file:/etc/hostname" },
	{ "its own banner", D("\tbanner_fail = /etc/hostname\n", "\tbanner_fail = /etc/hosts\n"), 0, NULL, "",
	  "s", "banner_refused", "file:/etc/hosts" },
	{ "rlimit_as", S("\trlimit_as = 8M\n"), 10, EXACT, "", "s", "rlimit_as", "8388608" },
	{ "rlimit_as without limit", S("\trlimit_as = UNLIMITED\n"), 10, EXACT, "", "s", "rlimit_as",
	  "unlimited" },
	{ "rlimit_as too small", S("\trlimit_as = 1K\n"), 10, APPROXIMATED, "goes from 65536", "s",
	  "rlimit_as", "65536" },
	{ "rlimit_as = 0", S("\trlimit_as = 0\n"), 10, EXACT, "sets no limit", "s", "rlimit_as", NOT_SET },
	{ "rlimit_cpu", S("\trlimit_cpu = 20\n"), 10, EXACT, "", "s", "rlimit_cpu", "20s" },
	{ "rlimit_data", S("\trlimit_data = 512k\n"), 10, EXACT, "", "s", "rlimit_data", "524288" },
	{ "rlimit_files", S("\trlimit_files = 100\n"), 10, EXACT, "", "s", "rlimit_nofile", "100" },
	{ "rlimit_stack", S("\trlimit_stack = 64K\n"), 10, EXACT, "", "s", "rlimit_stack", "65536" },
	{ "rlimit_rss", S("\trlimit_rss = 1M\n"), 10, EXACT, "Linux does nothing", NULL, NULL, NOT_SET },
	{ "a limit that is none", S("\trlimit_as = 8G\n"), 10, EXACT, "nothing that rlimit_as can be", "s",
	  "disable", "yes" },
	{ "mdns = yes", S("\tmdns = yes\n"), 10, UNSUPPORTED, "avahi", NULL, NULL, NOT_SET },
	{ "mdns = no", S("\tmdns = no\n"), 10, EXACT, "", NULL, NULL, NOT_SET },
	{ "libwrap", S("\tlibwrap = sshd\n"), 10, APPROXIMATED, "not those for this name", NULL, NULL,
	  NOT_SET },
	{ "wait that is neither", S("\tdisable = maybe\n"), 10, EXACT, "nothing that disable can be", "s",
	  "disable", "yes" },
};

START_TEST(row)
{
	check_row(&rows[_i]);
}
END_TEST

/* ---- files ---- */

static int import_place(const char *name)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	return import_xinetd(import, place(name));
}

static void putf(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void putf(const char *name, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	ck_assert_int_gt(vasprintf(&text, format, arguments), 0);
	va_end(arguments);
	put(name, 0644, text);
}

#define SERVICE_AT(port)                                                                                     \
	"service s" #port "\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"  \
	"\tuser = root\n\tport = " #port "\n\tserver = /bin/sh\n}\n"

static const char *names(void)
{
	static char list[256];

	list[0] = '\0';
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s ", import_name(at));
	return list;
}

/* Files in the order of their bytes, but not those with a dot or with ~ at the end; folders are no files. */
START_TEST(includedir)
{
	ck_assert_int_eq(mkdir(place("x.d"), 0755), 0);
	ck_assert_int_eq(mkdir(place("x.d/folder"), 0755), 0);
	put("x.d/b", 0644, SERVICE_AT(2));
	put("x.d/B", 0644, SERVICE_AT(1));
	put("x.d/a", 0644, SERVICE_AT(3));
	put("x.d/a.conf", 0644, SERVICE_AT(4));
	put("x.d/.a", 0644, SERVICE_AT(5));
	put("x.d/a~", 0644, SERVICE_AT(6));
	putf("main", SERVICE_AT(8) "includedir %s\n" SERVICE_AT(9), place("x.d"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(names(), "s8 s1 s3 s2 s9 ");
	check_loads();
	import_free(import);
}
END_TEST

/* Each file may have one defaults section, and all of them count for all services; what was there first
 * holds. */
START_TEST(defaults_of_files)
{
	put("other", 0644, "defaults\n{\n\tcps = 7 7\n\tinstances = 7\n}\n");
	putf("main", "defaults\n{\n\tcps = 5 5\n}\n" SERVICE_AT(1) "include %s\n", place("other"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(import_get(find_section("s1"), "rate"), "5/s");
	ck_assert_str_eq(import_get(find_section("s1"), "instances"), "7");
	import_free(import);
}
END_TEST

/* A file is no text in the place of its name: a section cannot go on in it. */
START_TEST(include_is_no_text)
{
	put("other", 0644, "\tport = 1\n}\n" SERVICE_AT(2));
	putf("main", "include %s\n" SERVICE_AT(1), place("other"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(names(), "s2 s1 ");
	import_free(import);
}
END_TEST

START_TEST(include_beside)
{
	_cleanup_free_ char *report = NULL;

	put("other", 0644, SERVICE_AT(2));
	put("main", 0644, "include other\n");
	ck_assert_int_eq(import_place("main"), 0);
	ck_assert_str_eq(names(), "s2 ");
	report = reported(import);
	ck_assert_ptr_nonnull(strstr(report, "approximated: the path begins at the folder of this file"));
	import_free(import);
}
END_TEST

START_TEST(unreadable)
{
	_cleanup_free_ char *report = NULL;

	putf("main", "include %s\nincludedir %s\n" SERVICE_AT(1), place("nowhere"), place("nothing.d"));
	ck_assert_int_eq(import_place("main"), 0);
	ck_assert_str_eq(names(), "s1 ");
	report = reported(import);
	ck_assert_ptr_nonnull(strstr(report, "main:1: unsupported: "));
	ck_assert_ptr_nonnull(strstr(report, "main:2: unsupported: "));
	import_free(import);
	ck_assert_int_eq(import_place("nowhere"), -ENOENT);
	import_free(import);
	ck_assert_int_eq(import_place(""), -EISDIR);
	import_free(import);
}
END_TEST

/* A file that includes itself twice would be read 2^depth times. */
START_TEST(loop)
{
	putf("main", "include %s\ninclude %s\n" SERVICE_AT(1), place("main"), place("main"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_ptr_nonnull(find_section("s1"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
}
END_TEST

/* ---- a lot ---- */

/* Such a text, with `count` different addresses in it, each between two pieces of text. */
static void import_many(const char *before, const char *left, size_t count, const char *right,
			const char *after)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	fputs(before, out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%zu.%zu.%zu%s", left, i >> 16, i >> 8 & 255, i & 255, right);
	fputs(after, out);
	ck_assert_int_eq(fclose(out), 0);
	import = import_new();
	import_xinetd_text(import, INPUT, text, length);
	ck_assert(!import_failed(import));
}

/* Lists that fit no line switch the service off instead of letting the rest in. */
START_TEST(long_lists)
{
	import_many(BARE("\tserver = /bin/sh\n\tno_access ="), " 10.", 100000, "", "\n}\n");
	ck_assert_str_eq(import_get(find_section("s"), "disable"), "yes");
	check_loads();
	import_free(import);
}
END_TEST

/* Each of many services takes a long list along and changes it. */
START_TEST(long_lists_everywhere)
{
	import_many("defaults\n{\n\tonly_from =", " 10.", 4000, "", "\n}\n");
	import_free(import);
	import_many("defaults\n{\n\tonly_from = 10.0.0.{0,1,2,3,4,5,6,7,8,9}\n}\n",
		    "service s\n{\n\tonly_from += 10.", 100000, "\n}\n", "");
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
}
END_TEST

/* More services than are taken are told, none is lost in silence. */
START_TEST(many_services)
{
	import_many("",
		    "service s\n{\n\ttype = UNLISTED INTERNAL\n\tflags = SENSOR\n\tsocket_type = "
		    "stream\n\tport = 1\n"
		    "\twait = no\n\tbind = 127.",
		    1200, "\n}\n", "");
	unsigned count = 0;

	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		count++;
	ck_assert_uint_eq(count, 1000);
	check_nothing_lost();
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	import_free(import);
}
END_TEST

/* One line of many words is told once, and not for each of them. */
START_TEST(many_names)
{
	_cleanup_free_ char *report = NULL;

	import_many(BARE("\tserver = /bin/sh\n\tonly_from ="), " h", 300000, "", "\n}\n");
	report = reported(import);
	ck_assert_uint_lt(strlen(report), 10000);
	ck_assert_ptr_nonnull(strstr(report, "(300000 such)"));
	import_free(import);
}
END_TEST

/* A command that fits no line, and one that has bytes that no value can have. */
START_TEST(bad_commands)
{
	import_many(BARE("\tserver = /bin/sh\n\tserver_args ="), " ", 20000, "", "\n}\n");
	ck_assert_ptr_null(find_section("s"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
	import_many(S("\tserver_args = a\x01\n"), "", 0, "", "");
	ck_assert_ptr_null(find_section("s"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_xinetd");
	TCase *rules = tcase_create("rules"), *files = tcase_create("files");

	tcase_add_checked_fixture(rules, set_up, tear_down);
	tcase_add_loop_test(rules, row, 0, ELEMENTS(rows));
	suite_add_tcase(suite, rules);
	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_set_timeout(files, 60);
	tcase_add_test(files, includedir);
	tcase_add_test(files, defaults_of_files);
	tcase_add_test(files, include_is_no_text);
	tcase_add_test(files, include_beside);
	tcase_add_test(files, unreadable);
	tcase_add_test(files, loop);
	tcase_add_test(files, long_lists);
	tcase_add_test(files, long_lists_everywhere);
	tcase_add_test(files, many_services);
	tcase_add_test(files, many_names);
	tcase_add_test(files, bad_commands);
	suite_add_tcase(suite, files);
	return suite;
}

RUN_SUITE(make_suite)

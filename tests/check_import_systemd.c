/* check_import_systemd.c - each key of units: what is written for it, and what is said of its line. */
#include "import_help.h"

#include "conf-type.h"
#include "import-internal.h"
#include "import-systemd.h"

#define HEAD_LINES 3 /* before the line in question */

#define EXACT "exact"
#define CHANGED "changed on purpose"
#define NEAR "approximated"
#define NOT "unsupported"

/* A line in one of the two units, beside what makes a service; what is written then, as `key = value` without blanks
 * before the sign, or NULL: that key is absent; and the class of the line. */
static const struct row {
	char unit; /* s: [Socket], v: [Service], u: [Unit] of the socket, i: [Install] of it, w: [Socket] without Accept=yes,
		    * x: [Service] of that, f: [Socket] of a Unix socket */
	const char *line, *key, *value, *class;
} rows[] = {
	{ 's', "", "listen", "7777", EXACT },
	{ 's', "# comment", "wait", NULL, EXACT },
	{ 's', "; comment", "instances", "64", EXACT },
	{ 's', "ListenStream=7778", "listen", "7777, 7778", EXACT },
	{ 's', "ListenStream=127.0.0.1:80", "listen", "7777, 127.0.0.1:80", EXACT },
	{ 's', "ListenStream=[::1]:80", "listen", "7777, [::1]:80", EXACT },
	{ 's', "ListenStream=[::]:80", "listen", "7777, 80", EXACT },
	{ 's', "ListenStream=/run/a b", "listen", "7777, unix:/run/a\\\\x20b", EXACT },
	{ 's', "ListenStream=@name", "listen", "7777, unix:@name", EXACT },
	{ 's', "ListenStream=vsock::5000", "listen", "7777, vsock:5000", EXACT },
	{ 's', "ListenStream=vsock:3:5000", "listen", "7777, vsock:3:5000", EXACT },
	{ 's', "ListenStream=%t/x", "listen", "7777, unix:/run/x", EXACT },
	{ 's', "ListenStream=%p", "listen", "7777", NOT },
	{ 's', "ListenStream=", "listen", NULL, EXACT },
	{ 's', "ListenStream=0", "listen", "7777", NOT },
	{ 's', "ListenStream=host:80", "listen", "7777", NOT },
	{ 's', "ListenStream=99999", "listen", "7777", NOT },
	{ 's', "ListenSequentialPacket=/run/q", "listen", "7777, unix-seqpacket:/run/q", EXACT },
	{ 's', "ListenSequentialPacket=80", "listen", "7777", NOT },
	{ 's', "ListenDatagram=80", "listen", "7777", NOT },
	{ 's', "ListenFIFO=/run/f", "listen", "7777", NOT },
	{ 's', "ListenNetlink=route 1", "listen", "7777", NOT },
	{ 's', "ListenSpecial=/dev/x", "listen", "7777", NOT },
	{ 's', "ListenMessageQueue=/q", "listen", "7777", NOT },
	{ 's', "ListenUSBFunction=/u", "listen", "7777", NOT },
	{ 's', "BindIPv6Only=ipv6-only", "listen", "[::]:7777", EXACT },
	{ 's', "SocketProtocol=mptcp", "listen", "7777/mptcp", EXACT },
	{ 's', "MaxConnections=5", "instances", "5", EXACT },
	{ 's', "MaxConnections=x", "instances", "64", NOT },
	{ 's', "MaxConnections=0", "disable", "yes", CHANGED },
	{ 's', "MaxConnectionsPerSource=3", "per_source", "3", EXACT },
	{ 's', "MaxConnectionsPerSource=0", "per_source", "none", EXACT },
	{ 's', "Backlog=16", "backlog", "16", EXACT },
	{ 's', "Backlog=4294967295", "backlog", "65535", NEAR },
	{ 's', "BindToDevice=eth0", "interface", "eth0", EXACT },
	{ 's', "BindToDevice=a/b", "interface", NULL, NOT },
	{ 's', "FreeBind=true", "freebind", "yes", EXACT },
	{ 's', "FreeBind=maybe", "freebind", NULL, NOT },
	{ 's', "NoDelay=on", "nodelay", "yes", EXACT },
	{ 's', "KeepAlive=yes", "keepalive", "2h", EXACT },
	{ 's', "KeepAlive=no", "keepalive", "0", EXACT },
	{ 's', "KeepAliveTimeSec=5min", "keepalive", "0", EXACT },
	{ 's', "KeepAliveIntervalSec=5", "keepalive", "0", NEAR },
	{ 's', "KeepAliveProbes=5", "keepalive", "0", NEAR },
	{ 's', "DeferAcceptSec=1min 30s", "defer_accept", "90s", EXACT },
	{ 's', "DeferAcceptSec=2h", "defer_accept", NULL, NOT },
	{ 's', "ReceiveBuffer=64K", "rcvbuf", "65536", EXACT },
	{ 's', "SendBuffer=1M", "sndbuf", "1048576", EXACT },
	{ 's', "SendBuffer=1X", "sndbuf", NULL, NOT },
	{ 's', "TriggerLimitBurst=10", "rate", "10/2s", CHANGED },
	{ 's', "TriggerLimitIntervalSec=10s", "rate", "200/10s", CHANGED },
	{ 's', "TriggerLimitIntervalSec=0", "rate", NULL, CHANGED },
	{ 's', "PollLimitBurst=30", "rate", "30/2s", CHANGED },
	{ 's', "PollLimitIntervalSec=1min", "rate", "150/1min", CHANGED },
	{ 's', "PassCredentials=yes", "wait", NULL, NOT },
	{ 's', "PassCredentials=no", "wait", NULL, EXACT },
	{ 's', "PassPacketInfo=yes", "wait", NULL, NOT },
	{ 's', "Transparent=yes", "wait", NULL, NOT },
	{ 's', "Broadcast=yes", "wait", NULL, NOT },
	{ 's', "ReusePort=yes", "wait", NULL, NOT },
	{ 's', "FlushPending=yes", "wait", NULL, NOT },
	{ 's', "RemoveOnStop=no", "wait", NULL, CHANGED },
	{ 's', "RemoveOnStop=yes", "wait", NULL, EXACT },
	{ 's', "Mark=5", "wait", NULL, NOT },
	{ 's', "IPTTL=5", "wait", NULL, NOT },
	{ 's', "Symlinks=/a", "wait", NULL, NOT },
	{ 's', "FileDescriptorName=x", "wait", NULL, NOT },
	{ 's', "ExecStartPre=/bin/true", "wait", NULL, NOT },
	{ 's', "User=nobody", "user", "root", CHANGED },
	{ 's', "ListenStraem=80", "listen", "7777", NOT },
	{ 's', "X-Ours=1", "wait", NULL, EXACT },
	{ 's', "no equals sign", "wait", NULL, NOT },
	{ 's', "SocketMode=0600", "socket_mode", NULL, EXACT },
	{ 'w', "MaxConnections=5", "instances", NULL, EXACT },
	{ 'w', "Backlog=7", "wait", "yes", EXACT },
	{ 'w', "ListenStream=7778", "listen", "127.0.0.1:7777, 7778", NEAR },
	{ 'w', "ListenDatagram=7778", "listen", "127.0.0.1:7777", NOT },
	{ 'x', "IPAddressDeny=any", "deny", NULL, NOT },
	{ 'x', "StandardInput=null", "stderr", NULL, EXACT },
	{ 'f', "SocketMode=0660", "socket_mode", "0660", EXACT },
	{ 'f', "", "socket_mode", "0666", EXACT },
	{ 'f', "SocketUser=root", "socket_user", "root", EXACT },
	{ 'f', "SocketGroup=no-such-group", "disable", "yes", CHANGED },
	{ 'f', "NoDelay=yes", "nodelay", NULL, EXACT },
	{ 'f', "DirectoryMode=0755", "socket_mode", "0666", CHANGED },
	{ 'v', "User=nobody", "user", "nobody", EXACT },
	{ 'v', "User=no-such-user", "disable", "yes", CHANGED },
	{ 'v', "User=%H", "disable", "yes", NOT },
	{ 'v', "User=%i", "disable", "yes", CHANGED },
	{ 'v', "Group=root", "group", "root", EXACT },
	{ 'v', "SupplementaryGroups=root daemon", "groups", "root, daemon", NEAR },
	{ 'v', "DynamicUser=yes", "user", NULL, NEAR },
	{ 'v', "WorkingDirectory=/tmp", "directory", "/tmp", EXACT },
	{ 'v', "WorkingDirectory=~", "directory", "/root", EXACT },
	{ 'v', "WorkingDirectory=-/tmp", "directory", "/tmp", NEAR },
	{ 'v', "WorkingDirectory=/no/such", "disable", "yes", CHANGED },
	{ 'v', "RootDirectory=/tmp", "chroot", "/tmp", EXACT },
	{ 'v', "UMask=0077", "umask", "077", EXACT },
	{ 'v', "UMask=0007", "umask", "007", EXACT },
	{ 'v', "UMask=0", "umask", "000", EXACT },
	{ 'v', "UMask=9", "umask", NULL, NOT },
	{ 'v', "Nice=5", "nice", "5", EXACT },
	{ 'v', "Nice=50", "nice", NULL, NOT },
	{ 'v', "OOMScoreAdjust=-500", "oom_score_adj", "-500", EXACT },
	{ 'v', "NoNewPrivileges=yes", "no_new_privileges", "yes", EXACT },
	{ 'v', "", "no_new_privileges", "no", EXACT },
	{ 'v', "LimitNOFILE=1024:4096", "rlimit_nofile", "1024:4096", EXACT },
	{ 'v', "LimitNOFILE=infinity", "rlimit_nofile", "unlimited", EXACT },
	{ 'v', "LimitCPU=10min", "rlimit_cpu", "10min", EXACT },
	{ 'v', "LimitCORE=0", "rlimit_core", "0", EXACT },
	{ 'v', "LimitAS=1G", "rlimit_as", "1073741824", EXACT },
	{ 'v', "LimitNPROC=10", "rlimit_nproc", "10", EXACT },
	{ 'v', "LimitSTACK=8M:16M", "rlimit_stack", "8388608:16777216", EXACT },
	{ 'v', "LimitNICE=5", "nice", NULL, NOT },
	{ 'v', "Environment=A=1 \"B=2 3\"", "env", "A=1, 'B=2 3'", EXACT },
	{ 'v', "Environment='C=a\\x20b'", "env", "'C=a b'", EXACT },
	{ 'v', "Environment=D=%%", "env", "D=%", EXACT },
	{ 'v', "Environment=1=2", "env", NULL, NOT },
	{ 'v', "EnvironmentFile=/etc/passwd", "env", NULL, NOT }, /* a text reads no files */
	{ 'v', "PassEnvironment=LANG", "pass_env", "LANG", CHANGED },
	{ 'v', "UnsetEnvironment=LANG", "pass_env", NULL, CHANGED },
	{ 'v', "StandardOutput=journal", "stderr", NULL, NEAR },
	{ 'v', "StandardOutput=socket", "stderr", "socket", EXACT },
	{ 'v', "StandardError=socket", "stderr", "socket", EXACT },
	{ 'v', "StandardError=null", "stderr", "null", EXACT },
	{ 'v', "StandardError=journal", "stderr", NULL, CHANGED },
	{ 'v', "StandardError=append:/tmp/x", "stderr", "file:/tmp/x", EXACT },
	{ 'v', "StandardError=truncate:/tmp/x", "stderr", "file:/tmp/x", NEAR },
	{ 'v', "StandardError=tty", "stderr", NULL, NOT },
	{ 'v', "StandardInput=null", "stderr", NULL, NOT },
	{ 'v', "RuntimeMaxSec=1h", "time_limit", "1h", EXACT },
	{ 'v', "RuntimeMaxSec=infinity", "time_limit", "0", EXACT },
	{ 'v', "TimeoutStopSec=10", "kill_after", "10s", EXACT },
	{ 'v', "TimeoutStopSec=1.5s", "kill_after", "1500ms", EXACT },
	{ 'v', "TimeoutStopSec=infinity", "kill_after", "1d", NEAR },
	{ 'v', "TimeoutSec=5", "kill_after", "5s", CHANGED },
	{ 'v', "", "kill_after", "90s", EXACT },
	{ 'v', "KillMode=control-group", "kill_after", "90s", EXACT },
	{ 'v', "KillMode=mixed", "kill_after", "90s", NEAR },
	{ 'v', "KillMode=process", "kill_after", "90s", NOT },
	{ 'v', "KillSignal=SIGHUP", "kill_after", "90s", NOT },
	{ 'v', "SendSIGKILL=no", "kill_after", "90s", NOT },
	{ 's', "IPAddressAllow=10.0.0.0/8", "allow", NULL, NEAR },
	{ 's', "IPAddressDeny=any", "deny", "all", NEAR },
	{ 's', "IPAddressDeny=10.0.0.0/8 localhost", "deny", "10.0.0.0/8, loopback", NEAR },
	{ 'w', "IPAddressDeny=any", "disable", "yes", CHANGED },
	{ 'v', "IPAddressAllow=10.0.0.0/8", "allow", NULL, NOT },
	{ 'v', "IPAddressDeny=any", "deny", NULL, NOT }, /* not of clients */
	{ 'v', "Type=notify", "wait", NULL, NEAR },
	{ 'v', "Type=forking", "wait", NULL, NOT },
	{ 'v', "Restart=always", "wait", NULL, EXACT },
	{ 'v', "ExecStart=/bin/echo", "exec", "/bin/true", NOT },
	{ 'v', "ExecStartPre=/bin/echo", "exec", "/bin/true", NOT },
	{ 'v', "ExecReload=/bin/echo", "exec", "/bin/true", CHANGED },
	{ 'v', "PrivateTmp=yes", "chroot", NULL, NOT },
	{ 'v', "PrivateTmp=no", "chroot", NULL, EXACT },
	{ 'v', "ProtectSystem=off", "chroot", NULL, EXACT },
	{ 'v', "CapabilityBoundingSet=", "chroot", NULL, NOT },
	{ 'v', "ProtectSystem=full", "chroot", NULL, NOT },
	{ 'v', "CapabilityBoundingSet=CAP_KILL", "chroot", NULL, NOT },
	{ 'v', "SystemCallFilter=@system-service", "chroot", NULL, NOT },
	{ 'v', "MemoryMax=1G", "rlimit_as", NULL, NOT },
	{ 'v', "RuntimeDirectory=x", "directory", NULL, NOT },
	{ 'v', "PAMName=login", "user", "root", NOT },
	{ 'v', "SyslogIdentifier=x", "stderr", NULL, CHANGED },
	{ 'v', "IgnoreSIGPIPE=no", "user", "root", EXACT },
	{ 'v', "IgnoreSIGPIPE=yes", "user", "root", NEAR },
	{ 'u', "Description=Some ; thing", "description", NULL, NOT },
	{ 'u', "Description=A thing", "description", "A thing", EXACT },
	{ 'u', "After=network.target", "wait", NULL, CHANGED },
	{ 'u', "ConditionPathExists=/x", "disable", NULL, NOT },
	{ 'u', "StartLimitBurst=5", "rate", NULL, CHANGED },
	{ 'u', "Documentation=man:x(1)", "description", NULL, EXACT },
	{ 'i', "WantedBy=sockets.target", "wait", NULL, EXACT },
	/* ---- values as systemd.time(7) and systemd.syntax(7) have them ---- */
	{ 'v', "TimeoutStopSec=1week", "kill_after", "1d", NEAR },
	{ 'v', "TimeoutStopSec=2min 200ms", "kill_after", "120200ms", EXACT },
	{ 'v', "TimeoutStopSec=0", "kill_after", "1d", NEAR },
	{ 'v', "TimeoutStopSec=500us", "kill_after", "1ms", EXACT },
	{ 'v', "TimeoutStopSec=1.1234567s", "kill_after", "1124ms", EXACT },
	{ 'v', "TimeoutStopSec=", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=s", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=5 fortnights", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=5 thousandsofyears", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=99999999999999999999", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=999999999999999y", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=140000y 140000y 140000y", "kill_after", "90s", NOT },
	{ 'v', "TimeoutStopSec=1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "kill_after", "16s", EXACT },
	{ 'v', "TimeoutStopSec=1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "kill_after", "90s", NOT },
	{ 'v', "RuntimeMaxSec=2h", "time_limit", "2h", EXACT },
	{ 'v', "RuntimeMaxSec=1d", "time_limit", "1d", EXACT },
	{ 'v', "RuntimeMaxSec=0", "time_limit", "0", EXACT },
	{ 'v', "RuntimeMaxSec=x", "time_limit", NULL, NOT },
	{ 's', "ReceiveBuffer=", "rcvbuf", NULL, NOT },
	{ 's', "ReceiveBuffer=12345678901234567890123", "rcvbuf", NULL, NOT },
	{ 's', "ReceiveBuffer=1234567890123456789", "rcvbuf", NULL, NOT },
	{ 's', "ReceiveBuffer=9999E", "rcvbuf", NULL, NOT },
	{ 's', "ReceiveBuffer=64KB", "rcvbuf", "65536", EXACT },
	{ 's', "ReceiveBuffer=64 K", "rcvbuf", "65536", EXACT },
	{ 's', "ReceiveBuffer=64KBytes", "rcvbuf", NULL, NOT },
	{ 's', "Backlog=4294967296", "backlog", NULL, NOT },
	{ 's', "Backlog=", "backlog", NULL, NOT },
	{ 's', "DeferAcceptSec=infinity", "defer_accept", NULL, NOT },
	{ 's', "DeferAcceptSec=x", "defer_accept", NULL, NOT },
	{ 's', "KeepAlive=maybe", "keepalive", "0", NOT },
	{ 's', "KeepAlive=yes\nKeepAliveTimeSec=5min", "keepalive", "5min", EXACT },
	{ 's', "KeepAliveTimeSec=x\nKeepAlive=yes", "keepalive", "2h", NOT },
	{ 's', "KeepAliveTimeSec=0\nKeepAlive=yes", "keepalive", "2h", EXACT }, /* the kernel's own */
	{ 's', "KeepAliveTimeSec=infinity\nKeepAlive=yes", "keepalive", "2h", NEAR },
	{ 's', "FreeBind=no", "freebind", "no", EXACT },
	{ 's', "BindToDevice=", "interface", NULL, EXACT },
	{ 'f', "FreeBind=yes", "freebind", NULL, EXACT },
	{ 'f', "KeepAlive=yes", "keepalive", NULL, EXACT },
	{ 'f', "SocketMode=", "socket_mode", "0666", EXACT },
	{ 'f', "SocketMode=7777", "socket_mode", "0666", NOT },
	{ 'f', "SocketMode=x", "socket_mode", "0666", NOT },
	{ 'f', "SocketUser=", "socket_user", NULL, EXACT },
	{ 'f', "SocketUser=%H", "socket_user", NULL, NOT },
	{ 'f', "SocketUser=12345", "socket_user", "12345", EXACT },
	{ 'f', "SocketUser=no-such-user", "disable", "yes", CHANGED },
	{ 'f', "SocketGroup=12345", "socket_group", "12345", EXACT },
	{ 's', "SocketUser=root", "socket_user", NULL, EXACT },
	{ 's', "TriggerLimitBurst=x", "rate", NULL, NOT },
	{ 's', "TriggerLimitBurst=0", "rate", NULL, CHANGED },
	{ 's', "TriggerLimitIntervalSec=x", "rate", NULL, NOT },
	{ 'w', "TriggerLimitBurst=10", "rate", "10/2s", CHANGED },
	{ 'w', "PollLimitIntervalSec=4s", "rate", "15/4s", CHANGED },

	/* ---- addresses ---- */
	{ 's', "ListenStream=@", "listen", "7777", NOT },
	{ 's', "ListenStream=/", "listen", "7777", NOT },
	{ 's', "ListenStream=vsock:3", "listen", "7777", NOT },
	{ 's', "ListenStream=vsock-stream:3:5000", "listen", "7777, vsock:3:5000", EXACT },
	{ 's', "ListenStream=vsock:4294967295:5000", "listen", "7777, vsock:5000", EXACT },
	{ 's', "ListenStream=80/udp", "listen", "7777", NOT },
	{ 's', "ListenStream=80, 81", "listen", "7777", NOT },
	{ 's', "ListenStream=name", "listen", "7777", NOT },
	{ 's', "ListenSequentialPacket=vsock:3:5000", "listen", "7777", NOT },
	{ 's', "ListenStream=80\nSocketProtocol=sctp", "listen", NULL, NOT },
	{ 's', "ListenStream=80\nSocketProtocol=udplite", "listen", NULL, NOT },
	{ 's', "ListenStream=/run/x\nSocketProtocol=sctp", "listen", "unix:/run/x", EXACT },
	{ 's', "SocketProtocol=tcp", "listen", "7777", EXACT },
	{ 's', "BindIPv6Only=both", "listen", "7777", EXACT },
	{ 's', "BindIPv6Only=default", "listen", "7777", EXACT },
	{ 's', "BindIPv6Only=ipv6-only\nListenStream=[::]:80", "listen", "[::]:7777, [::]:80", EXACT },
	{ 's', "MaxConnectionsPerSource=x", "per_source", "none", NOT },

	/* ---- as whom, where, and how long ---- */
	{ 'v', "User=", "user", "root", EXACT },
	{ 'v', "User=%u", "user", "root", EXACT },
	{ 'v', "User=12345", "user", "12345", EXACT },
	{ 'v', "Group=no-such-group", "disable", "yes", CHANGED },
	{ 'v', "Group=%H", "disable", "yes", NOT },
	{ 'v', "Group=54321", "group", "54321", EXACT },
	{ 'v', "User=%m", "disable", "yes", NOT },
	{ 'v', "User=made-up\nDynamicUser=yes", "user", NULL, NEAR },
	{ 'v', "Group=made-up\nDynamicUser=yes", "group", NULL, NEAR },
	{ 'v', "User=daemon\nDynamicUser=yes", "user", "daemon", EXACT },
	{ 'v', "DynamicUser=maybe", "user", "root", NEAR },
	{ 'v', "DynamicUser=no", "user", "root", EXACT },
	{ 'v', "SupplementaryGroups=", "groups", NULL, EXACT },
	{ 'v', "SupplementaryGroups=no-such-group", "disable", "yes", NEAR },
	{ 'v', "SupplementaryGroups='root", "groups", NULL, NOT },
	{ 'v', "SupplementaryGroups=%H", "groups", NULL, NOT },
	{ 'v', "WorkingDirectory=", "directory", NULL, EXACT },
	{ 'v', "WorkingDirectory=%H", "directory", NULL, NOT },
	{ 'v', "WorkingDirectory=tmp", "directory", NULL, NOT },
	{ 'v', "WorkingDirectory=/bin/true", "disable", "yes", CHANGED },
	{ 'v', "WorkingDirectory=~\nUser=daemon", "directory", "/usr/sbin", EXACT },
	{ 'v', "WorkingDirectory=~\nUser=no-such-user", "directory", NULL, NOT },
	{ 'v', "WorkingDirectory=%T", "directory", "/tmp", EXACT },
	{ 'v', "RootDirectory=/", "chroot", NULL, EXACT },
	{ 'v', "RootDirectory=~", "chroot", NULL, NOT },
	{ 'v', "RootDirectory=-/tmp", "chroot", NULL, NOT },
	{ 'v', "RootDirectory=/no/such", "disable", "yes", CHANGED },
	{ 'v', "WorkingDirectory=/no/such\nRootDirectory=/", "disable", "yes", CHANGED },
	{ 'v', "RootDirectory=/tmp\nWorkingDirectory=/no/such", "disable", NULL, EXACT }, /* it is seen from inside */
	{ 'v', "Nice=", "nice", NULL, EXACT },
	{ 'v', "Nice=+5", "nice", "5", EXACT },
	{ 'v', "UMask=", "umask", NULL, EXACT },
	{ 'v', "LimitNOFILE=", "rlimit_nofile", NULL, EXACT },
	{ 'v', "LimitNOFILE=x", "rlimit_nofile", NULL, NOT },
	{ 'v', "LimitNOFILE=5:x", "rlimit_nofile", NULL, NOT },
	{ 'v', "LimitNOFILE=50:50", "rlimit_nofile", "50", EXACT },
	{ 'v', "LimitCPU=1500ms", "rlimit_cpu", "2s", EXACT },
	{ 'v', "LimitCPU=infinity", "rlimit_cpu", "unlimited", EXACT },
	{ 'v', "LimitFSIZE=1M", "rlimit_fsize", "1048576", EXACT },
	{ 'v', "LimitDATA=1M", "rlimit_data", "1048576", EXACT },
	{ 'v', "LimitMEMLOCK=1M", "rlimit_memlock", "1048576", EXACT },
	{ 'v', "KillSignal=TERM", "kill_after", "90s", EXACT },
	{ 'v', "KillSignal=15", "kill_after", "90s", EXACT },
	{ 'v', "KillSignal=", "kill_after", "90s", EXACT },
	{ 'v', "KillMode=none", "kill_after", "90s", NOT },
	{ 'v', "Type=oneshot", "wait", NULL, NEAR },
	{ 'v', "Type=dbus", "wait", NULL, NOT },
	{ 'v', "Type=idle", "wait", NULL, EXACT },
	{ 'v', "Type=nonsense", "wait", NULL, NOT },
	{ 'v', "NoNewPrivileges=maybe", "no_new_privileges", NULL, NOT },
	{ 'v', "SendSIGKILL=", "kill_after", "90s", EXACT },

	/* ---- descriptors ---- */
	{ 'v', "StandardOutput=null", "stderr", "null", NEAR },
	{ 'v', "StandardOutput=inherit", "stderr", "socket", EXACT },
	{ 'v', "StandardOutput=", "stderr", NULL, EXACT },
	{ 'v', "StandardOutput=null\nStandardError=inherit", "stderr", "null", NEAR },
	{ 'v', "StandardOutput=socket\nStandardError=", "stderr", NULL, EXACT },
	{ 'v', "StandardError=file:/tmp/x", "stderr", "file:/tmp/x", NEAR },
	{ 'v', "StandardError=file:%H", "stderr", NULL, NOT },
	{ 'v', "StandardError=file:x", "stderr", NULL, NOT },
	{ 'v', "StandardError=kmsg", "stderr", NULL, CHANGED },
	{ 'v', "StandardError=syslog", "stderr", NULL, CHANGED },
	{ 'x', "StandardInput=tty", "stderr", NULL, NOT },
	{ 'x', "StandardInput=socket\nStandardOutput=inherit", "stderr", "socket", EXACT },

	/* ---- who may ---- */
	{ 's', "IPAddressDeny=", "deny", NULL, EXACT },
	{ 's', "IPAddressDeny='any", "deny", NULL, NOT },
	{ 's', "IPAddressDeny=link-local", "deny", "169.254.0.0/16, fe80::/64", NEAR },
	{ 's', "IPAddressDeny=multicast", "deny", "224.0.0.0/4, ff00::/8", NEAR },
	{ 's', "IPAddressDeny=nonsense", "deny", NULL, NOT },
	{ 's', "IPAddressDeny=10.0.0.0/8 any", "deny", "10.0.0.0/8, all", NEAR },
	{ 's', "IPAddressDeny=any 10.0.0.0/8", "deny", "all, 10.0.0.0/8", NEAR },
	{ 's', "IPAddressDeny=any\nIPAddressAllow=10.0.0.0/8", "allow", "10.0.0.0/8", NEAR },
	{ 's', "IPAddressDeny=any\nIPAddressAllow=10.0.0.0/8", "deny", NULL, NEAR },
	{ 's', "IPAddressDeny=10.0.0.0/8\nIPAddressAllow=10.1.0.0/16", "allow", "10.1.0.0/16, all", NEAR },

	/* ---- variables and texts ---- */
	{ 'v', "Environment=A=1 A=2", "env", "A=2", EXACT },
	{ 'v', "Environment='A=1", "env", NULL, NOT },
	{ 'v', "Environment=A=%H", "env", NULL, NOT },
	{ 'v', "Environment=nonsense", "env", NULL, NOT },
	{ 'v', "Environment=A=\\101\\n", "env", NULL, NOT },
	{ 'v', "Environment=A=\\101", "env", "A=A", EXACT },
	{ 'v', "Environment=A=\\u00e9", "env", "'A=\xc3\xa9'", EXACT },
	{ 'v', "Environment=A=\\u0041\\U00000042", "env", "A=AB", EXACT },
	{ 'v', "Environment=A=\\u20ac", "env", "'A=\xe2\x82\xac'", EXACT },
	{ 'v', "Environment=A=\\U0001F600", "env", "'A=\xf0\x9f\x98\x80'", EXACT },
	{ 'v', "Environment=A=\\ud800", "env", NULL, NOT },
	{ 'v', "Environment=A=\\udfff", "env", NULL, NOT },
	{ 'v', "Environment=A=\\ue000", "env", "'A=\xee\x80\x80'", EXACT },
	{ 'v', "Environment=A=\\U00110000", "env", NULL, NOT },
	{ 'v', "Environment=A=\\x4G", "env", NULL, NOT },
	{ 'v', "Environment=A=\\x00", "env", NULL, NOT },
	{ 'v', "Environment=A=\\4", "env", NULL, NOT },
	{ 'v', "Environment=A=\\189", "env", NULL, NOT },
	{ 'v', "Environment=A=\"b'c\"", "env", "'A=b'\\''c'", EXACT },
	{ 'v', "EnvironmentFile=", "env", NULL, EXACT },
	{ 'v', "PassEnvironment=", "pass_env", NULL, EXACT },
	{ 'v', "PassEnvironment='A", "pass_env", NULL, NOT },
	{ 'v', "PassEnvironment=A B", "pass_env", "A, B", CHANGED },
	{ 'u', "Description=", "description", NULL, EXACT },
	{ 'u', "Description=%H", "description", NULL, NOT },
	{ 'u', "Description=%n of %p", "description", "input of input", EXACT },
	{ 'u', "Description=%N", "description", "input", EXACT },
	{ 'u', "Description=it is %", "description", "it is %", EXACT },
	{ 'u', "Documentation=", "description", NULL, EXACT },
	{ 'x', "PrivateTmp=maybe", "chroot", NULL, NOT },
	{ 'v', "MountAPIVFS=no", "chroot", NULL, EXACT },
};

/* The line stands in line HEAD_LINES + 1 of the file called INPUT. */
static struct import *import_row(const struct row *row)
{
	static const char *const listens[] = { ['s'] = "7777", ['u'] = "7777", ['i'] = "7777", ['v'] = "7777",
					       ['w'] = "127.0.0.1:7777", ['x'] = "127.0.0.1:7777", ['f'] = "/run/f" };
	bool is_service = row->unit == 'v' || row->unit == 'x';
	const char *accept = row->unit == 'w' || row->unit == 'x' ? "no" : "yes";
	const char *listen = listens[(unsigned char)row->unit];
	char socket[512], service[512];
	struct import *import = import_new();

	ck_assert_ptr_nonnull(import);
	if (row->unit == 'u' || row->unit == 'i')
		snprintf(socket, sizeof(socket), "[Socket]\nListenStream=%s\nAccept=yes\n[%s]\n%s\n", listen,
			 row->unit == 'u' ? "Unit" : "Install", row->line);
	else
		snprintf(socket, sizeof(socket), "[Socket]\nListenStream=%s\nAccept=%s\n%s\n", listen, accept,
			 is_service ? "" : row->line);
	snprintf(service, sizeof(service), "[Service]\nExecStart=/bin/true\nStandardInput=%s\n%s\n",
		 row->unit == 'x' ? "" : "socket", is_service ? row->line : "");
	import_systemd_text(import, is_service ? "t.socket" : INPUT, socket, strlen(socket), is_service ? INPUT : "t@.service",
			    service, strlen(service));
	return import;
}

START_TEST(each_key)
{
	const struct row *row = &rows[_i];
	unsigned line = HEAD_LINES + 1 + (row->unit == 'u' || row->unit == 'i');
	struct import *import = import_row(row);
	struct import_service *service = import_next(import, NULL);
	const char *value = service != NULL ? import_get(service, row->key) : NULL;
	char class[32];

	ck_assert_msg(value == NULL ? row->value == NULL : row->value != NULL && strcmp(value, row->value) == 0,
		      "%s: %s = %s, not %s", row->line, row->key, value != NULL ? value : "-",
		      row->value != NULL ? row->value : "-");
	ck_assert_msg(strcmp(class_of(import, line, class), row->class) == 0, "%s: %s, not %s", row->line, class, row->class);
	import_free(import);
}
END_TEST

/* ---- commands ---- */

static const struct {
	const char *lines, *exec; /* exec NULL: no service */
} commands[] = {
	{ "ExecStart=/bin/echo a  b", "/bin/echo a b" },
	{ "ExecStart=-/bin/echo a", "/bin/echo a" },
	{ "ExecStart=@/bin/echo echo a", "/bin/echo a" },
	{ "ExecStart=/bin/echo 'a b' \"c\\td\"", "/bin/echo 'a b' 'c\td'" },
	{ "ExecStart=/bin/echo 'a b' \"c\\nd\"", NULL }, /* a line feed cannot be written */
	{ "ExecStart=/bin/echo 'a b' \"c\\x22d\"", "/bin/echo 'a b' 'c\"d'" },
	{ "ExecStart=/bin/echo %% %p", "/bin/echo % t" },
	{ "ExecStart=/bin/echo %i", NULL },
	{ "ExecStart=/bin/echo %H", NULL },
	{ "Environment=\"A=1 2\"\nExecStart=/bin/echo $A ${A} x$A", "/bin/echo 1 2 '1 2' 'x$A'" },
	{ "ExecStart=/bin/echo $B x", "/bin/echo x" },
	{ "ExecStart=/bin/echo $$B", "/bin/echo '$B'" },
	{ "ExecStart=:/bin/echo $B", "/bin/echo '$B'" },
	{ "ExecStart=/bin/echo a ; /bin/echo b", "/bin/echo a" },
	{ "ExecStart=/bin/echo a\nExecStart=\nExecStart=/bin/true", "/bin/true" },
	{ "ExecStart=/bin/echo \\\n# between\n   a \\\n b", "/bin/echo a b" },
	{ "ExecStart=echo a", "/usr/bin/echo a" },
	{ "ExecStart=/bin/echo 'a", NULL },
	{ "ExecStart=/bin/echo \\q", NULL },
	{ "ExecStart=/bin/echo 'a ;b'", "/bin/echo 'a '\\;'b'" },
	{ "ExecStart=+/bin/echo a", "/bin/echo a" },
	{ "ExecStart=!/bin/echo a", "/bin/echo a" },
	{ "ExecStart=|/bin/echo a", "/bin/echo a" },
	{ "ExecStart=@/bin/echo other a", "/bin/echo a" },
	{ "ExecStart=@/bin/echo /bin/echo a", "/bin/echo a" },
	{ "ExecStart=@/bin/echo", "/bin/echo" },
	{ "ExecStart=-", NULL },
	{ "ExecStart=%H", NULL },
	{ "ExecStart=%s -c true", "/bin/sh -c true" },
	{ "ExecStart=usherd-no-such-program", "/usr/bin/usherd-no-such-program" },
	{ "ExecStart=bin/echo", "/usr/bin/bin/echo" },
	{ "Environment=A=x\nExecStart=/bin/echo a${A}b$$c ${A", "/bin/echo 'axb$c' '${A'" },
	{ "Environment=A=x\nExecStart=/bin/echo $ $1 $A.b", "/bin/echo '$' '$1' '$A.b'" },
	{ "Environment=\"A='b\"\nExecStart=/bin/echo $A", NULL },
	{ "ExecStart=/bin/echo a \\; b", "/bin/echo a \\; b" },
	{ "ExecStart=", NULL },
	{ "Type=simple", NULL },
};

START_TEST(each_command)
{
	static const char socket[] = "[Socket]\nListenStream=7\nAccept=yes\n";
	struct import *import = import_new();
	struct import_service *service;
	const char *exec;
	char text[512];

	snprintf(text, sizeof(text), "[Service]\nStandardInput=socket\n%s\n", commands[_i].lines);
	import_systemd_text(import, "t.socket", socket, strlen(socket), "t@.service", text, strlen(text));
	service = import_next(import, NULL);
	exec = service != NULL ? import_get(service, "exec") : NULL;
	ck_assert_msg(exec == NULL ? commands[_i].exec == NULL :
				     commands[_i].exec != NULL && strcmp(exec, commands[_i].exec) == 0,
		      "%s: %s", commands[_i].lines, exec != NULL ? exec : "-");
	ck_assert_int_eq(import_worst(import) == IMPORT_UNSUPPORTED,
			 commands[_i].exec == NULL || strstr(commands[_i].lines, "$B x") != NULL ||
				 strstr(commands[_i].lines, "=!") != NULL || strstr(commands[_i].lines, "=|") != NULL ||
				 strstr(commands[_i].lines, " ; ") != NULL);
	import_free(import);
}
END_TEST

/* ---- grammar ---- */

START_TEST(lines_that_go_on_are_told)
{
	static const char socket[] = "[Socket]\nListenStream=7\nAccept=yes\n[X-Mine]\na=b\n[Bogus]\nc=d\n",
			  service[] = "[Service]\nPrivateTmp=\\\n# c\n yes\nUser=daemon\nUser=root\nExecStart=/bin/true\n";
	struct import *import = import_new();
	char class[32];

	import_systemd_text(import, "t.socket", socket, strlen(socket), INPUT, service, strlen(service));
	ck_assert_str_eq(class_of(import, 2, class), NOT);
	ck_assert_str_eq(class_of(import, 3, class), NOT); /* what stands between goes with them */
	ck_assert_str_eq(class_of(import, 4, class), NOT);
	ck_assert_str_eq(class_of(import, 5, class), EXACT); /* replaced */
	ck_assert_str_eq(import_get(import_next(import, NULL), "user"), "root");
	ck_assert_uint_eq(import_count(import, IMPORT_UNSUPPORTED), 6);
	import_free(import);
}
END_TEST

/* The daemon listens where systemd did, whatever bytes the path has. */
START_TEST(path_is_kept)
{
	const struct row row = { 'f', "ListenStream=\nListenStream=/run/a b,'\\c", NULL, NULL, NULL };
	struct import *import = import_row(&row);
	const char *value = import_get(import_next(import, NULL), "listen");
	struct conf_input input = { .text = value, .arena = import_arena(import) };
	struct endpoint_list list = { 0 };
	char reason[CONF_REASON_MAX] = "";

	ck_assert_msg(conf_type_endpoints.parse(&input, &list, reason) == 0, "%s: %s", value, reason);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].address.un.sun_path, "/run/a b,'\\c");
	import_free(import);
}
END_TEST

START_TEST(keys_are_sorted)
{
	size_t count;
	const struct unit_key *keys = unit_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct unit_key *found = unit_find_key(keys[i].name, keys[i].sections);

		ck_assert_msg(found != NULL && strcmp(found->name, keys[i].name) == 0, "%s is not found", keys[i].name);
		ck_assert_ptr_nonnull(keys[i].text);
	}
	ck_assert_ptr_null(unit_find_key("Nonsense", UNIT_SERVICE));
	ck_assert_ptr_null(unit_find_key("User", UNIT_SOCKET));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_systemd");
	TCase *tests = tcase_create("units");

	tcase_add_loop_test(tests, each_key, 0, ELEMENTS(rows));
	tcase_add_loop_test(tests, each_command, 0, ELEMENTS(commands));
	tcase_add_test(tests, lines_that_go_on_are_told);
	tcase_add_test(tests, path_is_kept);
	tcase_add_test(tests, keys_are_sorted);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)

/* import-systemd-keys.c - every key of units, and what becomes of it: those of [Unit], [Socket], [Service] and [Install]
 * that systemd has had so far. */
#include "import-systemd.h"

#include "base.h"

#include <stdlib.h>
#include <string.h>

static const char nothing[] = "";
static const char no_listen[] = "listen is for sockets of addresses, Unix and vsock; leave this one to systemd";
static const char no_option[] = "there is no key for this option; the program can set it on the socket it gets";
static const char sandbox[] =
	"one service is not shut in so; chroot, user, no_new_privileges and rlimit_ keys are what there is, and the unit "
	"of usherd itself, which shuts in all services together";
static const char resources[] =
	"a service has no control group settings; rlimit_ keys, nice and instances are what there is, and limits in the "
	"unit of usherd for all services together";
static const char exec_start_pre_text[] =
	"no command is run around a socket; run it from the unit of usherd";
static const char pass_file_descriptors_to_exec_text[] = "only the socket is passed";
static const char defer_trigger_text[] = "a program is started for what is there at once";
static const char service_exec_start_pre_text[] =
	"no command is run around the program; put both into a script that ends with exec and "
	"the program";
static const char exec_reload_text[] =
	"a program is not told to read its files again: a new one is started for the next client";
static const char standard_input_text_text[] = "standard input is the socket";
static const char timeout_abort_sec_text[] =
	"a session that has to end gets SIGTERM, and after kill_after SIGKILL";
static const char restart_sec_text[] =
	"no meaning: a program is started for each client that comes, and waited for";
static const char start_limit_interval_text[] =
	"a service is never given up for good; programs that fail at once make its clients wait";
static const char failure_action_text[] = "the end of a session has no consequence for the machine";
static const char permissions_start_only_text[] =
	"there is one program, and its rights are those of user and chroot";
static const char bus_name_text[] = "there is no word for this here";
static const char syslog_identifier_text[] =
	"the log is that of usherd, with the name of the service in each line (log, log_format)";
static const char pamname_text[] =
	"no session of PAM or utmp is opened; a program that needs one opens it";
static const char ioscheduling_class_text[] =
	"there is no key for this; start the program by chrt(1), ionice(1), taskset(1) or their "
	"like";
static const char runtime_directory_text[] = "directories are not made; make them with tmpfiles.d(5)";
static const char set_credential_text[] =
	"credentials are not passed; let the program read a file that only its user may read";
static const char requires_text[] =
	"order and needs are those of usherd's own unit; write there what a service cannot do "
	"without";
static const char on_success_text[] = "usherd starts and tells no other units";
static const char stop_when_unneeded_text[] = "no meaning: a section is no unit of its own";
static const char condition_text[] =
	"nobody asks for this here; write disable = yes where it does not hold";
static const char wanted_by_text[] = "no meaning: a section is served unless it says disable = yes";
static const char alias_text[] = "no meaning: a section has one name";

/* Whole names, sorted, then beginnings of names, the same. */
static const char own_connections[] =
	"it is for what the program connects to, not for clients, whose sockets are under the lists of [Socket]: use a "
	"firewall";

static const struct unit_key keys[] = {
	{ "Accept", UNIT_SOCKET, false, NULL, IMPORT_EXACT, nothing },
	{ "AcceptFileDescriptors", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  pass_file_descriptors_to_exec_text },
	{ "After", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "Alias", UNIT_INSTALL, true, NULL, IMPORT_EXACT, alias_text },
	{ "AllowIsolate", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "Also", UNIT_INSTALL, true, NULL, IMPORT_EXACT, alias_text },
	{ "AmbientCapabilities", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Backlog", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "Before", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "BindIPv6Only", UNIT_SOCKET, false, NULL, IMPORT_EXACT, nothing },
	{ "BindTo", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "BindToDevice", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "BindsTo", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "Broadcast", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "datagrams cannot be sent to broadcast addresses from this socket" },
	{ "BusName", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "CPUAffinity", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "CPUSchedulingPolicy", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "CPUSchedulingPriority", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "CPUSchedulingResetOnFork", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  ioscheduling_class_text },
	{ "CacheDirectory", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "CacheDirectoryMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "CapabilityBoundingSet", UNIT_SERVICE, false, unit_take_capabilities, IMPORT_UNSUPPORTED, sandbox },
	{ "CollectMode", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "ConfigurationDirectory", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "ConfigurationDirectoryMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  runtime_directory_text },
	{ "Conflicts", UNIT_UNIT, true, NULL, IMPORT_CHANGED,
	  "usherd knows of no other units; see to it that nothing else listens on the same address" },
	{ "CoredumpFilter", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "DefaultDependencies", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "DefaultInstance", UNIT_INSTALL, true, NULL, IMPORT_EXACT, alias_text },
	{ "DeferAcceptSec", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "DeferTrigger", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, defer_trigger_text },
	{ "DeferTriggerMaxSec", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, defer_trigger_text },
	{ "Description", UNIT_UNIT, false, unit_take_text, IMPORT_EXACT, nothing },
	{ "DirectoryMode", UNIT_SOCKET, false, NULL, IMPORT_CHANGED,
	  "directories on the way to a socket are not made; make them with tmpfiles.d(5)" },
	{ "Documentation", UNIT_UNIT, true, unit_take_documentation, IMPORT_EXACT, nothing },
	{ "DynamicUser", UNIT_SERVICE, false, unit_take_no, IMPORT_APPROXIMATED,
	  "users are not made up: it runs as nobody, until you make a user for it" },
	{ "Environment", UNIT_SERVICE, true, unit_take_environment, IMPORT_EXACT, nothing },
	{ "EnvironmentFile", UNIT_SERVICE, true, unit_take_environment_file, IMPORT_EXACT, nothing },
	{ "ExecCondition", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, service_exec_start_pre_text },
	{ "ExecReload", UNIT_SERVICE, true, NULL, IMPORT_CHANGED, exec_reload_text },
	{ "ExecReloadPost", UNIT_SERVICE, true, NULL, IMPORT_CHANGED, exec_reload_text },
	{ "ExecSearchPath", UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  "a name without a slash is looked up now, and its path stands in exec" },
	{ "ExecStart", UNIT_SERVICE, true, unit_take_exec, IMPORT_EXACT, nothing },
	{ "ExecStartPost", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, service_exec_start_pre_text },
	{ "ExecStartPost", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, exec_start_pre_text },
	{ "ExecStartPre", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, service_exec_start_pre_text },
	{ "ExecStartPre", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, exec_start_pre_text },
	{ "ExecStop", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, service_exec_start_pre_text },
	{ "ExecStopPost", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, service_exec_start_pre_text },
	{ "ExecStopPost", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, exec_start_pre_text },
	{ "ExecStopPre", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, exec_start_pre_text },
	{ "ExitType", UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  "a session lasts until its process group is empty, with wait = yes until its program ends" },
	{ "FailureAction", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, failure_action_text },
	{ "FailureActionExitStatus", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  failure_action_text },
	{ "FileDescriptorName", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED,
	  "LISTEN_FDNAMES is not set; the socket is descriptor 3 of a program with wait = yes" },
	{ "FileDescriptorStoreMax", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "FileDescriptorStorePreserve", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "FinalKillSignal", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "FlushPending", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "what waits in the socket stays there when a program ends, and the next one gets it" },
	{ "FreeBind", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "Group", UNIT_SERVICE, false, unit_take_user, IMPORT_EXACT, nothing },
	{ "GuessMainPID", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "IOSchedulingClass", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "IOSchedulingPriority", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "IPAddressAllow", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, own_connections },
	{ "IPAddressAllow", UNIT_SOCKET, true, unit_take_access, IMPORT_APPROXIMATED, nothing },
	{ "IPAddressDeny", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, own_connections },
	{ "IPAddressDeny", UNIT_SOCKET, true, unit_take_access, IMPORT_APPROXIMATED, nothing },
	{ "IPTOS", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "IPTTL", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "IgnoreOnIsolate", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "IgnoreSIGPIPE", UNIT_SERVICE, false, unit_take_no, IMPORT_APPROXIMATED,
	  "every signal has its default action here: SIGPIPE ends a program that writes to a client who is gone" },
	{ "ImportCredential", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, set_credential_text },
	{ "JoinsNamespaceOf", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "KeepAlive", UNIT_SOCKET, false, unit_take_keepalive, IMPORT_EXACT, nothing },
	{ "KeepAliveIntervalSec", UNIT_SOCKET, false, NULL, IMPORT_APPROXIMATED,
	  "the pause between further probes is that of the kernel (net.ipv4.tcp_keepalive_intvl)" },
	{ "KeepAliveProbes", UNIT_SOCKET, false, NULL, IMPORT_APPROXIMATED,
	  "how many probes are sent is for the kernel to say (net.ipv4.tcp_keepalive_probes)" },
	{ "KeepAliveTimeSec", UNIT_SOCKET, false, unit_take_keepalive, IMPORT_EXACT, nothing },
	{ "KeyringMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "KillMode", UNIT_SERVICE, false, unit_take_kill, IMPORT_EXACT, nothing },
	{ "KillSignal", UNIT_SERVICE, false, unit_take_kill, IMPORT_EXACT, nothing },
	{ "LimitAS", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitCORE", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitCPU", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitDATA", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitFSIZE", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitMEMLOCK", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitNOFILE", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitNPROC", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "LimitSTACK", UNIT_SERVICE, false, unit_take_limit, IMPORT_EXACT, nothing },
	{ "ListenDatagram", UNIT_SOCKET, true, unit_take_listen, IMPORT_EXACT, nothing },
	{ "ListenFIFO", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, no_listen },
	{ "ListenMessageQueue", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, no_listen },
	{ "ListenNetlink", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, no_listen },
	{ "ListenSequentialPacket", UNIT_SOCKET, true, unit_take_listen, IMPORT_EXACT, nothing },
	{ "ListenSpecial", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, no_listen },
	{ "ListenStream", UNIT_SOCKET, true, unit_take_listen, IMPORT_EXACT, nothing },
	{ "ListenUSBFunction", UNIT_SOCKET, true, NULL, IMPORT_UNSUPPORTED, no_listen },
	{ "LoadCredential", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, set_credential_text },
	{ "LoadCredentialEncrypted", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, set_credential_text },
	{ "LogExtraFields", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogFilterPatterns", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogLevelMax", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogNamespace", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogRateLimitBurst", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogRateLimitIntervalSec", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "LogsDirectory", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "LogsDirectoryMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "Mark", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "MaxConnections", UNIT_SOCKET, false, unit_take_limits, IMPORT_EXACT, nothing },
	{ "MaxConnectionsPerSource", UNIT_SOCKET, false, unit_take_limits, IMPORT_EXACT, nothing },
	{ "MessageQueueMaxMessages", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "MessageQueueMessageSize", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "NUMAMask", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "NUMAPolicy", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "Nice", UNIT_SERVICE, false, unit_take_number, IMPORT_EXACT, nothing },
	{ "NoDelay", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "NoNewPrivileges", UNIT_SERVICE, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "NonBlocking", UNIT_SERVICE, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "the socket is blocking; the program can change that" },
	{ "NotifyAccess", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "OOMPolicy", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  "the kernel ends what it chooses; oom_score_adj tells it what to choose first" },
	{ "OOMScoreAdjust", UNIT_SERVICE, false, unit_take_number, IMPORT_EXACT, nothing },
	{ "OnFailure", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "OnFailureIsolate", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "OnFailureJobMode", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "OnSuccess", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "OnSuccessJobMode", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "OpenFile", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "PAMName", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, pamname_text },
	{ "PIDFile", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "PartOf", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "PassCredentials", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "credentials of the sender are not attached; the variables UNIXREMOTEEUID and others tell who connected" },
	{ "PassEnvironment", UNIT_SERVICE, true, unit_take_pass_environment, IMPORT_CHANGED, nothing },
	{ "PassFileDescriptorsToExec", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  pass_file_descriptors_to_exec_text },
	{ "PassPacketInfo", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "datagram sockets of addresses ask for it always; Unix and stream sockets do not have it" },
	{ "PassSecurity", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "the security context of the sender is not attached" },
	{ "PermissionsStartOnly", UNIT_SERVICE, false, unit_take_no, IMPORT_UNSUPPORTED,
	  permissions_start_only_text },
	{ "Personality", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "PipeSize", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "PollLimitBurst", UNIT_SOCKET, false, unit_take_trigger, IMPORT_CHANGED, nothing },
	{ "PollLimitIntervalSec", UNIT_SOCKET, false, unit_take_trigger, IMPORT_CHANGED, nothing },
	{ "Priority", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "PropagateReloadFrom", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "PropagateReloadTo", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "PropagatesReloadTo", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "PropagatesStopTo", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "RebootArgument", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, failure_action_text },
	{ "ReceiveBuffer", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "RefreshOnReload", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "RefuseManualStart", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "RefuseManualStop", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "ReloadPropagatedFrom", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "ReloadSignal", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "RemainAfterExit", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RemoveIPC", UNIT_SERVICE, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "System V objects of the user stay when a session ends" },
	{ "RemoveOnStop", UNIT_SOCKET, false, unit_take_yes, IMPORT_CHANGED,
	  "the file of a Unix socket is removed when nobody listens on it any more" },
	{ "RequiredBy", UNIT_INSTALL, true, NULL, IMPORT_EXACT, wanted_by_text },
	{ "Requires", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "RequiresMountsFor", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "RequiresOverridable", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "Requisite", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "RequisiteOverridable", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "Restart", UNIT_SERVICE, false, NULL, IMPORT_EXACT,
	  "no meaning: a program is started for each client that comes" },
	{ "RestartForceExitStatus", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RestartKillSignal", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "RestartMaxDelaySec", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RestartMode", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RestartPreventExitStatus", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RestartSec", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "RestartSteps", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "ReusePort", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "an address has one socket here; a second program cannot share it" },
	{ "RootDirectory", UNIT_SERVICE, false, unit_take_path, IMPORT_EXACT, nothing },
	{ "RootDirectoryStartOnly", UNIT_SERVICE, false, unit_take_no, IMPORT_UNSUPPORTED,
	  permissions_start_only_text },
	{ "RuntimeDirectory", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "RuntimeDirectoryMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "RuntimeDirectoryPreserve", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "RuntimeMaxSec", UNIT_SERVICE, false, unit_take_time, IMPORT_EXACT, nothing },
	{ "RuntimeRandomizedExtraSec", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  "time_limit is the same for all sessions" },
	{ "SELinuxContextFromNet", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "the context of SELinux is that of usherd" },
	{ "SecureBits", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "SendBuffer", UNIT_SOCKET, false, unit_take_option, IMPORT_EXACT, nothing },
	{ "SendSIGHUP", UNIT_SERVICE, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "a session is told to end by SIGTERM alone" },
	{ "SendSIGKILL", UNIT_SERVICE, false, unit_take_yes, IMPORT_UNSUPPORTED,
	  "a session that has to end is killed after kill_after" },
	{ "Service", UNIT_SOCKET, false, NULL, IMPORT_EXACT, nothing },
	{ "SetCredential", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, set_credential_text },
	{ "SetCredentialEncrypted", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, set_credential_text },
	{ "SmackLabel", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "SmackLabelIPIn", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "SmackLabelIPOut", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "SocketGroup", UNIT_SOCKET, false, unit_take_owner, IMPORT_EXACT, nothing },
	{ "SocketMode", UNIT_SOCKET, false, unit_take_mode, IMPORT_EXACT, nothing },
	{ "SocketProtocol", UNIT_SOCKET, false, NULL, IMPORT_EXACT, nothing },
	{ "SocketUser", UNIT_SOCKET, false, unit_take_owner, IMPORT_EXACT, nothing },
	{ "Sockets", UNIT_SERVICE, false, NULL, IMPORT_EXACT, nothing },
	{ "SourcePath", UNIT_UNIT, false, NULL, IMPORT_EXACT, nothing },
	{ "StandardError", UNIT_SERVICE, false, unit_take_stream, IMPORT_EXACT, nothing },
	{ "StandardInput", UNIT_SERVICE, false, unit_take_stream, IMPORT_EXACT, nothing },
	{ "StandardInputData", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, standard_input_text_text },
	{ "StandardInputText", UNIT_SERVICE, true, NULL, IMPORT_UNSUPPORTED, standard_input_text_text },
	{ "StandardOutput", UNIT_SERVICE, false, unit_take_stream, IMPORT_EXACT, nothing },
	{ "StartLimitAction", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  start_limit_interval_text },
	{ "StartLimitBurst", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  start_limit_interval_text },
	{ "StartLimitInterval", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  start_limit_interval_text },
	{ "StartLimitIntervalSec", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  start_limit_interval_text },
	{ "StateDirectory", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "StateDirectoryMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "StopPropagatedFrom", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, on_success_text },
	{ "StopWhenUnneeded", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "SuccessAction", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, failure_action_text },
	{ "SuccessActionExitStatus", UNIT_UNIT | UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  failure_action_text },
	{ "SuccessExitStatus", UNIT_SERVICE, false, NULL, IMPORT_EXACT, restart_sec_text },
	{ "SupplementaryGroups", UNIT_SERVICE, true, unit_take_groups, IMPORT_EXACT, nothing },
	{ "SurviveFinalKillSignal", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "Symlinks", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "SyslogFacility", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "SyslogIdentifier", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "SyslogLevel", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "SyslogLevelPrefix", UNIT_SERVICE, false, NULL, IMPORT_CHANGED, syslog_identifier_text },
	{ "TCPCongestion", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "TimeoutAbortSec", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "TimeoutCleanSec", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, runtime_directory_text },
	{ "TimeoutSec", UNIT_SERVICE, false, unit_take_time, IMPORT_EXACT, nothing },
	{ "TimeoutSec", UNIT_SOCKET, false, NULL, IMPORT_EXACT,
	  "it is for the commands of a socket, of which there are none" },
	{ "TimeoutStartFailureMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "TimeoutStartSec", UNIT_SERVICE, false, NULL, IMPORT_CHANGED,
	  "a start is not timed: a session begins with its program" },
	{ "TimeoutStopFailureMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "TimeoutStopSec", UNIT_SERVICE, false, unit_take_time, IMPORT_EXACT, nothing },
	{ "TimerSlackNSec", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, ioscheduling_class_text },
	{ "Timestamping", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "Transparent", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED,
	  "there is no transparent proxying; what needs it has to open its socket itself" },
	{ "TriggerLimitBurst", UNIT_SOCKET, false, unit_take_trigger, IMPORT_CHANGED, nothing },
	{ "TriggerLimitIntervalSec", UNIT_SOCKET, false, unit_take_trigger, IMPORT_CHANGED, nothing },
	{ "Type", UNIT_SERVICE, false, unit_take_type, IMPORT_EXACT, nothing },
	{ "UMask", UNIT_SERVICE, false, unit_take_mode, IMPORT_EXACT, nothing },
	{ "USBFunctionDescriptors", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "USBFunctionStrings", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, bus_name_text },
	{ "UnsetEnvironment", UNIT_SERVICE, true, NULL, IMPORT_CHANGED,
	  "the environment is made from nothing; take out of env what should not be there" },
	{ "UpheldBy", UNIT_INSTALL, true, NULL, IMPORT_EXACT, wanted_by_text },
	{ "Upholds", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "User", UNIT_SERVICE, false, unit_take_user, IMPORT_EXACT, nothing },
	{ "UtmpIdentifier", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, pamname_text },
	{ "UtmpMode", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, pamname_text },
	{ "WantedBy", UNIT_INSTALL, true, NULL, IMPORT_EXACT, wanted_by_text },
	{ "Wants", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "WantsMountsFor", UNIT_UNIT, true, NULL, IMPORT_CHANGED, requires_text },
	{ "WatchdogSec", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  "no watchdog asks a session whether it lives; time_limit and idle_timeout end it" },
	{ "WatchdogSignal", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, timeout_abort_sec_text },
	{ "WorkingDirectory", UNIT_SERVICE, false, unit_take_path, IMPORT_EXACT, nothing },
	{ "Writable", UNIT_SOCKET, false, unit_take_no, IMPORT_UNSUPPORTED, no_listen },
	{ "XAttrAccept", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "XAttrEntryPoint", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "XAttrListen", UNIT_SOCKET, false, NULL, IMPORT_UNSUPPORTED, no_option },
	{ "Allowed*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "AppArmorProfile*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Assert*", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, condition_text },
	{ "BPFProgram*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "Bind*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "BlockIO*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "CPU*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "Condition*", UNIT_UNIT, true, NULL, IMPORT_UNSUPPORTED, condition_text },
	{ "DefaultMemory*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "DefaultStartup*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "Delegate*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "DeviceAllow*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "DevicePolicy*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "DisableControllers*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "ExecPaths*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Extension*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "IO*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "IPCNamespacePath*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "IP*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "Inaccessible*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "JobRunningTimeout*", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "JobTimeout*", UNIT_UNIT, false, NULL, IMPORT_EXACT, stop_when_unneeded_text },
	{ "Limit*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED,
	  "there is no key for this limit; set it for all services in the unit of usherd" },
	{ "LockPersonality*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "ManagedOOM*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "MemoryDenyWriteExecute*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Memory*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "MountAPIVFS*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "MountFlags*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "MountImages*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "NFTSet*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "NetworkNamespacePath*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "NoExec*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Private*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "ProcSubset*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Protect*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "ReadOnly*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "ReadWrite*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Restrict*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "RootEphemeral*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "RootHash*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "RootImage*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "RootVerity*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "SELinuxContext*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Slice*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "SmackProcessLabel*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "SocketBind*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "Startup*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "SystemCall*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "TTY*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, "there is no terminal" },
	{ "Tasks*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, resources },
	{ "TemporaryFileSystem*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
	{ "UserNamespacePath*", UNIT_SERVICE, false, NULL, IMPORT_UNSUPPORTED, sandbox },
};

#define BEGINNINGS 53 /* rows with a star, at the end; of two that fit the first counts */

const struct unit_key *unit_keys(size_t *ret_count)
{
	*ret_count = ELEMENTS(keys);
	return keys;
}

static int compare(const void *name, const void *row)
{
	return strcmp(name, ((const struct unit_key *)row)->name);
}

const struct unit_key *unit_find_key(const char *name, unsigned section)
{
	const size_t whole = ELEMENTS(keys) - BEGINNINGS;
	const struct unit_key *row = bsearch(name, keys, whole, sizeof(keys[0]), compare);

	/* The few names that mean different things in two sections stand side by side. */
	for (; row != NULL && row > keys && strcmp(row[-1].name, name) == 0;)
		row--;
	for (; row != NULL && row < keys + whole && strcmp(row->name, name) == 0; row++)
		if ((row->sections & section) != 0)
			return row;
	for (size_t i = whole; i < ELEMENTS(keys); i++)
		if ((keys[i].sections & section) != 0 &&
		    strncmp(keys[i].name, name, strlen(keys[i].name) - 1) == 0)
			return &keys[i];
	return NULL;
}

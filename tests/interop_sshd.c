/* interop_sshd.c - sshd -i behind usherd, cold and warm: a command, its status, and a file. */
#include "sshd_help.h"
#include "warm_help.h"

#include <pwd.h>

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

START_TEST(command_and_copy)
{
	const struct passwd *user = getpwuid(getuid());
	char config[1024], script[2048];
	const char *name;

	SKIP_IF(user == NULL, "this user has no name");
	SKIP_IF(strstr(user->pw_shell, "nologin") != NULL || strstr(user->pw_shell, "false") != NULL,
		"this user may not log in");
	SKIP_IF(!make_privilege_directory(), "/run/sshd is missing");
	run("cd $DIR; ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; "
	    "cp key.pub authorized; head -c 2000000 /dev/urandom >file");
	test_write("sshd_config", 0600,
		   "HostKey $DIR/host\nAuthorizedKeysFile $DIR/authorized\nStrictModes no\nUsePAM no\n"
		   "PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp "
		   "internal-sftp\n",
		   true);
	snprintf(config, sizeof(config),
		 "[ssh]\nlisten = 127.0.0.1:$1\nuser = %s\nno_new_privileges = no\n"
		 "exec = /usr/sbin/sshd -i -e -f $DIR/sshd_config\n%s",
		 user->pw_name, warm_line(_i));
	struct daemon *daemon = daemon_start(config);

	if (_i)
		warm_wait_spare(daemon, "ssh");

	test_write("ssh_config", 0600,
		   "IdentityFile $DIR/key\nIdentitiesOnly yes\nStrictHostKeyChecking no\n"
		   "UserKnownHostsFile $DIR/known\nBatchMode yes\nLogLevel ERROR\nPort $1\n",
		   true);
	name = user->pw_name;
	snprintf(script, sizeof(script),
		 "test \"$(ssh -F $DIR/ssh_config %s@127.0.0.1 'echo said; exit 7' || echo $?)\" = "
		 "\"said\n7\"",
		 name);
	run(script);
	snprintf(script, sizeof(script),
		 "cd $DIR; scp -F ssh_config file %s@127.0.0.1:$DIR/there; cmp file there; "
		 "scp -F ssh_config %s@127.0.0.1:$DIR/there back; cmp file back",
		 name, name);
	run(script);
	/* Input through the whole way, with its end. */
	snprintf(script, sizeof(script), "cd $DIR; ssh -F ssh_config %s@127.0.0.1 cat <file | cmp - file",
		 name);
	run(script);
	warm_check_served(daemon, "ssh", _i);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=ssh "), 4);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sshd");

	WARM_LOOP(harness_case(suite, "sshd", 120), command_and_copy);
	return suite;
}

int main(void)
{
	bool here =
		harness_find("sshd") != NULL && harness_find("ssh") != NULL && harness_find("scp") != NULL;

	return harness_main(make_suite, here ? NULL : "openssh-server and openssh-client are not installed");
}

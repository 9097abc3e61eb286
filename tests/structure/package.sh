#!/bin/sh
# package.sh - what is for those who make packages and images is right: one version
# everywhere, configurations that usherd takes, manifests that agree with them.
# The packages themselves are built elsewhere; `make check-dist` compares releases.
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1

# Where anybody may look, wherever the build is: services run as nobody, by default.
place=$(mktemp -d "${TMPDIR:-/tmp}/usherd-package.XXXXXX") || exit 1
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
mkdir "$place/services"
find -L "$BUILD/services" -type f -perm -u+x -exec cp {} "$place/services" \;

# check FILE - what usherd says of it
check() {
	"$BUILD/usherd" --services-dir "$place/services" -t -c "$1" 2>&1
}

version=$(sed -n 's/^AC_INIT(\[usherd\], \[\(.*\)\])$/\1/p' configure.ac)
expect_none 'the packages have the version of configure.ac' "$(
	sed -n '1s/^usherd (\(.*\)-[^-]*) .*/\1/p' debian/changelog | grep -Fqx "$version" || echo debian/changelog
	grep -Eq "^Version: +$version\$" etc/rpm/usherd.spec || echo etc/rpm/usherd.spec)"

expect_none 'the release carries every file for packages' "$(
	find debian etc/container etc/rpm -type f ! -path 'debian/build/*' ! -path 'debian/usherd/*' \
		! -path 'debian/.debhelper/*' ! -name '*.substvars' ! -name '*.debhelper*' ! -name files |
		while read -r file; do
			grep -Eq "^[^#]*[[:blank:]]$file([[:blank:]]|\$)" Makefile.am || echo "$file"
		done)"

expect_none 'every test that the Debian package runs is a test of a module' "$(
	sed -n '/^QUICK = /,/[^\\]$/p' debian/rules | sed 's/QUICK =//' | tr -s '\\ \t' '\n' | sort -u |
		while read -r name; do
			[ -z "$name" ] || grep -Eq "^	tests/check_$name( |\$)" Makefile.am || echo "$name"
		done)"

expect_none 'the scripts of the Debian package are shell' "$(for file in debian/usherd.post*; do
	sh -n "$file" 2>&1
done)"

# As installed: nothing is served, and that is the only thing to say.
expect_none 'what the packages install serves nothing' "$(
	check debian/services.ini | sed 1q | grep -q 'no service is configured' || check debian/services.ini | sed 's/^/says: /'
	check debian/services.ini | sed 1d)"
sed -e 's/^; \(\[ports\]\)$/\1/' -e 's/^; \(7 = echo\)$/\1/' debian/services.ini > "$place/edited.ini"
expect_none 'with the first example taken out of its comment it serves' "$(
	check "$place/edited.ini" | grep -Fx 'ok: 1 services, 2 listeners, 0 disabled' > /dev/null || check "$place/edited.ini")"
expect_none 'the drop-in of the packages asks for what usherd says' "$(
	sed -n 's/.*grep -q "\(.*\)".*/\1/p' debian/usherd.service.d/nothing-to-serve.conf | grep -Fqx 'no service is configured' ||
		echo debian/usherd.service.d/nothing-to-serve.conf)"

expect_none 'what containers serve is right' "$(check etc/container/services.ini |
	grep -Fvx 'ok: 2 services, 4 listeners, 0 disabled')"

if python3 -c 'import yaml' 2> /dev/null; then
	expect_none 'the manifests agree with services.ini and with each other' "$(python3 - << 'END' 2>&1
import configparser, sys, yaml

def expect(what, is_so):
	if not is_so:
		print(what)

text = open('etc/container/services.ini').read()
ini = configparser.ConfigParser()
ini.read_string(text)
drain = int(ini['usherd']['drain_timeout'].rstrip('s'))
listens = {int(ini[name]['listen']) for name in ('echo', 'status')}

kinds = {manifest['kind']: manifest for manifest in yaml.safe_load_all(open('etc/container/kubernetes.yaml'))}
expect('three kinds', sorted(kinds) == ['ConfigMap', 'Deployment', 'Service'])
expect('the ConfigMap is services.ini', kinds['ConfigMap']['data']['services.ini'] == text)
deployment = kinds['Deployment']['spec']
pod = deployment['template']['spec']
container = pod['containers'][0]
labels = deployment['template']['metadata']['labels']
expect('the Deployment selects its pods', deployment['selector']['matchLabels'] == labels)
expect('the Service selects the pods', kinds['Service']['spec']['selector'] == labels)
ports = {port['name']: port['containerPort'] for port in container['ports']}
expect('ports are those that are listened on', set(ports.values()) == listens)
expect('the Service leads to echo', ports[kinds['Service']['spec']['ports'][0]['targetPort']] == int(ini['echo']['listen']))
for probe, path in (('startupProbe', '/readyz'), ('readinessProbe', '/readyz'), ('livenessProbe', '/healthz')):
	get = container[probe]['httpGet']
	expect(probe, get['path'] == path and ports[get['port']] == int(ini['status']['listen']))
pause = int(container['lifecycle']['preStop']['exec']['command'][1])
expect('time to drain', pod['terminationGracePeriodSeconds'] > drain + pause)
mounts = {mount['name']: mount['mountPath'] for mount in container['volumeMounts']}
volume = pod['volumes'][0]
expect('services.ini is mounted', mounts[volume['name']] == '/etc/usherd')
expect('of the ConfigMap', volume['configMap']['name'] == kinds['ConfigMap']['metadata']['name'])

service = yaml.safe_load(open('etc/container/compose.yaml'))['services']['usherd']
expect('Compose: time to drain', int(service['stop_grace_period'].rstrip('s')) > drain)
expect('Compose: ports', {int(port.split(':')[-1]) for port in service['ports']} == listens)

containerfile = open('etc/container/Containerfile').read()
expect('Containerfile: the user of the Deployment',
	'USER %d:%d\n' % (pod['securityContext']['runAsUser'], pod['securityContext']['runAsGroup']) in containerfile)
expect('Containerfile: the control socket', 'ENV USHERD_CONTROL=%s\n' % ini['usherd']['control'] in containerfile)
expect('the status service asks there', ini['status']['exec'].split()[-1] == ini['usherd']['control'])
END
)"
else
	skip 'the manifests agree with services.ini and with each other' 'python3 has no yaml (python3-yaml)'
fi

if command -v rpmspec > /dev/null; then
	expect_none 'the RPM spec is understood' "$(rpmspec -q --qf '%{name} %{version}\n' etc/rpm/usherd.spec 2>&1 |
		grep -Ev "^usherd(-debuginfo|-debugsource)? $version\$")"
else
	skip 'the RPM spec is understood' 'rpmspec is not installed'
fi

# Alone in an empty root directory: no /proc, no /dev, no libc, no passwd.
name='usherd-static serves echo from an empty root directory'
if [ -z "${STATIC_PROGRAM:-}" ]; then
	skip "$name" 'configure was not told --enable-static'
elif ! unshare --net --pid --fork true 2> /dev/null; then
	skip "$name" 'only root can make its namespaces, and /dev/null'
else
	mkdir "$place/root"
	cp "$BUILD/$STATIC_PROGRAM" "$place/root/usherd"
	ln -s usherd "$place/root/daytime"
	cat > "$place/root/services.ini" << 'END'
[usherd]
control       = /control
control_group = 65534
[defaults]
user  = 65534
group = 65534
[echo]
listen = 127.0.0.1:7
exec   = /usherd --service echo
[daytime]
listen = 127.0.0.1:13
exec   = /daytime
[status]
listen = 127.0.0.1:80
exec   = /usherd --service status -s /control
END
	expect_none "$name" "$(unshare --net --pid --fork --kill-child python3 - "$place/root" << 'END' 2>&1
import fcntl, os, socket, struct, subprocess, sys, time

# The loopback interface of this namespace, up.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
	fcntl.ioctl(any_socket, 0x8914, struct.pack('16sh14x', b'lo', 1))
daemon = subprocess.Popen(['/usherd', '-c', '/services.ini'], stderr=subprocess.PIPE, env={},
	preexec_fn=lambda: (os.chroot(sys.argv[1]), os.chdir('/')))
for attempt in range(100):
	try:
		socket.create_connection(('127.0.0.1', 7), 10).close()
		break
	except OSError:
		time.sleep(0.1)
	if daemon.poll() is not None:
		sys.exit('it ended: %s' % daemon.stderr.read().decode())

def ask(port, request):
	with socket.create_connection(('127.0.0.1', port), 10) as client:
		client.sendall(request)
		client.shutdown(socket.SHUT_WR)
		return client.makefile('rb').read()

answer = ask(7, b'alone')
# By the name of a link, and one that asks the daemon.
daytime = ask(13, b'')
health = ask(80, b'GET /healthz HTTP/1.0\r\n\r\n')
daemon.terminate()
log = daemon.communicate(timeout=20)[1].decode()
if answer != b'alone' or len(daytime) < 20 or b' 200 ' not in health or daemon.returncode != 0:
	print('answers %r %r %r, exit status %d' % (answer, daytime, health, daemon.returncode), log)
END
)"
	expect_none 'it says which services are in it' "$("$place/root/usherd" --service finger 2>&1 |
		grep -v '^usherd: --service finger: the services in this program are chargen, daytime, discard, echo, qotd, relay, status and time$')"
fi

finish

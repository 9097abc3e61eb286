# status_browser.py - the status page in a real browser, for e2e_status.c: headless Chromium, told
# what to do by chromedriver over plain HTTP (WebDriver).
#
# status_browser.py URL ADDRESS PORT NAME DRIVER-PORT FOLDER - opens the page, connects to the service NAME at
# ADDRESS and PORT, and expects the page to show the session, and to show its end. Exits 77 when no browser starts.
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

url, address, port, name, driver_port, folder = sys.argv[1:]
PATIENCE_S = 40
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, path, body=None):
    request = urllib.request.Request(
        'http://127.0.0.1:%s%s' % (driver_port, path), method=method,
        data=None if body is None else json.dumps(body).encode(), headers={'Content-Type': 'application/json'})
    try:
        with opener.open(request, timeout=PATIENCE_S) as reply:
            return json.load(reply)['value']
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode(errors='replace')[:1000])


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit('never seen: ' + what)
        time.sleep(0.05)


def ready():
    try:
        return call('GET', '/status')['ready']
    except OSError:
        return False


driver = subprocess.Popen(['chromedriver', '--port=' + driver_port], stdout=subprocess.DEVNULL,
                          env=dict(os.environ, HOME=folder, TMPDIR=folder))
session = None
try:
    wait_until('chromedriver', ready)
    try:
        session = '/session/' + call('POST', '/session', {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome', 'goog:loggingPrefs': {'browser': 'ALL'}, 'goog:chromeOptions': {'args': [
                '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server',
                '--window-size=360,740', '--user-data-dir=' + folder + '/profile']}}}})['sessionId']
    except RuntimeError as error:
        print('chromium does not start here: ' + str(error).split('\n')[0])
        sys.exit(77)

    def js(script):
        return call('POST', session + '/execute/sync', {'script': 'return ' + script, 'args': []})

    call('POST', session + '/url', {'url': url})
    wait_until('the state', lambda: js("document.getElementById('state').textContent") == 'serving')
    rows = "[...document.querySelectorAll('#%s tbody tr')].map((row) => row.textContent)"

    def sessions():
        return [row for row in js(rows % 'sessions') if row.startswith(name + ' ')]

    def active():
        return [row for row in js(rows % 'services') if row.startswith(name)]

    if sessions() or '0 / 5' not in active()[0]:
        sys.exit('a session before there is one: %s %s' % (sessions(), active()))
    client = socket.create_connection((address, int(port)))
    peer = '%s:%d' % client.getsockname()
    row = wait_until('the session', sessions)
    if len(row) != 1 or peer not in row[0]:
        sys.exit('not the session of %s: %s' % (peer, row))
    wait_until('one of five', lambda: '1 / 5' in active()[0])
    client.close()
    wait_until('its end', lambda: not sessions())
    wait_until('none of five', lambda: '0 / 5' in active()[0])

    # What a name may not do, and what the policy would have forbidden, would be told here.
    problems = [entry['message'] for entry in call('POST', session + '/se/log', {'type': 'browser'})
                if entry['message'].startswith(url)]
    if problems:
        sys.exit('the browser complains: ' + ' | '.join(problems))
    if js('document.documentElement.scrollWidth > window.innerWidth'):
        sys.exit('the page is wider than a phone')
    # By keyboard: the button that stops the page comes first.
    call('POST', session + '/actions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': [
        {'type': what, 'value': key} for key in ('\ue004', ' ') for what in ('keyDown', 'keyUp')]}]})
    wait_until('a page that stands still', lambda: js("document.getElementById('fresh').textContent") == 'paused')
finally:
    try:
        if session is not None:
            call('DELETE', session)
    except (OSError, RuntimeError):
        pass
    driver.terminate()
    driver.wait()

"""Carries an Ansible role out in a pod. It is the `__main__` of a zip file that also has the role, Aegir's modules and the playbook
(role-program.ts). What Ansible prints is the log; of a failure the last line says why. Usage: python3 ROLE.pyz VARIABLES"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile

# Of a longer file Kubernetes keeps the end only.
MOST_LEFT_BYTES = 4095
# The control plane may be restarted meanwhile.
PATIENCE_SECONDS = 60
REQUEST_SECONDS = 15
NO_ANSIBLE = 'The image of this pod has no Ansible: it must be made as images/tools/Containerfile says.'
NO_WAY = ('The outputs of this Task have %d bytes, of which a pod may leave %d: enter “Address of Aegir for Jobs” on the Cluster, '
          'by which larger ones are sent.')


class Failure(Exception):
    """Its text is for a person."""


class Play:
    """What the callback plugin tells (plugins/callback/aegir.py)."""

    def __init__(self):
        self.outputs = {}
        self.reason = ''

    def take(self, event):
        kind = event.get('event')
        if kind == 'lines':
            say(*event['lines'])
        elif kind == 'result' and event['status'] in ('failed', 'unreachable'):
            self.reason = 'Task “%s” failed: %s' % (event['name'], ' '.join(event['reason'].split()))
        elif kind == 'stats':
            self.outputs = event['outputs']


def say(*lines):
    for line in lines:
        print(line)
    sys.stdout.flush()


def unpack(folder, variables):
    with zipfile.ZipFile(sys.argv[0]) as program:
        program.extractall(folder)
    os.symlink(os.path.abspath(variables), os.path.join(folder, 'vars.yml'))
    os.mkdir(os.path.join(folder, 'tmp'))


def carry_out(folder):
    """The play, and the code with which Ansible has ended."""
    reader, writer = os.pipe()
    temporary = os.path.join(folder, 'tmp')
    environment = {
        'PATH': os.environ.get('PATH', '/usr/local/bin:/usr/bin:/bin'),
        'LANG': 'C.UTF-8',
        'LC_ALL': 'C.UTF-8',
        'HOME': folder,
        'TMPDIR': temporary,
        'ANSIBLE_CONFIG': os.path.join(folder, 'ansible.cfg'),
        'ANSIBLE_LOCAL_TEMP': temporary,
        'ANSIBLE_REMOTE_TEMP': temporary,
        'ANSIBLE_PYTHON_INTERPRETER': sys.executable,
        'AEGIR_EVENTS': str(writer),
    }
    argv = [sys.executable, '-m', 'ansible', 'playbook', '-i', 'inventory.yml', 'playbook.yml']
    process = subprocess.Popen(argv, cwd=folder, env=environment, pass_fds=[writer], stdin=subprocess.DEVNULL)
    os.close(writer)
    play = Play()
    with open(reader, encoding='utf-8', errors='replace') as events:
        for line in events:
            play.take(json.loads(line))
    return play, process.wait()


def leave(outputs, url, token):
    """Where the worker finds them: in the file that Kubernetes keeps, or at the control plane."""
    body = json.dumps(outputs, ensure_ascii=False, separators=(',', ':')).encode()
    if len(body) <= MOST_LEFT_BYTES:
        with open(os.environ['AEGIR_OUTPUTS'], 'wb') as file:
            file.write(body)
        return
    if not url:
        raise Failure(NO_WAY % (len(body), MOST_LEFT_BYTES))
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        trouble = post(url + '/outputs', token, body)
        if trouble is None:
            return
        if time.monotonic() > give_up_at:
            raise Failure('The outputs of this Task were not taken by the control plane: %s' % trouble)
        time.sleep(1)


def post(url, token, body):
    """What keeps it from arriving, and may pass; None: it has arrived."""
    headers = {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'}
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=REQUEST_SECONDS).close()
    except urllib.error.HTTPError as error:
        words = error.read(1000).decode(errors='replace')
        if error.code < 500 and error.code != 429:
            raise Failure('The control plane refuses the outputs of this Task (%d): %s' % (error.code, words)) from None
        return '%d %s' % (error.code, words)
    except OSError as error:
        return str(error)
    return None


def feedback(variables):
    """Address and token; texts stand in variables as Ansible does not interpret them (render-vars.ts)."""
    with open(variables, encoding='utf-8') as file:
        aegir = json.load(file)['aegir']
    return [aegir[name]['__ansible_unsafe'] for name in ('feedback_url', 'feedback_token')]


def main(variables):
    # The first process of a container is not ended by a signal that it does not take; with it go all others.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    if importlib.util.find_spec('ansible') is None:
        say(NO_ANSIBLE)
        return 1
    url, token = feedback(variables)
    with tempfile.TemporaryDirectory(prefix='aegir-') as folder:
        unpack(folder, variables)
        play, code = carry_out(folder)
    try:
        leave(play.outputs, url, token)
    except Failure as failure:
        say(str(failure))
        if code == 0:
            return 1
    if code != 0:
        say(play.reason or 'Ansible ended with code %d.' % code)
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))

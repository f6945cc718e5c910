"""Carries a Task type out in a pod that is made for Servers: an Ansible role, or a program. It is the `__main__` of a zip file that
also has the role, Aegir's modules and the playbook (role-program.ts). What is printed is the log; of a failure the last line says
why. Where AEGIR_SITE names a folder, the container of the site beside this one takes its commands there (site/).
Usage: python3 ROLE.pyz VARIABLES"""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import shutil
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
# Its image is fetched before it begins.
SITE_SECONDS = 120
# Where the code is, in the image of a site and for the role.
CODE = '/app'
NO_SITE = ('The container of the site does not answer; its own lines say why. The image of a Release needs its code in /app, and the '
           'programs sh and php (docs/kubernetes.md).')
NO_ANSIBLE = 'The image of this pod has no Ansible: it must be made as images/tools/Containerfile says.'
NO_WAY = ('The outputs of this Task have %d bytes, of which a pod may leave %d: enter “Address of Aegir for Jobs” on the Cluster, '
          'by which larger ones are sent.')


class Failure(Exception):
    """Its text is for a person."""


class Play:
    """What has come of it, as the callback plugin tells (plugins/callback/aegir.py)."""

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
    code = process.wait()
    play.reason = play.reason or 'Ansible ended with code %d.' % code
    return play, code


def carry_out_program(program, variables, folder):
    """One that reads its arguments from standard input, as on a Server."""
    left = os.path.join(folder, 'outputs.json')
    os.chmod(program, 0o755)
    given = json.dumps(plain(variables)).encode()
    environment = {**os.environ, 'AEGIR_OUTPUTS': left, 'PYTHONUNBUFFERED': '1'}
    code = subprocess.run([program], input=given, cwd=os.path.dirname(program), env=environment).returncode
    play = Play()
    if os.path.exists(left):
        with open(left, encoding='utf-8') as file:
            play.outputs = json.load(file)
    return play, code


def await_site(folder, given):
    """What its container needs is given to it, and its code, which is that of the image, is led to."""
    os.makedirs(folder, exist_ok=True)
    shutil.copyfile(os.path.join(given, 'site/run.py'), os.path.join(folder, 'run'))
    os.chmod(os.path.join(folder, 'run'), 0o755)
    # At once: the other container takes it as soon as it is there.
    shutil.copyfile(os.path.join(given, 'site/serve.php'), os.path.join(folder, 'serve.php.new'))
    os.rename(os.path.join(folder, 'serve.php.new'), os.path.join(folder, 'serve.php'))
    give_up_at = time.monotonic() + SITE_SECONDS
    while not os.path.exists(os.path.join(folder, 'socket')):
        if time.monotonic() > give_up_at:
            raise Failure(NO_SITE)
        time.sleep(0.05)
    with open(os.path.join(folder, 'pid'), encoding='ascii') as file:
        code = '/proc/%d/root%s' % (int(file.read()), CODE)
    for name in os.listdir(code):
        os.symlink(os.path.join(code, name), os.path.join(CODE, name))


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


def read(file):
    """Arguments, and what all programs are told."""
    with open(file, encoding='utf-8') as text:
        values = json.load(text)
    aegir = values.pop('aegir')
    return {'arguments': values, 'aegir': aegir}


def plain(value):
    """Texts stand in variables as Ansible does not interpret them (render-vars.ts)."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return value['__ansible_unsafe'] if '__ansible_unsafe' in value else {key: plain(each) for key, each in value.items()}
    return value


def carry_out_type(folder, file, variables):
    site = os.environ.get('AEGIR_SITE')
    if site:
        await_site(site, folder)
    programs = glob.glob(os.path.join(folder, 'roles/*/shell/run'))
    if programs:
        return carry_out_program(programs[0], variables, folder)
    if importlib.util.find_spec('ansible') is None:
        raise Failure(NO_ANSIBLE)
    return carry_out(folder)


def main(file):
    # The first process of a container is not ended by a signal that it does not take; with it go all others.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    variables = read(file)
    aegir = plain(variables['aegir'])
    try:
        with tempfile.TemporaryDirectory(prefix='aegir-') as folder:
            unpack(folder, file)
            play, code = carry_out_type(folder, file, variables)
    except Failure as failure:
        say(str(failure))
        return 1
    try:
        leave(play.outputs, aegir['feedback_url'], aegir['feedback_token'])
    except Failure as failure:
        say(str(failure))
        if code == 0:
            return 1
    if code != 0 and play.reason:
        say(play.reason)
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))

#!/usr/bin/python
"""Runs a long command and sends each line to the log while it runs. Needs only Python on the target."""

from __future__ import annotations

DOCUMENTATION = """
module: aegir_stream
short_description: Run a command and stream its lines into the log of the Task
description:
  - Runs a command without a shell; its lines, stdout and stderr in one order, are in the log as soon as they are printed.
  - The command is ended when the control plane is away for a minute or no longer accepts the run.
options:
  argv: {description: The command and its arguments., type: list, elements: str, required: true}
  chdir: {description: Folder to run it in., type: path}
  environment: {description: Further environment variables., type: dict, default: {}}
  stdin: {description: Text for its standard input., type: str}
  creates: {description: The command is not run when this exists., type: path}
  success_codes: {description: Exit codes that count as success., type: list, elements: int, default: [0]}
  explained_codes:
    description: Exit codes of a failure that the command tells in words for people; its last line is then the whole message.
    type: list
    elements: int
    default: []
  feedback_url: {description: Set by Aegir., type: str}
  feedback_token: {description: Set by Aegir., type: str}
"""

EXAMPLES = """
- name: Install the packages of the project
  aegir_stream:
    argv: [composer, install, --no-interaction]
    chdir: "{{ path }}"
"""

RETURN = """
rc: {description: Exit code., type: int, returned: always}
stdout_tail: {description: The last 100 lines., type: list, returned: always}
"""

import http.client
import json
import os
import select
import signal
import subprocess
import threading
import time
import uuid
from collections import deque
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

# A person sees a line at once: the first goes at once, and what follows within this time goes together.
BATCH_SECONDS = 0.05
BATCH_BYTES = 64 * 1024
# A longer line is sent in pieces of this size: the log cuts it anyway, and memory stays bounded.
LONGEST_PIECE = 1024 * 1024
# What waits for an answer at most; then the command waits at its pipe.
LONGEST_QUEUE = 8 * 1024 * 1024
# A quiet command asks this often whether the run is still wanted.
HEARTBEAT_SECONDS = 5
# The control plane may be restarted meanwhile; after this long the run is taken for dead.
PATIENCE_SECONDS = 60
REQUEST_SECONDS = 15
GRACE_SECONDS = 2
REFUSED = (401, 403, 404, 410)
BUSY = 429


class Ended(Exception):
    """The control plane does not want this run any more, or cannot be reached."""


class Log:
    """Takes lines from the reader and posts them in order from a thread of its own."""

    def __init__(self, url, token, give_up):
        self._url = urlsplit(url) if url else None
        self._token = token
        self._give_up = give_up
        self._stream = uuid.uuid4().hex
        self._sent = 0
        self._lines = []
        self._bytes = 0
        self._posted = 0.0
        self._closed = False
        self._change = threading.Condition()
        self._connection = None
        self.failure = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        if self._url:
            self._thread.start()

    def put(self, lines):
        if not self._url or not lines:
            return
        with self._change:
            while self._bytes > LONGEST_QUEUE and not self.failure:
                self._change.wait()
            self._lines.extend(lines)
            self._bytes += sum(map(len, lines)) + len(lines)
            self._change.notify_all()

    def close(self):
        """Returns when every line is acknowledged or the log has failed."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._url:
            self._thread.join()

    def _work(self):
        try:
            while True:
                batch = self._next()
                if batch is None:
                    return
                self._post(batch)
        except Ended as ended:
            with self._change:
                self.failure = str(ended)
                self._change.notify_all()
            self._give_up()

    def _next(self):
        """Waits until a batch is due. An empty one is a heartbeat, None the end."""
        quiet_until = time.monotonic() + HEARTBEAT_SECONDS
        with self._change:
            while True:
                now = time.monotonic()
                due = (self._posted + BATCH_SECONDS if self._lines else quiet_until) - now
                if self._closed or self._bytes >= BATCH_BYTES or due <= 0:
                    break
                self._change.wait(due)
            if self._closed and not self._lines:
                return None
            batch, self._lines, self._bytes = self._lines, [], 0
            self._posted = time.monotonic()
            self._change.notify_all()
            return batch

    def _post(self, lines):
        body = json.dumps({'lines': lines, 'stream': self._stream, 'from': self._sent})
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        pause = 0.1
        while True:
            status = self._request(body)
            if status is not None and 200 <= status < 300:
                self._sent += len(lines)
                return
            if status == BUSY:
                # The log is full for now, or its database away: the command waits, however long that takes.
                give_up_at = time.monotonic() + PATIENCE_SECONDS
            if status in REFUSED:
                raise Ended('the control plane no longer accepts this run (answer %d)' % status)
            if time.monotonic() > give_up_at:
                raise Ended('the control plane could not be reached for %d seconds' % PATIENCE_SECONDS)
            time.sleep(pause)
            pause = min(2.0, pause * 2)

    def _request(self, body):
        try:
            if self._connection is None:
                kind = http.client.HTTPSConnection if self._url.scheme == 'https' else http.client.HTTPConnection
                self._connection = kind(self._url.hostname, self._url.port, timeout=REQUEST_SECONDS)
            headers = {'Authorization': 'Bearer %s' % self._token, 'Content-Type': 'application/json'}
            self._connection.request('POST', self._url.path + '/log', body, headers)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None


class Lines:
    """Cuts bytes into lines. Bytes that are not UTF-8 become U+FFFD."""

    def __init__(self):
        self._rest = b''

    def feed(self, data):
        parts = (self._rest + data).split(b'\n') if self._rest else data.split(b'\n')
        self._rest = parts.pop()
        lines = [text(part) for part in parts]
        while len(self._rest) > LONGEST_PIECE:
            # Preferably after a blank: what belongs together, such as a secret that is masked later, stays together.
            end = self._rest.rfind(b' ', LONGEST_PIECE - 16 * 1024, LONGEST_PIECE) + 1 or LONGEST_PIECE
            # Not inside of a character: its further bytes begin with the bits 10.
            while end > LONGEST_PIECE - 4 and self._rest[end] & 0xC0 == 0x80:
                end -= 1
            lines.append(text(self._rest[:end]))
            self._rest = self._rest[end:]
        return lines

    def finish(self):
        return [text(self._rest)] if self._rest else []


def text(data):
    if data.endswith(b'\r'):
        data = data[:-1]
    return data.decode('utf-8', 'replace')


def end_of(line, length):
    """Of whole words: of a part of a secret nobody would know that it is one. The mark says where it was cut."""
    if len(line) <= length:
        return line
    end = line[-length:]
    return '\u2026' + (end.partition(' ')[2] or end)


def end_group(process):
    """Ends the command and everything in its session, and waits until its leader is gone."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.02)


def read_output(process, take):
    """Until the end of its output. A daemon that it left may hold the pipe open: then until it is quiet after the end."""
    output = process.stdout.fileno()
    while True:
        over = process.poll() is not None
        readable, _, _ = select.select([output], [], [], 0.1 if over else 0.5)
        if not readable:
            if over:
                return
            continue
        data = os.read(output, 65536)
        if not data:
            return
        take(data)


def feed_input(process, content):
    try:
        process.stdin.write(content)
        process.stdin.close()
    except OSError:
        # It does not read its input, which is its own business.
        pass


def run(module, log_of):
    options = module.params
    environment = dict(os.environ, **{name: str(value) for name, value in (options['environment'] or {}).items()})
    try:
        process = subprocess.Popen(
            options['argv'], cwd=options['chdir'], env=environment, start_new_session=True, bufsize=0,
            stdin=subprocess.DEVNULL if options['stdin'] is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except OSError as error:
        module.fail_json(msg='%s cannot be run: %s' % (options['argv'][0], error), rc=127, stdout_tail=[])
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: (end_group(process), os._exit(143)))
    log = log_of(lambda: end_group(process))
    tail = deque(maxlen=100)
    lines = Lines()

    def take(new):
        tail.extend(new)
        log.put(new)

    if options['stdin'] is not None:
        threading.Thread(target=feed_input, args=(process, options['stdin'].encode('utf-8')), daemon=True).start()
    read_output(process, lambda data: take(lines.feed(data)))
    take(lines.finish())
    code = process.wait()
    log.close()
    return code, list(tail), log.failure


def main():
    module = AnsibleModule(
        argument_spec={
            'argv': {'type': 'list', 'elements': 'str', 'required': True},
            'chdir': {'type': 'path'},
            'environment': {'type': 'dict', 'default': {}},
            'stdin': {'type': 'str'},
            'creates': {'type': 'path'},
            'success_codes': {'type': 'list', 'elements': 'int', 'default': [0]},
            'explained_codes': {'type': 'list', 'elements': 'int', 'default': []},
            'feedback_url': {'type': 'str'},
            'feedback_token': {'type': 'str', 'no_log': True},
        },
        supports_check_mode=True,
    )
    options = module.params
    if not options['argv']:
        module.fail_json(msg='argv is empty', rc=257, stdout_tail=[])
    if options['chdir'] and not os.path.isdir(options['chdir']):
        module.fail_json(msg='%s is not a folder' % options['chdir'], rc=257, stdout_tail=[])
    if options['creates'] and os.path.exists(options['creates']):
        module.exit_json(changed=False, rc=0, stdout_tail=[], msg='%s exists' % options['creates'])
    if module.check_mode:
        would = options['creates'] is not None
        module.exit_json(changed=would, skipped=not would, rc=0, stdout_tail=[], msg='not run in check mode')
    url = (options['feedback_url'] or '').rstrip('/')
    code, tail, failure = run(module, lambda give_up: Log(url, options['feedback_token'], give_up))
    command = os.path.basename(options['argv'][0])
    if failure:
        module.fail_json(msg='%s was ended: %s' % (command, failure), rc=code, stdout_tail=tail)
    if code not in options['success_codes']:
        how = '%s was ended by signal %d' % (command, -code) if code < 0 else '%s ended with code %d' % (command, code)
        last = next((line.strip() for line in reversed(tail) if line.strip()), '')
        explains = last and code in options['explained_codes']
        words = last[:2000] if explains else ': '.join(filter(None, [how, end_of(last, 500)]))
        module.fail_json(msg=words, rc=code, stdout_tail=tail)
    module.exit_json(changed=True, rc=code, stdout_tail=tail)


if __name__ == '__main__':
    main()

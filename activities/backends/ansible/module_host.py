"""Runs the modules of a run in one Python on its target (module_target.py) instead of a new one for each, which would import the
same again. Every task of Ansible is a process of its own, so another one holds what leads there: it is made when the run begins,
takes one request after the other, and ends with the run."""

from __future__ import annotations

import os
import re
import select
import shlex
import socket
import struct
import subprocess
import tempfile

from ansible.errors import AnsibleConnectionFailure
from module_target import HELLO

with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), 'module_target.py')) as program:
    PROGRAM = program.read()

# A shell with just an interpreter that reads the module, and the marker of the run (process-tree.ts): no other user, no variables
# of the task.
PLAIN = re.compile(r'((?:AEGIR_RUN=\S+ )?/\S+) && sleep 0')
# Exit code, and lengths of stdout and stderr.
HEAD = struct.Struct('!iQQ')
SIZE = struct.Struct('!Q')

# The end on which requests come in, of the run; None = every module gets a Python of its own.
requests = None


class Lost(Exception):
    """The target has gone while it had a module. In the words of what led there."""


def start():
    """Once, in the process of the run that makes the others."""
    global requests
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours, theirs_alive = os.pipe()
    if os.fork() == 0:
        requests.close()
        os.close(theirs_alive)
        try:
            hold(theirs, ours)
        finally:
            os._exit(0)
    theirs.close()
    os.close(ours)


def execute(connection, plain, cmd, in_data, sudoable):
    """exec_command of a connection. `plain`: that of Ansible."""
    guard = os.environ['AEGIR_GUARD']
    command = command_of(cmd) if requests and in_data and not connection.become else None
    if command:
        try:
            answer = run(connection.argv_of(guard + shlex.quote(command)), in_data)
        except Lost as lost:
            raise AnsibleConnectionFailure(f'Failed to connect to the host via {connection.transport}: {lost}') from lost
        if answer:
            return answer
    return plain(guard + shlex.quote(cmd), in_data=in_data, sudoable=sudoable)


def command_of(cmd):
    """What starts the Python that takes modules, instead of one that takes the module of `cmd`. None = this one is different."""
    words = shlex.split(cmd)
    plain = PLAIN.fullmatch(words[2]) if len(words) == 3 and words[:2] == ['/bin/sh', '-c'] else None
    return plain and f'{plain[1]} -c {shlex.quote(PROGRAM)}'


def run(argv, module):
    """As exec_command of a connection. None: the target could not be asked, so nothing was done. Raises Lost."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            socket.send_fds(requests, [b'.'], [theirs.fileno()])
        words = b'\0'.join(map(os.fsencode, argv))
        ours.sendall(SIZE.pack(len(words)) + words + SIZE.pack(len(module)) + module)
        with ours.makefile('rb') as answer:
            return read_answer(answer)


def read_answer(answer):
    kind = answer.read(1)
    if kind == b'-':
        return None
    if kind != b'+':
        raise Lost(answer.read().decode('utf-8', 'replace').strip())
    code, out, error = HEAD.unpack(answer.read(HEAD.size))
    return code, answer.read(out), answer.read(error)


def hold(requests, alive):
    """In a process of its own."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2, 3):
        # The reader of the output waits until nobody could write any more.
        os.dup2(nothing, descriptor)
    targets = {}
    while alive not in select.select([requests, alive], [], [])[0]:
        _, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
        with socket.socket(fileno=descriptors[0]) as caller, caller.makefile('rwb') as both:
            try:
                argv, module = (both.read(*SIZE.unpack(both.read(SIZE.size))) for _ in range(2))
                target = targets.get(argv) or targets.setdefault(argv, Target(argv.split(b'\0')))
                both.write(target.run(module))
            except Lost as lost:
                del targets[argv]
                both.write(b'!' + str(lost).encode())
            except (BrokenPipeError, struct.error):
                # Whoever asked was killed.
                pass


class Target:
    def __init__(self, argv):
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        # Shells of some servers greet.
        self._isThere = any(line.endswith(HELLO) for line in iter(self._process.stdout.readline, b''))

    def run(self, module):
        if not self._isThere:
            return b'-'
        try:
            self._process.stdin.write(SIZE.pack(len(module)) + module)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        head = self._process.stdout.read(HEAD.size)
        if len(head) < HEAD.size:
            self._process.wait()
            self._errors.seek(0)
            raise Lost(self._errors.read().decode('utf-8', 'replace').strip())
        _, out, error = HEAD.unpack(head)
        return b'+' + head + self._process.stdout.read(out + error)

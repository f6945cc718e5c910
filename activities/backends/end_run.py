"""Ends every process on this machine that carries the marker of a run, and what those started, and removes the folder of
the run. Prints one line for each process that could not be ended. Read from standard input by the target's Python; the
marker is the first argument."""

import os
import shutil
import signal
import sys
import time

MARKER = ('AEGIR_RUN=' + sys.argv[1]).encode()
GRACE_SECONDS = 2


def read(pid, name):
    try:
        with open('/proc/%d/%s' % (pid, name), 'rb') as file:
            return file.read()
    except OSError:
        return b''


def processes():
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def find():
    """Marked processes and everything below them: sudo and the like drop the environment."""
    parents = {}
    found = set()
    for pid in processes():
        fields = read(pid, 'stat').rpartition(b')')[2].split()
        if len(fields) < 2 or fields[0] == b'Z':
            continue
        parents[pid] = int(fields[1])
        if MARKER in read(pid, 'environ').split(b'\0'):
            found.add(pid)
    while True:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        if not below:
            return found - {os.getpid()}
        found |= below


def alive(pid):
    fields = read(pid, 'stat').rpartition(b')')[2].split()
    return bool(fields) and fields[0] != b'Z'


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass


left = find()
send(left, signal.SIGTERM)
until = time.monotonic() + GRACE_SECONDS
while left and time.monotonic() < until:
    time.sleep(0.02)
    left = {pid for pid in left if alive(pid)} | find()
send(left, signal.SIGKILL)
until = time.monotonic() + GRACE_SECONDS
while left and time.monotonic() < until:
    time.sleep(0.02)
    left = {pid for pid in left if alive(pid)}
for pid in left:
    print('%d %s' % (pid, read(pid, 'cmdline').replace(b'\0', b' ').decode('utf-8', 'replace').strip()))
# The places of shell/run_program.py, which removes it itself unless it was killed.
for base in ('/run', '/dev/shm', '/tmp', '/var/tmp'):
    shutil.rmtree('%s/aegir-run-%s' % (base, sys.argv[1]), ignore_errors=True)

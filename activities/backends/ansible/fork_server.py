"""Starts ansible-playbook without its start-up, which is most of the time of a short run: this process imports Ansible and what
its plugins need once, and makes a copy of itself for every run. A run comes as a connection on the socket (fork_client.py), which
is in the scope that the run has to stay in. Read with the interpreter that has Ansible: SOCKET; ends with its standard input."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile

# Each does what it has to do only once, and none of it depends on a run: that is given by arguments, variables of the
# inventory and the environment, and ansible.cfg is the same for all.
import ansible.cli
import ansible.cli.playbook
from ansible import constants
from ansible.plugins import loader
from ansible.utils.path import cleanup_tmp_file
from module_target import leave

LOADERS = (
    loader.action_loader, loader.become_loader, loader.cache_loader, loader.callback_loader, loader.connection_loader,
    loader.filter_loader, loader.inventory_loader, loader.lookup_loader, loader.shell_loader, loader.strategy_loader,
    loader.test_loader, loader.vars_loader,
)

# stdin, output (as 1 and 2), events, and the namespaces of the run.
DESCRIPTORS = 6
HEAD = struct.Struct('!I')


def warm_up():
    loader.init_plugin_loader()
    # It says so when it is called a second time.
    ansible.cli.init_plugin_loader = lambda *_: None
    for plugins in LOADERS:
        for _ in plugins.all(class_only=True):
            pass
    # The temporary folder of this process is not that of a run, and no run may remove it.
    atexit.unregister(cleanup_tmp_file)
    os.rmdir(constants.DEFAULT_LOCAL_TMP)
    tempfile.tempdir = None
    # The pages of what is here now are shared with every copy for as long as nobody writes to them.
    gc.collect()
    gc.freeze()


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    return listener


def accept_all(listener):
    # Nobody waits for those that serve a run.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(connection)
        connection.close()


def serve(connection):
    """In a process of its own, which waits for the run and tells how it ended. Does not return."""
    argv, folder, environment, descriptors = receive(connection)
    *standard, pid_space, user_space = descriptors
    enter(user_space, '/proc/self/ns/user')
    enter(pid_space, '/proc/self/ns/pid')
    pid = os.fork()
    if pid == 0:
        play(argv, folder, environment, standard)
    for descriptor in descriptors:
        # The reader of the output waits until nobody could write any more.
        os.close(descriptor)
    code = wait(pid, connection)
    # Whoever asked may have gone.
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def receive(connection):
    head, descriptors, _, _ = socket.recv_fds(connection, HEAD.size, DESCRIPTORS)
    (size,) = HEAD.unpack(head)
    text = b''
    while len(text) < size:
        piece = connection.recv(size - len(text))
        if not piece:
            os._exit(1)
        text += piece
    request = json.loads(text)
    return request['argv'], request['folder'], request['environment'], descriptors


def enter(space, own):
    """What this process starts is in the given namespace from now on, so that it ends with it."""
    if os.fstat(space).st_ino == os.stat(own).st_ino:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def wait(pid, connection):
    """Its exit code. Whoever asked and has gone, or wants it to end, has closed the connection."""
    process = os.pidfd_open(pid)
    ready, _, _ = select.select([process, connection], [], [])
    if process not in ready:
        signal.pidfd_send_signal(process, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def play(argv, folder, environment, standard):
    os.setsid()
    for number, descriptor in zip((0, 1, 2, 3), standard):
        os.dup2(descriptor, number)
    os.closerange(4, 256)
    with open('/proc/self/comm', 'w') as name:
        name.write('ansible-playbook')
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    constants.DEFAULT_LOCAL_TMP = constants.config.get_config_value('DEFAULT_LOCAL_TMP')
    try:
        ansible.cli.playbook.main(argv)
    except SystemExit as end:
        leave(end.code or 0)


if __name__ == '__main__':
    warm_up()
    accept_all(listen(sys.argv[1]))

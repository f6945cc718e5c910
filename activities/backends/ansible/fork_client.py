"""Runs ansible-playbook as a copy of the fork server (fork_server.py), in the namespaces, with the descriptors 0 to 3, the folder
and the environment of this process, and ends as it ends. Where the server does not answer it becomes ansible-playbook itself, which
is only slower. SOCKET PROGRAM [ARGUMENT…]"""

# A run waits for this: nothing that takes long to import.
import json
import os
import signal
import socket
import struct
import sys


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
        return connection
    except OSError:
        return None


def ask(connection, argv):
    request = json.dumps({'argv': argv, 'folder': os.getcwd(), 'environment': dict(os.environ)}).encode()
    spaces = [os.open('/proc/self/ns/' + name, os.O_RDONLY) for name in ('pid', 'user')]
    socket.send_fds(connection, [struct.pack('!I', len(request))], [0, 1, 2, 3, *spaces])
    connection.sendall(request)


def main(path, argv):
    connection = connect(path)
    if connection is None:
        os.execv(sys.executable, [sys.executable, *argv])
    # The server then ends the run, and says how it ended.
    signal.signal(signal.SIGTERM, lambda *_: connection.shutdown(socket.SHUT_WR))
    ask(connection, argv)
    # Without an answer the server has died: as if the run had been killed.
    sys.exit(int(connection.recv(8) or 137))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])

#!/usr/bin/env python3
"""Runs a command as the Environment does: in the container of the site beside this one (serve.php says how), with its program of
PHP and its code. It stands where an Environment on a Server has its own: run COMMAND ARGUMENT…"""

import json
import os
import socket
import struct
import sys
import threading

LARGEST = 65536


def send(way, kind, data):
    way.sendall(kind + struct.pack('!I', len(data)) + data)


def send_input(way):
    try:
        while data := os.read(0, LARGEST):
            send(way, b'i', data)
        send(way, b'i', b'')
    except OSError:
        # It has ended without wanting all of it.
        pass


def receive(way, length):
    data = b''
    while len(data) < length:
        more = way.recv(length - len(data))
        if not more:
            sys.exit('The container of the site has ended in the middle of it.')
        data += more
    return data


def main(argv):
    if not argv:
        print('Usage: run COMMAND ARGUMENT…', file=sys.stderr)
        return 64
    environment = os.path.dirname(os.path.abspath(sys.argv[0]))
    command = {
        'argv': argv,
        'cwd': os.getcwd(),
        'env': {'HOME': environment + '/home', 'TMPDIR': environment + '/tmp', 'LANG': 'C.UTF-8'},
    }
    way = socket.socket(socket.AF_UNIX)
    way.connect(os.path.join(os.path.dirname(os.path.realpath(__file__)), 'socket'))
    send(way, b'c', json.dumps(command).encode())
    threading.Thread(target=send_input, args=[way], daemon=True).start()
    while True:
        kind, length = struct.unpack('!cI', receive(way, 5))
        data = receive(way, length)
        if kind == b'x':
            return int(data)
        # Not buffered: somebody may read along.
        target = 2 if kind == b'e' else 1
        while data:
            data = data[os.write(target, data):]


if __name__ == '__main__':
    code = main(sys.argv[1:])
    # The thread may still wait for input that nobody wants.
    os._exit(code)

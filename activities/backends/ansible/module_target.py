"""Takes Ansible's modules on standard input, each with its size, and runs each in a copy of this process, which has imported what all
of them need. Answers with exit code, sizes of stdout and stderr, and these. Needs only Python; ends with its standard input."""

import atexit
import base64
import os
import re
import struct
import sys
import tempfile
import threading
from importlib.machinery import PathFinder

HELLO = b'aegir takes modules\n'


class OwnParts:
    """Each module brings an archive, the first of the path: what of Ansible is not there yet comes from it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        package, _, _ = name.rpartition('.')
        if package.split('.')[0] not in ('ansible', 'ansible_collections'):
            return None
        return PathFinder.find_spec(name, [os.path.join(sys.path[0], *package.split('.'))])


def load_common(module):
    """It lies in the archive of every module, and imports only what Python has."""
    archive = re.search(rb"zip_data='([^']+)'", module)
    if not archive:
        return
    with tempfile.NamedTemporaryFile(suffix='.zip') as file:
        file.write(base64.b64decode(archive[1]))
        file.flush()
        sys.path.insert(0, file.name)
        try:
            import ansible.module_utils._internal._ansiballz._loader
            import zipfile
        except ImportError:
            # Each module then imports it itself.
            pass
        sys.path.remove(file.name)


def read(size):
    data = b''
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            sys.exit()
        data += piece
    return data


def write(data):
    while data:
        data = data[os.write(1, data):]


def kept():
    """A file that lies in memory, where there is such."""
    return open(os.memfd_create('output'), 'w+b', 0) if hasattr(os, 'memfd_create') else tempfile.TemporaryFile(buffering=0)


def next_module():
    """The module, in the copy that is to run it."""
    isFirst = True
    while True:
        module = read(*struct.unpack('!Q', read(8)))
        if isFirst:
            load_common(module)
        isFirst = False
        outputs = [kept(), kept()]
        pid = os.fork()
        if pid == 0:
            for number, file in enumerate([open(os.devnull), *outputs]):
                os.dup2(file.fileno(), number)
            return module
        _, status = os.waitpid(pid, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        texts = []
        for file in outputs:
            with file:
                file.seek(0)
                texts.append(file.read())
        write(struct.pack('!iQQ', code, *map(len, texts)) + b''.join(texts))


def main():
    write(HELLO)
    module = next_module()
    sys.meta_path.insert(0, OwnParts)
    try:
        exec(compile(module, 'module', 'exec'), {'__name__': '__main__'})
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        leave(end.code or 0)


def leave(code):
    """Ends this process as Python does, but does not take apart what it has imported first: that is half of the
    time of a module, and with all of Ansible more."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == '__main__':
    main()

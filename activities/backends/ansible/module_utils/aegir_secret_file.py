"""Files for programs that want a secret in a file: in memory, without a name, gone with the process."""

from __future__ import annotations

import os


class SecretFiles:
    """`with SecretFiles() as files: run([... files.path(text)], pass_fds=files.fds)`"""

    def __init__(self):
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for descriptor in self.fds:
            os.close(descriptor)

    def path(self, text):
        descriptor = os.memfd_create('secret', 0)
        self.fds.append(descriptor)
        # MariaDB's client ignores a file that everybody may write to.
        os.fchmod(descriptor, 0o400)
        os.write(descriptor, text.encode())
        return '/proc/self/fd/%d' % descriptor

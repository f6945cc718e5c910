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
        return '/proc/self/fd/%d' % self._write(text)

    def path_for_others(self, text):
        """For a program of the same user that inherits nothing from this process, as long as this one lives."""
        return '/proc/%d/fd/%d' % (os.getpid(), self._write(text))

    def _write(self, text):
        descriptor = os.memfd_create('secret', 0)
        self.fds.append(descriptor)
        # MariaDB's client ignores a file that everybody may write to, ssh a key that others may read.
        os.fchmod(descriptor, 0o400)
        os.write(descriptor, text.encode())
        return descriptor

"""Ansible's own connection 'local', but everything that is run over it goes through the guard of the run (guard.ts), and modules to
the Python that takes them (module_host.py)."""

from __future__ import annotations

import os
import sys

# With its documentation come its options.
from ansible.plugins.connection.local import DOCUMENTATION, Connection as Plain  # noqa: F401

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..'))
import module_host  # noqa: E402


class Connection(Plain):
    def exec_command(self, cmd, in_data=None, sudoable=True):
        return module_host.execute(self, super().exec_command, cmd, in_data, sudoable)

    def argv_of(self, command):
        return ['/bin/sh', '-c', command]

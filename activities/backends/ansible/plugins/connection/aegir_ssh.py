"""Ansible's own connection 'ssh', but everything that is run over it goes through the guard of the run (guard.ts)."""

from __future__ import annotations

import os
import shlex

# With its documentation come its options.
from ansible.plugins.connection.ssh import DOCUMENTATION, Connection as Plain  # noqa: F401


class Connection(Plain):
    def exec_command(self, cmd, in_data=None, sudoable=True):
        return super().exec_command(os.environ['AEGIR_GUARD'] + shlex.quote(cmd), in_data=in_data, sudoable=sudoable)

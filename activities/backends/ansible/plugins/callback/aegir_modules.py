"""Lets runs share what Ansible makes of a module (itself and all that it imports, without arguments): about 0.15 s of processor
time for each module. Ansible locks and writes it so that several processes may; it would keep it for one run only."""

from __future__ import annotations

DOCUMENTATION = """
    name: aegir_modules
    type: aggregate
    short_description: modules made once
    description:
        - Without AEGIR_MODULES, a folder that belongs to the user alone, it does nothing.
"""

import os
import sys

from ansible import constants
from ansible.plugins.callback import CallbackBase

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..'))
import module_host  # noqa: E402


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'aggregate'
    CALLBACK_NAME = 'aegir_modules'

    def __init__(self):
        super().__init__()
        folder = os.environ.get('AEGIR_MODULES')
        if folder:
            os.makedirs(folder, 0o700, exist_ok=True)
            os.symlink(folder, os.path.join(constants.DEFAULT_LOCAL_TMP, 'ansiballz_cache'))
        module_host.start()

#!/usr/bin/python
"""Says before a restore is begun what would keep it from coming to its end."""

from __future__ import annotations

import time

from ansible.module_utils.aegir_mariadb import OPTIONS as DATABASE, DatabaseFailure, size_of
from ansible.module_utils.aegir_restic import OPTIONS, DamagedBackup, Repository, StoreFailure
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: check_restore_look
short_description: Look whether a backup can be restored
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  snapshot: {type: str, required: true, description: Its id.}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""


def look(module):
    options, began = module.params, time.time()
    comes = Repository(module).size_of(options['snapshot'])
    # The present one is copied first.
    stays = size_of(options['database'], options['password'])
    room = refuse_without_room(options['path'], comes + stays, 'the backup and a copy of the present database')
    return {**room, 'began': int(began)}


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'snapshot': {'type': 'str', 'required': True},
            **DATABASE,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look(module))
    except (StoreFailure, DatabaseFailure, Refused, OSError) as failure:
        module.fail_json(msg=str(failure), damaged=isinstance(failure, DamagedBackup))


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Says before a backup is begun what would keep it from coming to its end."""

from __future__ import annotations

from ansible.module_utils.aegir_mariadb import OPTIONS as DATABASE, DatabaseFailure, dump_program, size_of
from ansible.module_utils.aegir_restic import OPTIONS, Repository, StoreFailure
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: check_backup_store_look
short_description: Look whether a backup can be made
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""


def look(module):
    options = module.params
    made = Repository(module).ensure()
    if not options['database']:
        return made
    dump_program()
    try:
        size = size_of(options['database'], options['password'])
    except DatabaseFailure:
        # The step that copies it says so, and may be skipped by a person.
        return made
    refuse_without_room(options['path'], size, 'a copy of the database')
    return made


def main():
    module = AnsibleModule(argument_spec={'path': {'type': 'path', 'required': True}, **DATABASE, **OPTIONS}, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, msg='nothing is opened in a dry run')
    try:
        module.exit_json(changed=look(module))
    except (StoreFailure, DatabaseFailure, Refused, OSError) as failure:
        module.fail_json(msg=str(failure))


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Writes a consistent copy of a database into a file, and counts its rows. The site goes on meanwhile."""

from __future__ import annotations

import os

from ansible.module_utils.aegir_dump import write_dump
from ansible.module_utils.aegir_mariadb import OPTIONS, DatabaseFailure
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: dump_database_write
short_description: Write a dump of a database
options:
  folder: {type: path, required: true, description: 'Folder for it, made for root alone.'}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
"""

NAME = 'database.sql'
GONE = 'The folder of the Environment, %s, is gone: nothing can be copied.'


def dump(module, draft):
    with open(draft, 'wb', opener=private) as output:
        return write_dump(module.params['database'], module.params['password'], output)


def private(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def main():
    module = AnsibleModule(argument_spec={'folder': {'type': 'path', 'required': True}, **OPTIONS}, supports_check_mode=True)
    folder = module.params['folder']
    file = os.path.join(folder, NAME)
    draft = file + '.new'
    if module.check_mode:
        module.exit_json(changed=False, dump={}, msg='nothing is written in a dry run')
    try:
        if not os.path.isdir(os.path.dirname(folder)):
            raise DatabaseFailure(GONE % os.path.dirname(folder))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not module.params['database']:
            if os.path.exists(file):
                os.remove(file)
            module.exit_json(changed=False, dump={})
        result = dump(module, draft)
        os.rename(draft, file)
    except (DatabaseFailure, OSError) as failure:
        if os.path.exists(draft):
            os.remove(draft)
        full = getattr(failure, 'errno', None) == 28
        words = 'The disk of the web Server is full; the database was not copied.' if full else str(failure)
        module.fail_json(msg=words)
    module.exit_json(changed=False, dump=result)


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Says before anything is changed whether the disk has room for another tree of code and a copy of the database, and
whether the site runs what is thought."""

from __future__ import annotations

import os

from ansible.module_utils.aegir_mariadb import OPTIONS, DatabaseFailure, size_of
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: check_room_look
short_description: Look whether there is room for an update
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  present: {type: str, required: true, description: Commit that runs.}
  wanted: {type: str, required: true, description: Commit that will run.}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
"""

def measure(tree):
    """Bytes on disk, and files. What several Environments share counts: a new Release is not there yet."""
    size = count = 0
    for place, folders, files in os.walk(tree):
        for name in folders + files:
            found = os.lstat(os.path.join(place, name))
            size, count = size + found.st_blocks * 512, count + 1
    return size, count


def refuse_other(path, present):
    running = os.path.basename(os.path.realpath(os.path.join(path, 'current')))
    if running != present:
        raise Refused('The site runs the commit %s, and not %s as Aegir had noted when this was started. Run “Install” on it, then '
                      'start again.' % (running, present))


def look(options):
    path = options['path']
    refuse_other(path, options['present'])
    trees = os.path.join(path, 'releases')
    placed = os.path.isdir(os.path.join(trees, options['wanted']))
    code, files = (0, 0) if placed else measure(os.path.join(trees, options['present']))
    room = refuse_without_room(path, code + size_of(options['database'], options['password']), 'the new code and a copy of the database')
    disk = os.statvfs(path)
    # Some file systems count none.
    if disk.f_files and disk.f_favail < files:
        raise Refused('The disk of the web Server has room for %d files; the new code may have %d. Make room, then start again. '
                      'Nothing was changed.' % (disk.f_favail, files))
    return room


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'present': {'type': 'str', 'required': True},
            'wanted': {'type': 'str', 'required': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look(module.params))
    except (Refused, DatabaseFailure, OSError) as failure:
        module.fail_json(msg=str(failure))


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Removes snapshots from a repository. Those that are not there any more are gone already: it can be run again."""

from __future__ import annotations

from ansible.module_utils.aegir_restic import STORE, Repository, StoreFailure
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: forget_backups_remove
short_description: Remove snapshots
options:
  chosen: {type: list, elements: dict, required: true, description: 'Each with the id of its Backup and its snapshot.'}
  store: {type: dict, required: true, description: The Backup store.}
"""


def main():
    module = AnsibleModule(
        argument_spec={'chosen': {'type': 'list', 'elements': 'dict', 'required': True}, **STORE},
        supports_check_mode=True,
    )
    wanted = {entry['snapshot'] for entry in module.params['chosen']}
    try:
        repository = Repository(module)
        there = wanted.intersection(repository.snapshots())
        if there and not module.check_mode:
            repository.forget(sorted(there))
            left = wanted.intersection(repository.snapshots())
            if left:
                raise StoreFailure('%d snapshots are still in the Backup store: it did not remove them.' % len(left))
        module.exit_json(changed=bool(there))
    except (StoreFailure, OSError) as failure:
        module.fail_json(msg=str(failure))


if __name__ == '__main__':
    main()

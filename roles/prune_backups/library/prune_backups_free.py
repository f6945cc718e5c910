#!/usr/bin/python
"""Removes data that no snapshot of a repository needs any more. Cut off in the middle, the next one goes on."""

from __future__ import annotations

from ansible.module_utils.aegir_restic import STORE, Repository, StoreFailure
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: prune_backups_free
short_description: Remove data that no snapshot needs
options:
  store: {type: dict, required: true, description: The Backup store.}
"""


def main():
    module = AnsibleModule(argument_spec=STORE, supports_check_mode=True)
    try:
        module.exit_json(changed=Repository(module).prune(module.check_mode))
    except (StoreFailure, OSError) as failure:
        module.fail_json(msg=str(failure))


if __name__ == '__main__':
    main()

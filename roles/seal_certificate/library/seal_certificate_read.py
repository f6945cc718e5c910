#!/usr/bin/python
"""Gives certificates and keys of a site sealed, so that nobody on the way reads a key."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.sealed_certificate import Refused, read_folder, seal

DOCUMENTATION = """
module: seal_certificate_read
short_description: Seal certificates and keys
options:
  folder: {type: path, required: true, description: Where they lie.}
  name: {type: str, required: true, description: 'Name of the Environment: they open for no other.'}
  secret: {type: str, required: true, description: What opens them.}
"""


def main():
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "secret": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        files = read_folder(options["folder"])
        sealed = seal(files, options["name"], options["secret"]) if files else ""
    except (Refused, OSError) as failure:
        module.fail_json(msg=f"The certificate cannot be taken along: {failure}")
    module.exit_json(changed=False, sealed=sealed)


if __name__ == "__main__":
    main()

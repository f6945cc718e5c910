#!/usr/bin/python
"""Writes certificates and keys that come sealed from another Server, for root alone."""

from __future__ import annotations

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.sealed_certificate import Refused, open_sealed, read_folder

DOCUMENTATION = """
module: place_certificate_write
short_description: Write certificates and keys that were sealed
options:
  folder: {type: path, required: true, description: Where they are to lie.}
  name: {type: str, required: true, description: Name of the Environment.}
  secret: {type: str, required: true, description: What opens them.}
  sealed: {type: str, required: true, description: 'The files; empty: there are none.'}
"""

FILE = re.compile(r"[a-z]+\.pem")


def write(path, text):
    following = path + ".next"
    with open(os.open(following, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(following, path)


def main():
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "secret": {"type": "str", "required": True, "no_log": True},
            "sealed": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    folder = module.params["folder"]
    try:
        sealed = module.params["sealed"]
        files = open_sealed(sealed, module.params["name"], module.params["secret"]) if sealed else {}
        if not all(FILE.fullmatch(name) for name in files):
            raise Refused("it holds other files than certificates.")
        known = read_folder(folder)
        changed = [name for name in files if known.get(name) != files[name]]
        if changed and not module.check_mode:
            os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
            os.makedirs(folder, mode=0o700, exist_ok=True)
            for name in changed:
                write(os.path.join(folder, name), files[name])
    except (Refused, OSError) as failure:
        module.fail_json(msg=f"The certificate of the other Server cannot be placed: {failure}")
    module.exit_json(changed=bool(changed))


if __name__ == "__main__":
    main()

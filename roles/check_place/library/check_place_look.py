#!/usr/bin/python
"""Lists what is on a Server in the place where an Environment of this name is to come. It only looks."""

from __future__ import annotations

import glob
import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: check_place_look
short_description: List what stands in the way of an Environment
options:
  name: {type: str, required: true, description: Name of the Environment.}
  user: {type: str, required: true, description: Name that its unix user would have.}
  base: {type: path, required: true, description: Folder of everything of Aegir.}
  sites: {type: str, required: true, description: "Folder of the web server's configuration; empty: none."}
  names: {type: list, elements: str, required: true, description: Names of the site.}
"""

# First line of what aegir_config_file writes for names that belong to one file.
NAMES = re.compile(r"^# aegir-names:(.*)$", re.MULTILINE)


def places(name, base, sites):
    """[(what it is, path)]"""
    found = [
        ("the folder", os.path.join(base, "environments", name)),
        ("certificates", os.path.join(base, "certificates", name)),
        ("the service", f"/etc/systemd/system/aegir-{name}.service"),
    ]
    return found + [("web server configuration", os.path.join(sites, name + end)) for end in (".conf", ".caddy") if sites]


def has_user(user):
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False


def claimed(sites, wanted):
    """[(name, file that has it)]"""
    for file in sorted(glob.glob(glob.escape(sites) + "/*")) if sites else []:
        if not os.path.isfile(file):
            continue
        with open(file, encoding="utf-8", errors="replace") as opened:
            match = NAMES.search(opened.read(64 * 1024))
        for name in match.group(1).split() if match else []:
            if name in wanted:
                yield name, file


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "base": {"type": "path", "required": True},
            "sites": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    own = [path for what, path in places(options["name"], options["base"], options["sites"])]
    try:
        taken = [f"{what} {path}" for what, path in places(options["name"], options["base"], options["sites"]) if os.path.lexists(path)]
        taken += [f"the unix user {options['user']}"] if has_user(options["user"]) else []
        taken += [f"the name {name} in {file}" for name, file in claimed(options["sites"], options["names"]) if file not in own]
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be read: {error.strerror}.")
    module.exit_json(changed=False, taken=taken)


if __name__ == "__main__":
    main()

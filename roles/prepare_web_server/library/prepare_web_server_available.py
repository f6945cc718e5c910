#!/usr/bin/python
"""Whether the machine's package sources have what is to be installed: all that is missing is named at once, and before
anything is installed."""

import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: prepare_web_server_available
short_description: Look for packages in the package sources
options:
  names: {type: list, elements: str, required: true, description: Packages that must be there.}
  optional: {type: list, elements: str, required: true, description: Packages that are taken when they are there.}
"""


def ask(*arguments):
    environment = dict(os.environ, LC_ALL="C")
    done = subprocess.run(["apt-cache", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", env=environment)
    return done.stdout


def available(names):
    return set(re.findall(r"^Package: (\S+)$", ask("--no-all-versions", "show", *names), re.MULTILINE)) if names else set()


def php_versions(names):
    found = {match.group(1) for match in (re.fullmatch(r"php([0-9.]+)-fpm", name) for name in names) if match}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def words(missing):
    absent = php_versions(missing)
    others = [name for name in missing if not any(name.startswith(f"php{version}-") for version in absent)]
    said = []
    if absent:
        there = php_versions(available([name for name in ask("pkgnames", "php").split() if name.endswith("-fpm")]))
        said.append(
            f"The package sources of this Server do not have PHP {', '.join(absent)}"
            + (f" (they have {', '.join(there)}: choose of these," if there else " (they have none:")
            + " or give the Server a package source that has it)."
        )
    if others:
        said.append(f"The package sources of this Server have no {', '.join(others)}: correct the name, or add a source.")
    return " ".join([*said, "Nothing was installed."])


def main():
    names = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(argument_spec={"names": names, "optional": names}, supports_check_mode=True)
    wanted, optional = module.params["names"], module.params["optional"]
    found = available(wanted + optional)
    missing = [name for name in wanted if name not in found]
    if missing:
        module.fail_json(msg=words(missing))
    module.exit_json(changed=False, names=[name for name in wanted + optional if name in found])


if __name__ == "__main__":
    main()

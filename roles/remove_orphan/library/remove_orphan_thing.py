#!/usr/bin/python
"""Removes the code of a Release, or a database with its accounts, that nothing needs any more."""

import glob
import os
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: remove_orphan_thing
short_description: Remove an orphaned Release or database
options:
  kind: {type: str, required: true, choices: [release, database], description: What it is.}
  name: {type: str, required: true, description: Its name.}
  base_path: {type: path, required: true, description: Folder of Releases and Environments.}
"""

NOTE = "Environment of Aegir: "


class Refused(Exception):
    """Its text is for a person."""


def remove_release(name, base, check_mode):
    tree = os.path.join(base, "releases", name)
    users = glob.glob(f"{glob.escape(base)}/environments/*/releases/{name.rsplit('-', 1)[1]}")
    if users:
        names = ", ".join(sorted(path.split("/")[-3] for path in users))
        raise Refused(f"The code is in use on this Server by {names}. Update or delete these Environments first.")
    # Without its list half a tree counts as none.
    there = [path for path in (tree + ".manifest", tree) if os.path.lexists(path)]
    for path in [] if check_mode else there:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return there


def query(sql):
    argv = ["mariadb", "--batch", "--raw", "--skip-column-names"]
    try:
        done = subprocess.run(argv, input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    except FileNotFoundError:
        raise Refused("There is no MariaDB on this Server.") from None
    if done.returncode != 0:
        raise Refused(f"MariaDB refused: {done.stderr.strip()}")
    return done.stdout.splitlines()


def remove_database(name, check_mode):
    """Accounts go first: the database carries the note that says what it is."""
    notes = query(f"SELECT schema_comment FROM information_schema.schemata WHERE schema_name = '{name}';")
    if notes and not notes[0].startswith(NOTE):
        raise Refused(f"The database {name} was not made by Aegir: it is kept.")
    hosts = query(f"SELECT Host FROM mysql.global_priv WHERE User = '{name}';")
    steps = [f"DROP USER '{name}'@'{host}';" for host in hosts] + [f"DROP DATABASE `{name}`;" for _ in notes]
    if steps and not check_mode:
        query("\n".join(steps))
    return steps


def main():
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str", "required": True, "choices": ["release", "database"]},
            "name": {"type": "str", "required": True},
            "base_path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    kind, name = module.params["kind"], module.params["name"]
    try:
        if kind == "release":
            done = remove_release(name, module.params["base_path"], module.check_mode)
        else:
            done = remove_database(name, module.check_mode)
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be removed: {error.strerror}.")
    module.exit_json(changed=bool(done), done=done)


if __name__ == "__main__":
    main()

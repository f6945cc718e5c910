#!/usr/bin/python
"""Lists what is of the form of Aegir's own on a Server, and is not among the names that Aegir knows. It only looks."""

import glob
import hashlib
import os
import pwd
import re
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: find_orphans_scan
short_description: List what belongs to nothing that is known
options:
  base_path: {type: path, required: true, description: Folder of Releases and Environments.}
  sites: {type: str, required: true, description: "Folder of the web server's configuration; empty: none."}
  inventory: {type: dict, required: true, description: Names of environments, databases and releases that are known.}
  least_age: {type: int, required: true, description: Seconds for which the code of a Release must have been there.}
"""

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
TREE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?-([0-9a-f]{40}|[0-9a-f]{64})")
DATABASE = re.compile(r"aegir_[a-z0-9_]{1,58}")
NOTE = "Environment of Aegir: "


class Refused(Exception):
    """Its text is for a person."""


def database_of(environment):
    """As create_database makes it."""
    plain = "aegir_" + environment.replace("-", "_")
    return plain if len(plain) <= 64 else f"{plain[:55]}_{hashlib.sha1(environment.encode()).hexdigest()[:8]}"


def entries(folder):
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def files(folder, prefix, suffix, environments):
    """Names in the names of files; only of those that are about a folder there: another Aegir may share the machine."""
    for path in sorted(glob.glob(f"{glob.escape(folder)}/{prefix}*{suffix}")):
        name = os.path.basename(path)[len(prefix) : -len(suffix)]
        with open(path, encoding="utf-8", errors="replace") as file:
            if f"{environments}/{name}/" in file.read():
                yield name


def environments(base, sites):
    """{name: its parts}"""
    folder = os.path.join(base, "environments")
    parts = [(name, "folder") for name in entries(folder)]
    for user in pwd.getpwall():
        home = re.fullmatch(re.escape(folder) + "/([^/]+)/home", user.pw_dir)
        if user.pw_name.startswith("aegir-") and home:
            parts.append((home.group(1), "unix user"))
    parts += [(name, "service") for name in files("/etc/systemd/system", "aegir-", ".service", folder)]
    for suffix in (".conf", ".caddy") if sites else ():
        parts += [(name, "web server configuration") for name in files(sites, "", suffix, folder)]
    found = {}
    for name, part in parts:
        if NAME.fullmatch(name):
            found.setdefault(name, []).append(part)
    return found


def releases(base, least_age):
    found = {}
    folder = os.path.join(base, "releases")
    for name in entries(folder):
        tree = re.sub(r"\.manifest\Z", "", name)
        if TREE.fullmatch(tree) and time.time() - os.lstat(os.path.join(folder, name)).st_ctime >= least_age:
            found.setdefault(tree, []).append("code" if tree == name else "list of its files")
    return found


def query(sql):
    """The lines of the answer; none where there is no MariaDB."""
    argv = ["mariadb", "--batch", "--raw", "--skip-column-names"]
    try:
        done = subprocess.run(argv, input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    except FileNotFoundError:
        return []
    if done.returncode != 0:
        raise Refused(f"MariaDB of this Server cannot be asked; start it and run this again. {done.stderr.strip()}")
    return done.stdout.splitlines()


def databases():
    if os.geteuid() != 0 or not os.path.exists("/etc/mysql/aegir"):
        return {}
    found = {}
    for line in query("SELECT schema_name, schema_comment FROM information_schema.schemata;"):
        name, _, note = line.partition("\t")
        if DATABASE.fullmatch(name) and note.startswith(NOTE):
            found.setdefault(name, []).append("database")
    for name in query("SELECT DISTINCT User FROM mysql.global_priv;"):
        if DATABASE.fullmatch(name):
            found.setdefault(name, []).append("accounts")
    return found


def main():
    module = AnsibleModule(
        argument_spec={
            "base_path": {"type": "path", "required": True},
            "sites": {"type": "str", "required": True},
            "inventory": {"type": "dict", "required": True},
            "least_age": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    base, inventory = module.params["base_path"], module.params["inventory"]
    if not all(isinstance(inventory.get(kind), list) for kind in ("environments", "releases", "databases")):
        module.fail_json(msg="What Aegir knows is missing, and without it everything would be an orphan: run this as an Operation.")
    known = set(inventory["environments"])
    of_known = {database_of(name) for name in known} | set(inventory["databases"])
    try:
        found = [
            ("environment", known, environments(base, module.params["sites"])),
            ("release", set(inventory["releases"]), releases(base, module.params["least_age"])),
            ("database", of_known, databases()),
        ]
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be read: {error.strerror}.")
    orphans = [
        {"kind": kind, "name": name, "parts": parts}
        for kind, names, things in found
        for name, parts in sorted(things.items())
        if name not in names
    ]
    differences = [
        {"name": f"{orphan['kind']} {orphan['name']}", "text": f"-{', '.join(orphan['parts'])}: belongs to nothing that Aegir knows"}
        for orphan in orphans
    ]
    module.exit_json(changed=False, orphans=orphans, differences=differences)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Drops an Environment's database and accounts, and only those: the note that was made with the database says whose it is."""

import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: remove_database_drop
short_description: Drop a database and its accounts
options:
  name: {type: str, required: true, description: Name of the database and of the accounts.}
  owner: {type: str, required: true, description: 'Whose it is, as noted as the comment of the database.'}
"""

NOTE = "Environment of Aegir: "


class Refused(Exception):
    """Its text is for a person."""


def text(value):
    return "'%s'" % value.replace("'", "''")


def query(sql):
    """The lines of the answer; None when there is no MariaDB."""
    argv = ["mariadb", "--batch", "--raw", "--skip-column-names"]
    try:
        done = subprocess.run(argv, input=sql, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return None
    if done.returncode == 0:
        return done.stdout.splitlines()
    words = done.stderr.strip()
    if "ERROR 2002" in words:
        raise Refused(
            "MariaDB does not run on the database Server, so the database cannot be removed; start it and run this again."
            f" {words}"
        )
    raise Refused(f"MariaDB refused: {words}")


def plan(name, owner):
    """([(what it does, in words; SQL)], a remark). Accounts go first: the database carries the note that says whose it is."""
    notes = query(f"SELECT schema_comment FROM information_schema.schemata WHERE schema_name = {text(name)};")
    if notes is None:
        return [], "There is no MariaDB on this Server, and so no database."
    if notes and notes[0] != NOTE + owner:
        return [], f"The database {name} of this Server is not this Environment's: it is kept."
    hosts = query(f"SELECT Host FROM mysql.global_priv WHERE User = {text(name)};")
    steps = [(f"no account {name} from {host}", f"DROP USER {text(name)}@{text(host)};") for host in hosts]
    if notes:
        steps.append((f"no database {name}", f"DROP DATABASE `{name}`;"))
    return steps, "" if steps else f"The database {name} is gone already."


def main():
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, "owner": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    try:
        steps, remark = plan(module.params["name"], module.params["owner"])
        if steps and not module.check_mode:
            query("\n".join(sql for _, sql in steps))
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    done = "".join(f"{words}\n" for words, _ in steps)
    module.exit_json(changed=bool(steps), msg=remark, diff={"before": done.replace("no ", ""), "after": ""} if steps else None)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Makes an Environment's database and its account, or puts right what differs. SQL goes to MariaDB's own client on its
standard input, as the machine's root by the unix socket; of the password only the hash leaves this module."""

import hashlib
import ipaddress
import re
import socket
import subprocess

from ansible.module_utils.aegir_database_firewall import is_let_in, is_loaded
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: create_database_converge
short_description: Make a database and its account
options:
  name: {type: str, required: true, description: Name of the database and of the account.}
  owner: {type: str, required: true, description: 'Whose it is, noted as the comment of the database.'}
  password: {type: str, required: true, description: Password of the account.}
  client: {type: str, required: true, description: 'Address or host name from which the account may connect; % = any.'}
  networks: {type: list, elements: str, required: true, description: Where those are for whom any is meant.}
"""

PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, REFERENCES, CREATE TEMPORARY TABLES, LOCK TABLES,"
    " CREATE VIEW, SHOW VIEW, TRIGGER"
)
# One site cannot take all connections of the Server (max_connections, 300) from the others.
CONNECTIONS = 50
ANY = "%"
NOTE = "Environment of Aegir: "


class Refused(Exception):
    """Its text is for a person."""


def text(value):
    """A text as SQL writes it, whatever sql_mode says about backslashes: names and notes have none."""
    if "\\" in value:
        raise Refused("A name must not contain a backslash.")
    return "'%s'" % value.replace("'", "''")


def password_hash(password):
    """What mysql_native_password keeps: the hash of the hash."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def account(name, host):
    return f"{text(name)}@{text(host)}"


def render_database(name, owner):
    return f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT {text(NOTE + owner)};"


def render_account(name, host, secret):
    # In a grant, "_" stands for any character: without the backslash, a-b would reach the database of a1b.
    pattern = name.replace("_", "\\_")
    return (
        f"CREATE OR REPLACE USER {account(name, host)} IDENTIFIED VIA mysql_native_password USING '{secret}'"
        f" REQUIRE SSL WITH MAX_USER_CONNECTIONS {CONNECTIONS};\n"
        f"GRANT {PRIVILEGES} ON `{pattern}`.* TO {account(name, host)};"
    )


def fits(lines, name, secret):
    """Whether SHOW GRANTS names exactly what render_account gives, in whatever order and quotes."""
    lines = sorted(line.replace("'", "`") for line in lines)
    pattern = re.escape(name.replace("_", "\\_"))
    grant = re.match(rf"GRANT ([A-Z, ]+) ON `{pattern}`\.\* TO `[^`]+`@`[^`]+`$", lines[0]) if lines else None
    usage = (
        rf"GRANT USAGE ON \*\.\* TO `[^`]+`@`[^`]+` IDENTIFIED BY PASSWORD `{re.escape(secret)}`"
        rf" REQUIRE SSL WITH MAX_USER_CONNECTIONS {CONNECTIONS}$"
    )
    return (
        len(lines) == 2
        and grant is not None
        and set(grant.group(1).split(", ")) == set(PRIVILEGES.split(", "))
        and re.match(usage, lines[1]) is not None
    )


def query(sql):
    """The lines of the answer."""
    argv = ["mariadb", "--batch", "--raw", "--skip-column-names"]
    try:
        done = subprocess.run(argv, input=sql, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        raise Refused("MariaDB is not installed on the database Server: run “Prepare” on it.") from None
    if done.returncode == 0:
        return done.stdout.splitlines()
    words = done.stderr.strip()
    if "ERROR 2002" in words:
        raise Refused(f"MariaDB does not run on the database Server; look at “systemctl status mariadb” there. {words}")
    if re.search(r"ERROR (1045|1698) ", words):
        raise Refused(f"MariaDB does not let the machine's root in by the unix socket. {words}")
    raise Refused(f"MariaDB refused: {words}")


def addresses(client):
    """The addresses that a host name has here; MariaDB itself resolves none (skip_name_resolve)."""
    if client == ANY:
        return [ANY]
    try:
        found = {entry[4][0].split("%")[0] for entry in socket.getaddrinfo(client, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise Refused(f"The database Server does not know the web Server's address {client}: {error}.") from None
    return sorted(str(ipaddress.ip_address(address)) for address in found)


def shut_out(hosts):
    """Addresses that the firewall of “Prepare” does not let in. Without that firewall nobody is known to be shut out."""
    return [host for host in hosts if not is_let_in(host)] if is_loaded() else []


def plan(name, owner, secret, hosts):
    """[(what it does, in words; SQL)]"""
    steps = []
    note = query(f"SELECT schema_comment FROM information_schema.schemata WHERE schema_name = {text(name)};")
    if not note:
        steps.append((f"database {name}", render_database(name, owner)))
    elif note[0] != NOTE + owner:
        whose = note[0][len(NOTE):] if note[0].startswith(NOTE) else ""
        raise Refused(
            f"There is a database {name} on this Server already, and it is not this Environment's"
            + (f" but that of {whose}" if whose else "")
            + ". Give the Environment another name, or move that database away; nothing was done."
        )
    known = query(f"SELECT Host FROM mysql.global_priv WHERE User = {text(name)};")
    for host in hosts:
        grants = query(f"SHOW GRANTS FOR {account(name, host)};") if host in known else []
        if not fits(grants, name, secret):
            steps.append((f"account {name} from {host}", render_account(name, host, secret)))
    gone = [host for host in known if host not in hosts]
    return steps + [(f"no account {name} from {host}", f"DROP USER {account(name, host)};") for host in gone]


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "client": {"type": "str", "required": True},
            "networks": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        if not re.fullmatch(r"aegir_[a-z0-9_]{1,58}", options["name"]):
            raise Refused(f"{options['name']} is no name of an Environment's database.")
        hosts = addresses(options["client"])
        steps = plan(options["name"], options["owner"], password_hash(options["password"]), hosts)
        if hosts == [ANY] and not options["networks"]:
            raise Refused(
                "The database Server does not know from where pods come: enter the networks of the cluster’s nodes as “Further"
                " clients” on it, and run “Prepare” there."
            )
        refused = shut_out(options["networks"] if hosts == [ANY] else hosts)
        if refused:
            raise Refused(
                f"The firewall of the database Server does not let {', '.join(refused)} in: run “Prepare” on the database"
                " Server, which knows the web Servers of its Cluster and the further clients."
            )
        if steps and not module.check_mode:
            query("\n".join(sql for _, sql in steps))
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    done = "".join(f"{words}\n" for words, _ in steps)
    module.exit_json(changed=bool(steps), diff={"before": "", "after": done} if steps else None)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""What keeps the sites of a Cluster from this Server's databases: service, firewall, certificate. Reads only."""

import socket

from ansible.module_utils.aegir_database_firewall import ask, is_let_in, is_loaded
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: verify_server_database
short_description: Look at the database service of a Server
options:
  clients: {type: list, elements: str, required: true, description: Addresses or names of the web Servers that must reach it.}
  networks: {type: list, elements: str, required: true, description: Further addresses or networks that must reach it.}
"""

CERTIFICATE = "/etc/mysql/aegir/server-cert.pem"
SOON_SECONDS = 30 * 24 * 3600
PREPARE = "run “Prepare” on this Server."


def resolve(name):
    try:
        return {entry[4][0].split("%")[0] for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def about_firewall(clients, networks):
    if not is_loaded():
        return [f"The database port has no firewall: {PREPARE}"]
    known = {client: resolve(client) for client in clients}
    unknown = [client for client in clients if not known[client]]
    away = [f"{network}, of “Further clients”" for network in networks if not is_let_in(network)]
    shut_out = [f"{client}, a web Server of this Cluster" for client in clients if known[client] and not all(map(is_let_in, known[client]))]
    return [f"{client}, a web Server of this Cluster, is no host name that this Server knows." for client in unknown] + [
        f"{who}, cannot reach the databases: {PREPARE}" for who in shut_out + away
    ]


def about_certificate():
    flags = ("-noout", "-checkend", str(SOON_SECONDS), "-in", CERTIFICATE)
    return [] if ask("openssl", "x509", *flags) is not None else [f"The database has no certificate that lasts: {PREPARE}"]


def find_problems(clients, networks):
    if ask("/usr/sbin/mariadbd", "--version") is None:
        return [f"MariaDB is not installed: {PREPARE}"]
    if ask("systemctl", "is-active", "mariadb") is None:
        return ["MariaDB is installed but does not run: look at “systemctl status mariadb” on this Server."]
    return about_firewall(clients, networks) + about_certificate()


def main():
    texts = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(argument_spec={"clients": texts, "networks": texts}, supports_check_mode=True)
    module.exit_json(changed=False, problems=find_problems(module.params["clients"], module.params["networks"]))


if __name__ == "__main__":
    main()

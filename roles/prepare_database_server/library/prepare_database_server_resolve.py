#!/usr/bin/python
"""The addresses that host names have on this machine: a firewall knows no names."""

import ipaddress
import socket

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: prepare_database_server_resolve
short_description: Find the addresses of host names
options:
  names: {type: list, elements: str, required: true, description: Addresses or host names.}
  networks: {type: list, elements: str, required: true, description: Further addresses or networks.}
"""


def find(name):
    """None when nobody here knows the name."""
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return {ipaddress.ip_network(entry[4][0].split("%")[0]) for entry in entries}


def read(network):
    """None when it is neither an address nor a network."""
    try:
        return ipaddress.ip_network(network, strict=False)
    except ValueError:
        return None


def main():
    texts = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(argument_spec={"names": texts, "networks": texts}, supports_check_mode=True)
    networks = {text: read(text) for text in module.params["networks"]}
    wrong = sorted(text for text, network in networks.items() if network is None)
    if wrong:
        module.fail_json(
            msg=f"“Further clients” of this Server must be addresses or networks such as 10.0.0.0/8, and not {', '.join(wrong)}."
        )
    found = {name: find(name) for name in module.params["names"]}
    unknown = sorted(name for name, addresses in found.items() if not addresses)
    if unknown:
        module.fail_json(
            msg=f"This Server does not know the address of {', '.join(unknown)}, a web Server of its Cluster: give that one an"
            " internal address, or make its name known here."
        )
    # The machine itself comes by the loopback, which is always let in.
    every = {address for addresses in (networks.values(), *found.values()) for address in addresses if not address.is_loopback}
    by_version = {number: [str(one) for one in sorted(one for one in every if one.version == number)] for number in (4, 6)}
    module.exit_json(changed=False, ipv4=by_version[4], ipv6=by_version[6])


if __name__ == "__main__":
    main()

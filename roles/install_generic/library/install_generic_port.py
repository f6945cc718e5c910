#!/usr/bin/python
"""Gives an Environment's service a port of the Server that no other one has, and the same one ever after."""

import fcntl
import os
import socket

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: install_generic_port
short_description: Choose and remember the port of a service
options:
  environment_path: {type: path, required: true, description: Folder of the Environment.}
"""

# Below the ports that Linux gives to outgoing connections (32768 and up), above those of well-known services.
PORTS = range(20000, 30000)
FILE = "service.port"


def read_port(folder):
    try:
        with open(os.path.join(folder, FILE), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(environments):
    taken = {read_port(os.path.join(environments, name)) for name in os.listdir(environments)}
    return next((port for port in PORTS if port not in taken and is_free(port)), None)


def main():
    module = AnsibleModule(
        argument_spec={"environment_path": {"type": "path", "required": True}}, supports_check_mode=True
    )
    folder = module.params["environment_path"]
    environments = os.path.dirname(folder)
    if not os.path.isdir(folder):
        if module.check_mode:
            module.exit_json(changed=True, port=PORTS[0])
        module.fail_json(msg=f"The folder {folder} is not there.")
    with open(os.path.join("/run/lock", "aegir-ports.lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port = read_port(folder)
        if port is not None:
            module.exit_json(changed=False, port=port)
        port = choose(environments)
        if port is None:
            module.fail_json(msg=f"No port from {PORTS[0]} to {PORTS[-1]} is free on this Server.")
        if not module.check_mode:
            with open(os.path.join(folder, FILE), "w", encoding="ascii") as file:
                file.write(f"{port}\n")
        module.exit_json(changed=True, port=port)


if __name__ == "__main__":
    main()

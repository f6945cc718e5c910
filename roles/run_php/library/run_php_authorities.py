#!/usr/bin/python
"""Keeps the certificate authorities that an Environment trusts: the system's, and the one of its database Server."""

import grp
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: run_php_authorities
short_description: Write ca.pem and database-ca.pem
options:
  settings: {type: path, required: true, description: Folder of the files.}
  group: {type: str, required: true, description: Group that may read them.}
  database: {type: str, required: true, description: 'Authority of the database Server (PEM), or nothing.'}
"""

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text, group):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chown(path + ".new", 0, group)
    os.chmod(path + ".new", 0o640)
    os.rename(path + ".new", path)


def main():
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "path", "required": True},
            "group": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    own = module.params["database"].strip()
    own = own + "\n" if own else ""
    wanted = {"ca.pem": (read(SYSTEM) or "") + own, "database-ca.pem": own or None}
    changed = []
    for name, text in wanted.items():
        path = os.path.join(module.params["settings"], name)
        if read(path) == text:
            continue
        changed.append(path)
        if module.check_mode:
            continue
        if text is None:
            os.unlink(path)
        else:
            try:
                write(path, text, grp.getgrnam(module.params["group"]).gr_gid)
            except OSError as error:
                module.fail_json(msg=f"{path} cannot be written: {error.strerror}.")
    module.exit_json(changed=bool(changed), files=changed)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Looks whether the Environment's certificate can be used, so that a broken one never reaches the web server, and makes the one
that is shown to whoever asks for a name that no site has."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate_file import openssl, read_file, write_private

DOCUMENTATION = """
module: write_vhost_certificate
short_description: Look whether a certificate can be used
options:
  file: {type: path, required: true, description: Certificate, chain and key.}
  names: {type: list, elements: str, required: true, description: Names of the site.}
  nobody: {type: path, required: true, description: Certificate for names that no site has; made when it is not there.}
"""

# openssl asks for a section of names, also when the command says them all.
CONFIG = "[req]\ndistinguished_name = dn\n[dn]\n"
# Nobody is to trust it, so it may as well last.
NOBODY_DAYS = "36500"


def taken_by():
    """Another program at the port of HTTPS: with it there nginx would not start again."""
    try:
        done = subprocess.run(["ss", "-Hltnp", "sport = :443"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    programs = set(re.findall(r'\(\("([^"]+)"', done.stdout))
    return ", ".join(sorted(programs)) if programs and "nginx" not in programs else ""


def make_nobody(module, path):
    folder = os.path.dirname(path)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".nobody-") as made:
        config, key, certificate = (os.path.join(made, name) for name in ("config", "key", "certificate"))
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG)
        fine, words = openssl(
            "req", "-x509", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=nobody.invalid", "-days", NOBODY_DAYS, "-keyout", key, "-out", certificate,
        )
        if not fine:
            module.fail_json(msg=f"openssl cannot make a certificate: {words}")
        with open(certificate, encoding="ascii") as own, open(key, encoding="ascii") as secret:
            write_private(path, own.read() + secret.read())


def main():
    module = AnsibleModule(
        argument_spec={
            "file": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "nobody": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    path, names, nobody = module.params["file"], module.params["names"], module.params["nobody"]
    certificate = read_file(path)
    if certificate is None:
        module.exit_json(changed=False, usable=False, secure=[], why="There is no certificate yet: run “Get certificates”.")
    if not certificate.loads:
        why = f"{path} cannot be used, so visitors are served by plain HTTP. {' '.join(certificate.problems)} “Get certificates” puts it right."
        module.warn(why)
        module.exit_json(changed=False, usable=False, secure=[], why=why)
    program = taken_by()
    if program:
        module.fail_json(
            msg=f"Port 443 of this Server belongs to {program}, so that the web server could not be started again. Stop it there,"
            " or turn HTTPS of the Environment off; nothing was done."
        )
    missing = read_file(nobody) is None
    if missing and not module.check_mode:
        make_nobody(module, nobody)
    # One that has expired is still shown, as visitors can decide to go on; but nobody is led to it.
    secure = [] if certificate.problems else [name for name in names if certificate.covers(name)]
    for problem in certificate.problems:
        module.warn(f"{problem} “Get certificates” renews it.")
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(certificate.expires))
    module.exit_json(changed=missing, usable=True, secure=secure, expires=expires, why=" ".join(certificate.problems))


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Checks an uploaded certificate with its chain and its key, says all that is wrong with them, and keeps them as one file."""

from __future__ import annotations

import os
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate_file import Certificate, make_private_folder, openssl, write_private

DOCUMENTATION = """
module: get_certificates_uploaded
short_description: Check an uploaded certificate and keep it
options:
  file: {type: path, required: true, description: Where it is kept.}
  names: {type: list, elements: str, required: true, description: 'Names of the site, the main one first.'}
  certificate: {type: str, required: true, description: Certificate and chain.}
  key: {type: str, required: true, description: Private key.}
"""


def untrusted(chain):
    """Why browsers may warn, or nothing: an authority of one's own is allowed."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as others:
        others.write("\n".join(chain[1:]) + "\n")
        others.flush()
        flags = ["-untrusted", others.name] if chain[1:] else []
        fine, words = openssl("verify", "-purpose", "sslserver", *flags, given=chain[0] + "\n")
    reasons = [line.split(":", 1)[1].strip() for line in words.splitlines() if line.startswith("error ") and ":" in line]
    return "" if fine else f"browsers will not trust it ({reasons[0] if reasons else 'its authority is not known'})"


def keep(path, text):
    """True = it was another one."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            if file.read() == text:
                return False
    except FileNotFoundError:
        make_private_folder(os.path.dirname(path))
    write_private(path, text)
    return True


def main():
    module = AnsibleModule(
        argument_spec={
            "file": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "certificate": {"type": "str", "required": True},
            "key": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    names = options["names"]
    certificate = Certificate(options["certificate"], options["key"])
    problems = list(certificate.problems)
    if certificate.names and not certificate.covers(names[0]):
        problems.append(f"The certificate is for {', '.join(certificate.names)}, not for {names[0]}.")
    elif certificate.chain and not certificate.names and certificate.expires:
        problems.append("The certificate names no host (subjectAltName), so browsers take it for no site.")
    if problems:
        module.fail_json(msg=f"The uploaded certificate is not used, and everything stays as it was. {' '.join(problems)}")
    doubt = untrusted(certificate.chain)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(certificate.expires))
    found = {
        name: {"state": "valid", "expires": expires, "message": doubt}
        if certificate.covers(name)
        else {"state": "uncovered", "expires": None, "message": "not in the uploaded certificate"}
        for name in names
    }
    changed = True if module.check_mode and not os.path.exists(options["file"]) else False
    if not module.check_mode:
        changed = keep(options["file"], certificate.text)
    if doubt:
        module.warn(f"The uploaded certificate is used, but {doubt}.")
    for name in names:
        if not certificate.covers(name):
            module.warn(f"{name} is not in the uploaded certificate: it is served by plain HTTP.")
    module.exit_json(changed=changed, certificates=found)


if __name__ == "__main__":
    main()

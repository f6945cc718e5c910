#!/usr/bin/python
"""Gets one certificate for those names of a site that point here, and renews it in time. certbot speaks with the authority; keys
are made here, and the certificate is kept only when it fits. A name that cannot have one does not keep the others from it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate_file import Certificate, make_private_folder, openssl, read_file, write_private
from ansible.module_utils.name_check import check_names

DOCUMENTATION = """
module: get_certificates
short_description: Get a certificate for the names that point here
options:
  base: {type: path, required: true, description: Folder of everything of Aegir on the Server.}
  folder: {type: path, required: true, description: Folder of the Environment's certificates.}
  names: {type: list, elements: str, required: true, description: Names of the site.}
  directory: {type: str, default: '', description: Address of the authority; empty = certbot's own.}
  contact: {type: str, default: '', description: Mail address for the authority.}
  ca: {type: str, default: '', description: Who vouches for the directory.}
  check_names: {type: bool, default: true, description: Whether names are looked at before the authority is asked.}
  at_least_one: {type: bool, default: true, description: Whether it is a failure when no name has a certificate.}
"""

CONFIG = "[req]\ndistinguished_name = dn\n[dn]\n"
# Authorities want a record in the DNS for them.
WILDCARD = "a wildcard name: none is got for it, as that takes records in the DNS. Upload a certificate that has it, or list its names one by one"
# An order takes seconds; a minute for each name is an authority in trouble.
SECONDS_FOR_NAME, SECONDS_AT_LEAST = 60, 300
NOISE = re.compile(
    r"^(Saving debug log|Account registered|Requesting a certificate|Some challenges have failed|Ask for help|See the logfile"
    r"|Certbot failed to authenticate|Hint:|An unexpected error occurred:$|Waiting for verification|Cleaning up"
    r"|AttributeError: can't set attribute$)"
)
ADVICE = (
    (r"too many|rate.?limit", "The authority counts what it is asked for, failures too: wait for as long as it says, then run this again."),
    (r"certificate verify failed|SSLError", "The Server does not trust the directory: correct “Who vouches for the directory” of the Cluster."),
    (r"e-?mail|contact", "Correct the “Mail address for the authority” of the Cluster."),
    (r"external ?account", "This authority wants an account that was made elsewhere, which Aegir cannot use: choose another one."),
    (r"ConnectionError|NewConnectionError|Max retries|Timeout|resol|not known|refused|JSONDecodeError|directory|404",
     "Look whether the “ACME directory” of the Cluster is right, and whether the Server reaches it."),
)
LAST_ADVICE = "certbot's own log is in {logs} on the Server."


class Refused(Exception):
    """The authority, or the way to it, refused the whole; its text is for a person."""


class Authority:
    def __init__(self, options):
        self.options = options
        self.home = os.path.join(options["base"], "certbot")
        # Folders of its own: what the distribution renews by itself (/etc/letsencrypt) is none of these.
        self.folders = {name: os.path.join(self.home, name) for name in ("config", "work", "logs")}
        self.webroot = os.path.join(self.home, "webroot")

    def prepare(self):
        for folder in [self.home, *self.folders.values()]:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        well_known = os.path.join(self.webroot, ".well-known")
        os.makedirs(well_known, exist_ok=True)
        link, target = os.path.join(well_known, "acme-challenge"), os.path.join(self.options["base"], "acme")
        if not os.path.islink(link) or os.readlink(link) != target:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(link)
            os.symlink(target, link)

    @contextlib.contextmanager
    def alone(self):
        """One order at a time on a Server: certbot refuses a second one instead of waiting."""
        self.prepare()
        with open(os.path.join(self.home, ".lock"), "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def order(self, names):
        """(text of certificate, chain and key, None) or (None, {name: why it was refused})."""
        folder = self.options["folder"]
        for left in os.listdir(folder):
            # Of a run that was killed.
            if left.startswith(".order-"):
                shutil.rmtree(os.path.join(folder, left), ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".order-") as place:
            key, request, full = (os.path.join(place, name) for name in ("key", "request", "full"))
            make_request(place, key, request, names)
            fine, words = self.ask(place, request, full, names)
            if not fine:
                return None, refused_names(words, names, self.folders["logs"])
            with open(full, encoding="ascii") as chain, open(key, encoding="ascii") as secret:
                return Certificate(chain.read(), secret.read()), None

    def ask(self, place, request, full, names):
        options = self.options
        argv = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--no-eff-email", "--max-log-backups", "20", "--csr", request]
        argv += [f"--{name}-dir={folder}" for name, folder in self.folders.items()]
        argv += ["--webroot", f"--webroot-path={self.webroot}", f"--fullchain-path={full}"]
        argv += [f"--cert-path={place}/own", f"--chain-path={place}/chain"]
        argv += [f"--server={options['directory']}"] if options["directory"] else []
        argv += [f"--email={options['contact']}"] if options["contact"] else ["--register-unsafely-without-email"]
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        if options["ca"]:
            environment["REQUESTS_CA_BUNDLE"] = os.path.join(place, "authority")
            with open(environment["REQUESTS_CA_BUNDLE"], "w", encoding="utf-8") as file:
                file.write(options["ca"])
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd="/",
                timeout=max(SECONDS_AT_LEAST, SECONDS_FOR_NAME * len(names)),
            )
        except FileNotFoundError:
            raise Refused("certbot is not installed: run “Prepare” on the Server.") from None
        except subprocess.TimeoutExpired:
            raise Refused("The authority did not come to an end in time: run this again later.") from None
        return done.returncode == 0, done.stdout.decode(errors="replace") + self.answer_in_log()

    def answer_in_log(self):
        """certbot 2.1 of Debian 12 stumbles over the authority's answer to an order: only its log has it."""
        with contextlib.suppress(OSError), open(os.path.join(self.folders["logs"], "letsencrypt.log"), encoding="utf-8", errors="replace") as log:
            found = re.findall(r"^acme\.messages\.Error: urn:ietf:params:acme:error:(.+)$", log.read(), re.MULTILINE)
            return f"\n{found[-1]}\n" if found else ""
        return ""


def make_request(place, key, request, names):
    config = os.path.join(place, "openssl")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    fine, words = openssl(
        "req", "-new", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/",
        "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names), "-keyout", key, "-out", request,
    )
    if not fine:
        raise Refused(f"openssl cannot make a key: {words}")


def refused_names(words, names, logs):
    """{name: why} of those that the authority names; a refusal that names none is one of the whole."""
    blocks = re.findall(r"^\s*Domain: *(\S+)\s*\n\s*Type: *(\S+)\s*\n\s*Detail: *(.+)", words, re.MULTILINE)
    refused = {name.lower(): detail.strip() for name, _, detail in blocks if name.lower() in names}
    if refused:
        return refused
    lines = [line.strip() for line in words.splitlines()]
    said = " ".join(dict.fromkeys(shortened(line) for line in lines if line and not NOISE.match(line)))[-600:]
    # Names that it never gives a certificate for are named in the error of the order.
    named = {name: said for name in names if f'"{name}"' in said}
    if named and not re.search(ADVICE[0][0], said, re.IGNORECASE):
        return named
    advice = next((advice for pattern, advice in ADVICE if re.search(pattern, said, re.IGNORECASE)), LAST_ADVICE.format(logs=logs))
    raise Refused(f"There is no new certificate. certbot says: {said.rstrip('.') or 'nothing'}. {advice}")


def shortened(line):
    """What Python's way of saying that a connection failed comes down to."""
    match = re.search(r"host='([^']+)'.*Caused by .*\] ([^\]']+?)(?: \(_ssl[^)]*\))?['\")]*$", line)
    return f"{match.group(1)}: {match.group(2)}." if match else line


class Store:
    """What the authority has given before; its first line says which authority it was."""

    def __init__(self, options):
        self.file = os.path.join(options["folder"], "acme.pem")
        self.mark = f"# From {options['directory'] or 'the authority that certbot asks by itself'}"
        found = read_file(self.file)
        self.certificate = found if found and not found.problems and self.marked() == self.mark else None

    def marked(self):
        with open(self.file, encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip("\n")

    def covers(self, name):
        return self.certificate is not None and self.certificate.covers(name)

    def is_due(self, passing):
        if not passing:
            return False
        return self.certificate is None or time.time() >= self.certificate.renewal() or not all(map(self.covers, passing))

    def keep(self, certificate):
        write_private(self.file, f"{self.mark}\n{certificate.text}")
        self.certificate = certificate


def order_all(authority, store, passing):
    """{name: why} of those that the authority refused; the others have a certificate."""
    refused, left = {}, list(passing)
    with authority.alone():
        while left:
            certificate, named = authority.order(left)
            if certificate:
                lacking = [name for name in left if not certificate.covers(name)]
                if certificate.problems or lacking:
                    raise Refused(f"The authority gave a certificate that cannot be used. {' '.join(certificate.problems)} Without: {', '.join(lacking)}")
                store.keep(certificate)
                break
            refused.update(named)
            # The rest is ordered only when it needs to be: authorities count, and a name may be refused at every run.
            left = [name for name in left if name not in refused]
            if not store.is_due(left):
                break
    return refused


def states(names, store, elsewhere, refused):
    found = {}
    for name in names:
        if name.startswith("*."):
            found[name] = {"state": "uncovered", "expires": None, "message": WILDCARD}
            continue
        why = elsewhere.get(name) or (f"refused by the authority: {refused[name]}" if name in refused else "")
        if store.covers(name):
            expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(store.certificate.expires))
            found[name] = {"state": "valid", "expires": expires, "message": f"not renewed, as it {why}" if name in elsewhere else why}
        else:
            found[name] = {"state": "elsewhere" if name in elsewhere else "refused", "expires": None, "message": why}
    return found


def apply(module, options):
    store, authority = Store(options), Authority(options)
    challenges = os.path.join(options["base"], "acme")
    # The vhost makes the folder; in a dry run it may not be there yet.
    names = [name for name in options["names"] if not name.startswith("*.")]
    elsewhere = check_names(challenges, names) if options["check_names"] and os.path.isdir(challenges) else {}
    passing = [name for name in names if name not in elsewhere]
    due = store.is_due(passing)
    if module.check_mode or not due:
        return due, states(options["names"], store, elsewhere, {})
    make_private_folder(options["folder"])
    before = store.certificate
    refused = order_all(authority, store, passing)
    return store.certificate is not before, states(options["names"], store, elsewhere, refused)


def main():
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "base": {"type": "path", "required": True},
            "folder": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "directory": text,
            "contact": text,
            "ca": text,
            "check_names": {"type": "bool", "default": True},
            "at_least_one": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        changed, found = apply(module, module.params)
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    bad = [f"{name}: {entry['message']}" for name, entry in found.items() if entry["state"] != "valid"]
    if len(bad) == len(found) and module.params["at_least_one"] and not module.check_mode:
        module.fail_json(msg=f"No name of the site has a certificate. {' '.join(f'{line}.' for line in bad)}")
    for line in bad:
        module.warn(f"{line}.")
    module.exit_json(changed=changed, certificates=found)


if __name__ == "__main__":
    main()

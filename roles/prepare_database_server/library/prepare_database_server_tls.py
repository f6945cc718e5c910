#!/usr/bin/python
"""An authority of this Server's own and the certificate of its database service. What fits is kept: keys stay the same, and
the certificate is made anew when names have changed or its end comes near. Nothing of it leaves but the authority."""

import grp
import ipaddress
import os
import re
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: prepare_database_server_tls
short_description: Make the authority and the certificate of the database service
options:
  folder: {type: path, required: true, description: Folder of keys and certificates.}
  names: {type: list, elements: str, required: true, description: 'Host names and addresses of the service.'}
  group: {type: str, required: true, description: Group that may read the key of the service.}
"""

AUTHORITY_DAYS = 7300
CERTIFICATE_DAYS = 1825
# Nobody may run “Prepare” for months.
RENEW_SECONDS = 180 * 24 * 3600


class Refused(Exception):
    """Its text is for a person."""


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def must(*arguments):
    code, out, errors = openssl(*arguments)
    if code != 0:
        raise Refused(f"openssl {arguments[0]} failed: {errors.strip()}")
    return out


def is_address(name):
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def render_names(names):
    return ",".join(f"IP:{name}" if is_address(name) else f"DNS:{name}" for name in names)


def parse_names(text):
    """From what openssl prints of a certificate: DNS:db.test, IP Address:192.0.2.1"""
    names = set(re.findall(r"DNS:([^,\s]+)", text))
    return names | {str(ipaddress.ip_address(found)) for found in re.findall(r"IP Address:([^,\s]+)", text)}


class Store:
    def __init__(self, folder, gid):
        self.folder = folder
        self.gid = gid

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, mode, gid, make):
        """`make` writes a new file; it takes its place when it is whole, with its owner and mode."""
        handle, new = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        os.close(handle)
        try:
            make(new)
            os.chown(new, 0, gid)
            os.chmod(new, mode)
            os.replace(new, self.path(name))
        except BaseException:
            os.unlink(new)
            raise

    def key_of(self, name):
        """Public key of a certificate or a key; None when it cannot be read."""
        kind = ["pkey", "-pubout"] if name.endswith("-key.pem") else ["x509", "-noout", "-pubkey"]
        code, out, _ = openssl(*kind, "-in", self.path(name))
        return out if code == 0 else None

    def lasts(self, name):
        return openssl("x509", "-noout", "-checkend", str(RENEW_SECONDS), "-in", self.path(name))[0] == 0

    def pair_fits(self, certificate, key):
        public = self.key_of(key)
        return public is not None and public == self.key_of(certificate) and self.lasts(certificate)

    def make_key(self, name, mode, gid):
        self.put(name, mode, gid, lambda new: must(
            "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", new))

    def make_authority(self, title):
        self.put("ca.pem", 0o644, 0, lambda new: must(
            "req", "-x509", "-new", "-sha256", "-key", self.path("ca-key.pem"), "-days", str(AUTHORITY_DAYS),
            "-subj", f"/CN={title}", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", new))

    def make_certificate(self, names):
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            request = os.path.join(work, "request")
            must("req", "-new", "-sha256", "-key", self.path("server-key.pem"), "-subj", "/CN=aegir-database",
                 "-addext", f"subjectAltName={render_names(names)}", "-addext", "basicConstraints=critical,CA:FALSE",
                 "-addext", "extendedKeyUsage=serverAuth", "-out", request)
            self.put("server-cert.pem", 0o644, 0, lambda new: must(
                "x509", "-req", "-sha256", "-in", request, "-copy_extensions", "copy", "-days", str(CERTIFICATE_DAYS),
                "-CA", self.path("ca.pem"), "-CAkey", self.path("ca-key.pem"), "-out", new))

    def certificate_fits(self, names):
        path = self.path("server-cert.pem")
        if not self.pair_fits("server-cert.pem", "server-key.pem"):
            return False
        if openssl("verify", "-CAfile", self.path("ca.pem"), path)[0] != 0:
            return False
        found = parse_names(openssl("x509", "-noout", "-ext", "subjectAltName", "-in", path)[1])
        return found == {str(ipaddress.ip_address(name)) if is_address(name) else name for name in names}


def converge(store, names, check_mode):
    """What was done, in words."""
    done = []
    if not store.pair_fits("ca.pem", "ca-key.pem"):
        done.append("authority of this Server")
        if not check_mode:
            if store.key_of("ca-key.pem") is None:
                store.make_key("ca-key.pem", 0o600, 0)
            store.make_authority(f"Aegir database {names[0]}"[:64])
    if done or not store.certificate_fits(names):
        done.append(f"certificate for {', '.join(names)}")
        if not check_mode:
            if store.key_of("server-key.pem") is None:
                store.make_key("server-key.pem", 0o640, store.gid)
            store.make_certificate(names)
    return done


def main():
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "group": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    folder, names = module.params["folder"], module.params["names"]
    try:
        if not module.check_mode:
            os.makedirs(folder, mode=0o755, exist_ok=True)
        done = converge(Store(folder, grp.getgrnam(module.params["group"]).gr_gid), names, module.check_mode)
    except (Refused, OSError) as error:
        module.fail_json(msg=f"The certificate of the database cannot be made. {error}")
    authority = ""
    if os.path.exists(os.path.join(folder, "ca.pem")):
        with open(os.path.join(folder, "ca.pem"), encoding="ascii") as file:
            authority = file.read()
    diff = {"before": "", "after": "".join(f"{line}\n" for line in done)}
    module.exit_json(changed=bool(done), ca=authority, diff=diff if done else None)


if __name__ == "__main__":
    main()

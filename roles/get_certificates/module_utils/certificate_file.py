"""A certificate with its chain and its key, in PEM format: what is wrong with them, and for which names they are good."""

from __future__ import annotations

import calendar
import contextlib
import os
import re
import subprocess
import time

CERTIFICATE = re.compile(r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----")
KEY = re.compile(r"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----[^-]+-----END \1-----")
DAY = 86400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def openssl(*arguments, given=""):
    """(succeeded, its words). Keys and certificates come by a pipe, never as a file or an argument."""
    done = subprocess.run(
        ["openssl", *arguments], input=given.encode(errors="replace"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60
    )
    return done.returncode == 0, (done.stdout or done.stderr).decode(errors="replace").strip()


def moment(words):
    """Seconds of what openssl writes as `notAfter=Nov  1 12:00:00 2026 GMT`, in English whatever the Server speaks."""
    month, date, clock, year, _ = words.split("=", 1)[1].split()
    return calendar.timegm((int(year), MONTHS.index(month) + 1, int(date), *map(int, clock.split(":"))))


def day(seconds):
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def make_private_folder(folder):
    """And the one above it: what lies there is for root only."""
    for path in (os.path.dirname(folder), folder):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def write_private(path, text):
    """At once, and never readable by others, also not for a moment."""
    following = f"{path}.next"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(following)
    with os.fdopen(os.open(following, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(following, path)


class Certificate:
    """`problems` are sentences for a person; without any it is what a web server can use at this moment."""

    def __init__(self, chain, key, now=None):
        self.now = time.time() if now is None else now
        self.chain = CERTIFICATE.findall(chain)
        match = KEY.search(key)
        self.key = match.group(0) if match else ""
        self.problems, self.names, self.begins, self.expires, self.public = [], [], 0, 0, ""
        self.loads = False
        self.read_certificate()
        self.read_key()
        if not self.problems:
            self.loads = True
            self.read_dates()

    @property
    def text(self):
        """One file, so that certificate and key never belong to different ones."""
        return "\n".join([*self.chain, self.key, ""])

    def covers(self, name):
        return name in self.names or "*." + name.partition(".")[2] in self.names

    def read_certificate(self):
        if not self.chain:
            self.problems.append("The certificate is not in PEM format (-----BEGIN CERTIFICATE-----).")
            return
        read = [self.read_one(number, text) for number, text in enumerate(self.chain, 1)]
        for number, (above, below) in enumerate(zip(read[1:], read), 2):
            if above and below and above["subject"] != below["issuer"]:
                self.problems.append(
                    f"Certificate {number} of the chain is not that of whoever signed certificate {number - 1}: the site's own"
                    " comes first, then the one that signed it, and so on."
                )
        own = read[0]
        if own:
            self.names, self.begins, self.expires, self.public = own["names"], own["begins"], own["expires"], own["public"]

    def read_one(self, number, text):
        flags = ["x509", "-noout", "-subject_hash", "-issuer_hash", "-dates"]
        fine, words = openssl(*flags, given=text)
        lines = words.splitlines()
        if not fine or len(lines) < 4:
            self.problems.append(f"Certificate {number} cannot be read: {words.splitlines()[0] if words else 'it is damaged'}")
            return None
        _, names = openssl("x509", "-noout", "-ext", "subjectAltName", given=text)
        _, public = openssl("x509", "-noout", "-pubkey", given=text)
        return {
            "subject": lines[0],
            "issuer": lines[1],
            "begins": moment(lines[2]),
            "expires": moment(lines[3]),
            "names": [name.lower() for name in re.findall(r"DNS:([^,\s]+)", names)],
            "public": public,
        }

    def read_key(self):
        if not self.key:
            self.problems.append("The private key is not in PEM format (-----BEGIN PRIVATE KEY-----).")
            return
        if "ENCRYPTED" in self.key:
            self.problems.append("The private key is protected by a passphrase, which nobody could enter when the web server starts: take it off.")
            return
        fine, public = openssl("pkey", "-pubout", "-passin", "pass:", given=self.key)
        if not fine:
            self.problems.append("The private key cannot be read: it is damaged.")
        elif self.public and public != self.public:
            self.problems.append("The private key does not belong to the certificate.")

    def read_dates(self):
        if self.expires <= self.now:
            self.problems.append(f"The certificate has expired on {day(self.expires)}.")
        if self.begins > self.now:
            self.problems.append(f"The certificate is valid from {day(self.begins)} only (the clock of this Server says {day(self.now)}).")

    def renewal(self):
        """When it is to be renewed: 30 days before its end, or when a third of a shorter life is left."""
        return self.expires - min(30 * DAY, (self.expires - self.begins) / 3)


def read_file(path):
    """None = there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    return Certificate(text, text)

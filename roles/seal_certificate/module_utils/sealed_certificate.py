"""Certificates with their keys on the way from one Server to another: encrypted by openssl with a key from a secret of the run
(PBKDF2), and signed, so that what was changed on the way is not opened."""

from __future__ import annotations

import base64
import glob
import hashlib
import hmac
import json
import os
import subprocess

CIPHER = ["-aes-256-cbc", "-pbkdf2", "-iter", "100000", "-md", "sha256"]
# A certificate with its chain and key has some kB.
MOST_BYTES = 256 * 1024


class Refused(Exception):
    """Its text is for a person."""


def read_folder(folder):
    """{name: text} of the files that a web server could use."""
    files = {}
    for path in sorted(glob.glob(glob.escape(folder) + "/*.pem")):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii") as file:
            files[os.path.basename(path)] = file.read(MOST_BYTES)
    return files


def seal(files, name, secret):
    body = openssl(["-e"], json.dumps(files).encode(), secret)
    return base64.b64encode(signature(body, name, secret) + body).decode()


def open_sealed(sealed, name, secret):
    """{file: text}"""
    try:
        given = base64.b64decode(sealed, validate=True)
    except ValueError:
        raise Refused("it is damaged.") from None
    sign, body = given[:32], given[32:]
    if not hmac.compare_digest(sign, signature(body, name, secret)):
        raise Refused("it was not sealed for this Environment and this run.")
    return json.loads(openssl(["-d"], body, secret))


def signature(body, name, secret):
    key = hashlib.sha256(b"aegir certificate " + secret.encode()).digest()
    return hmac.new(key, name.encode() + b"\0" + body, hashlib.sha256).digest()


def openssl(flags, given, secret):
    # By a pipe: an argument would be seen by every user of the machine.
    reading, writing = os.pipe()
    try:
        os.write(writing, secret.encode() + b"\n")
        os.close(writing)
        argv = ["openssl", "enc", *flags, *CIPHER, "-pass", f"fd:{reading}"]
        done = subprocess.run(argv, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[reading], timeout=60)
    finally:
        os.close(reading)
    if done.returncode != 0:
        raise Refused(done.stderr.decode(errors="replace").strip())
    return done.stdout

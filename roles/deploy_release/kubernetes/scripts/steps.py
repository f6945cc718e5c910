"""What the steps of a build have in common. They are containers of one pod with one folder between them; each has only the
secrets that it needs, as what a repository says how it is built may look at everything in its own."""

import base64
import errno
import json
import os
import re
import subprocess
import sys

from git_remote import Refused

WORK = "/work"
CODE = f"{WORK}/code"
# Made by the first step: how it is built.
RECIPE = f"{WORK}/Containerfile"
# Made by the first step where the recipe is ours: when the commit was made, in seconds since 1970.
TIME = f"{WORK}/time"
# There when the registry has the image already.
FOUND = f"{WORK}/found"
# How the built image is called here, before it has a name in the registry.
BUILT = "localhost/built"
# In memory, and of those steps only that speak to the registry: a home that no repository has written to.
ACCESS = "/access"

BUILDAH = ["buildah", "--root", f"{WORK}/store", "--runroot", f"{WORK}/run", "--storage-driver", "vfs"]
DENIED = r"unauthorized|denied|authentication required|forbidden|status code 40[13]|40[13] \("
MISSING = r"manifest unknown|name unknown|not found|status code 404|404 \("
PLAIN = r"HTTP response to HTTPS client|first record does not look like a TLS"
AWAY = r"connection refused|no such host|timeout|timed out|no route to host|network is unreachable|i/o timeout|reset by peer|EOF$"
# Enough to see what has failed; all of it is in the log.
TAIL = 100


class Failed(Exception):
    """A command that did not succeed, with its last lines."""

    def __init__(self, lines):
        super().__init__(lines[-1] if lines else "")
        self.words = "\n".join(lines)


def setting(name):
    return os.environ.get(name, "")


def secret(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(command, environment, cwd=WORK):
    """Its lines are shown when they come. A progress that writes over its own line makes one for each state."""
    child = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in child.stdout:
        text = line.rstrip()
        if text:
            print(text, flush=True)
            lines = [*lines, text][-TAIL:]
    if child.wait() != 0:
        raise Failed(lines)


def registry_host():
    return setting("REGISTRY").split("/")[0]


def image_name():
    return f"{setting('REGISTRY')}/{setting('PROJECT')}"


def container_environment():
    """Everything on the volume: the root is not written."""
    os.makedirs(f"{WORK}/tmp", exist_ok=True)
    host = registry_host()
    home = ACCESS if os.path.isdir(ACCESS) else WORK
    os.makedirs(f"{home}/.config/containers", exist_ok=True)
    plain = f'[[registry]]\nlocation = "{host}"\ninsecure = true\n' if setting("REGISTRY_PLAIN") == "true" else ""
    write(f"{home}/.config/containers/registries.conf", plain)
    variables = {**os.environ, "HOME": home, "TMPDIR": f"{WORK}/tmp", "XDG_RUNTIME_DIR": WORK, "BUILDAH_ISOLATION": "chroot"}
    if home != ACCESS:
        return variables
    user, password = secret("/registry/user"), secret("/registry/password")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    write(f"{ACCESS}/auth.json", json.dumps({"auths": {host: {"auth": token}} if password else {}}))
    return {**variables, "REGISTRY_AUTH_FILE": f"{ACCESS}/auth.json"}


def ask_registry(image, environment):
    """The digest of an image, or why there is none."""
    command = ["skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{image}"]
    done = subprocess.run(command, env=environment, cwd=WORK, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return (done.stdout.strip(), "") if done.returncode == 0 else ("", done.stderr.strip())


def digest_of(image, environment):
    """'': the registry has no such image, or does not say so to who may not see it."""
    digest, words = ask_registry(image, environment)
    if digest or re.search(f"{MISSING}|{DENIED}", words, re.IGNORECASE):
        return digest
    raise Refused(explain_registry(words))


def explain_registry(words, registry=None):
    """By default of the Cluster's own."""
    said = plain_end(words)
    at = f"The registry {registry or setting('REGISTRY')}"
    if re.search(PLAIN, words):
        return (
            f"{at} does not speak TLS. Where it is in a network of your own, say “Registry without TLS” on the Cluster;"
            " else give it a certificate."
        )
    if re.search("x509|certificate", words):
        return (
            f"{at} has a certificate that the image for builds does not know. Put its authority into that image, or give the"
            f" registry another certificate. It says: {said}"
        )
    if re.search(DENIED, words, re.IGNORECASE):
        return (
            f"{at} does not take the image. Check user and password of the registry on the Cluster, and that this user may"
            f" write {setting('PROJECT')} there. It says: {said}"
        )
    if re.search(AWAY, words, re.IGNORECASE):
        return (
            f"{at} cannot be reached from the cluster. Check its address on the Cluster, and that pods may reach it."
            f" It says: {said}"
        )
    if "No space left" in words or "no space left" in words:
        return no_room() if WORK in words else f"{at} has no room. Make some, then run this again. It says: {said}"
    return f"{at} has not done what it was asked: {said}"


def no_room():
    return (
        "There is no room left for the build. Make some on the nodes, or make the volume of builds larger by an override of"
        " kubernetes/2-build.yml; then run this again."
    )


def plain_end(words):
    """The last line, without the marks of a log."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    last = lines[-1] if lines else "nothing"
    message = re.search(r'msg="((?:[^"\\]|\\.)*)"', last)
    return (message.group(1).replace('\\"', '"') if message else last).removeprefix("Error: ")


def begin(story):
    """Whatever is wrong is the last line, which is the message of the Task: in the same pipe as all lines before it."""
    try:
        story()
        return
    except Refused as refusal:
        words = str(refusal)
    except OSError as error:
        words = no_room() if error.errno == errno.ENOSPC else f"The Job cannot go on: {error}."
    print(words, flush=True)
    sys.exit(1)

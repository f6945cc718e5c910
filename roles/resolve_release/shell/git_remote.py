"""Asks a git repository for its branches and tags, and says in words why that fails. The same file is in every Task type
that uses it, as each is kept by itself."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile

# git's words and what they mean. The first that fits is said.
MEANINGS = [
    (
        r"could not read Username|Authentication failed|terminal prompts disabled|Permission denied|Access denied"
        r"|returned error. 40[13]",
        "The repository asks for a password or key that it was not given. Give the Project a deploy key that may read it"
        " (with an ssh address), or make the repository readable.",
    ),
    (
        r"Could not resolve host|Name or service not known|Temporary failure in name resolution",
        "The host of the repository is not known. Check its address, and the name resolution of {place}.",
    ),
    (
        r"Connection refused|timed out|too slow|No route to host|Network is unreachable|Failed to connect|Couldn't connect",
        "The host of the repository cannot be reached from {place}. Check the address and the network.",
    ),
    (r"Host key verification failed", "The host of the repository has another key than known_hosts says. Check it."),
    (
        r"transport 'file' not allowed",
        "A repository on the worker's machine cannot be read from {place}. Give the Project an address by https or ssh.",
    ),
    (
        r"dubious ownership",
        "The repository belongs to another user of this machine. Make it belong to the worker's user, or mark it as git's"
        " safe.directory.",
    ),
    (
        r"not found|does not appear to be a git repository|does not exist",
        "There is no repository at this address. Check it for typing mistakes, and that the Project may read it.",
    ),
]

# What git says behind every failure, whatever it was.
EMPTY_WORDS = (
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)

# Neither an option, nor a transport helper ("ext::…", which runs commands), nor a second line.
REPOSITORY = re.compile(r"(?!-)(?![A-Za-z0-9+.-]+::)[^\s\x00-\x1f\x7f\\]+")
# Answering takes a second or two; a minute is a host that drops packets.
SECONDS = 60


class Refused(Exception):
    """Its text is for a person."""


def explain(words, place="the worker's machine"):
    found = (text for pattern, text in MEANINGS if re.search(pattern, words))
    meaning = next(found, "The repository cannot be read.").format(place=place)
    lines = [line.strip() for line in words.splitlines() if line.strip() not in ("", *EMPTY_WORDS)]
    return f"{meaning} git says: {lines[-1]}" if lines else meaning


def key_file(key):
    """A descriptor of memory where there is one: the key never touches a disk, and nothing of it stays."""
    data = (key.strip() + "\n").encode()
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("deploy-key")
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, data)
        return f"/proc/{os.getpid()}/fd/{descriptor}", lambda: os.close(descriptor)
    descriptor, path = tempfile.mkstemp()
    os.write(descriptor, data)
    os.close(descriptor)
    return path, lambda: os.unlink(path)


@contextlib.contextmanager
def git_environment(key, protocols="file:git:http:https:ssh"):
    """Variables with which git asks nobody, and opens what the key opens."""
    ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "StrictHostKeyChecking=accept-new"]
    forget = None
    if key:
        path, forget = key_file(key)
        ssh += ["-o", "IdentitiesOnly=yes", "-i", path]
    try:
        yield {
            **os.environ,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "SSH_ASKPASS": "/bin/false",
            "GIT_ALLOW_PROTOCOL": protocols,
            "GIT_SSH_COMMAND": shlex.join(ssh),
        }
    finally:
        if forget:
            forget()


def list_refs(repository, key):
    """{name: hash} of all branches and tags; an annotated tag gives the commit that it names."""
    if not REPOSITORY.fullmatch(repository):
        raise Refused("The repository's address is not of the form that it must have; nothing was done.")
    command = ["git", "ls-remote", "--heads", "--tags", "--end-of-options", repository]
    try:
        # Away from any repository whose configuration could take part.
        with git_environment(key) as environment:
            done = subprocess.run(
                command, cwd="/", env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
            )
    except FileNotFoundError:
        raise Refused("git is not installed on the worker's machine: install it.") from None
    except subprocess.TimeoutExpired:
        raise Refused(explain(f"timed out after {SECONDS} seconds")) from None
    words = done.stderr.decode(errors="replace")
    sys.stderr.write(words)
    if done.returncode != 0:
        raise Refused(explain(words))
    return parse_refs(done.stdout.decode(errors="replace"))


def parse_refs(text):
    refs = {}
    for line in text.splitlines():
        commit, _, name = line.partition("\t")
        if name.endswith("^{}"):
            refs[name[:-3]] = commit
        else:
            refs.setdefault(name, commit)
    return refs


def short_names(refs):
    """Branches first; what people type."""
    branches = sorted(name[len("refs/heads/") :] for name in refs if name.startswith("refs/heads/"))
    tags = sorted((name[len("refs/tags/") :] for name in refs if name.startswith("refs/tags/")), reverse=True)
    return branches + [tag for tag in tags if tag not in branches]

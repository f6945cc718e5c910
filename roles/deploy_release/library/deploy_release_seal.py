#!/usr/bin/python
"""Turns a fresh checkout into a Release: lists what git committed, checks links, removes git's own folders, makes
everything read-only, and renames it into place. The list (the manifest) lies beside it; verify_release compares."""

import fcntl
import json
import os
import shutil
import stat
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: deploy_release_seal
short_description: Seal a checked-out tree
options:
  partial: {type: path, required: true, description: Folder in which `tree` is the checkout.}
  path: {type: path, required: true, description: Where it goes.}
  manifest: {type: path, required: true, description: The list of its files.}
  hash: {type: str, required: true, description: The commit that must be checked out.}
"""


def git(folder, *arguments):
    environment = dict(os.environ, LC_ALL="C", GIT_TERMINAL_PROMPT="0")
    return subprocess.run(["git", *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, check=True).stdout


def list_committed(folder, prefix=b""):
    """{path: [mode, blob]} of the commit, submodules included; and the submodules' folders."""
    entries, modules = {}, []
    for line in git(folder, "ls-tree", "-r", "-z", "--full-tree", "HEAD").split(b"\0"):
        if not line:
            continue
        head, name = line.split(b"\t", 1)
        mode, _kind, blob = head.decode().split()
        path = prefix + name
        if mode != "160000":
            entries[os.fsdecode(path)] = [mode, blob]
            continue
        inner = os.path.join(os.fsencode(folder), name)
        modules.append(inner)
        # A submodule without an entry in .gitmodules stays an empty folder, as git leaves it.
        if os.path.exists(os.path.join(inner, b".git")):
            found, deeper = list_committed(inner, path + b"/")
            entries.update(found)
            modules.extend(deeper)
    return entries, modules


def links_out_of(tree, entries):
    outside = []
    for path, (mode, _blob) in entries.items():
        if mode != "120000":
            continue
        target = os.readlink(os.path.join(tree, path))
        resolved = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if os.path.isabs(target) or resolved == ".." or resolved.startswith("../"):
            outside.append(f"{path} -> {target}")
    return outside


def make_read_only(tree):
    for folder, _folders, files in os.walk(tree):
        os.chmod(folder, 0o755)
        for name in files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o555 if mode & stat.S_IXUSR else 0o444)


def write_manifest(path, content):
    temporary = path + ".new"
    with open(temporary, "w", encoding="ascii") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)


def put_in_place(tree, path, manifest, content):
    """Of several that have fetched the same commit the first one counts: the others have the same files."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if os.path.isdir(path):
            if os.path.exists(manifest):
                return
            # The remainder of a run that was killed.
            shutil.rmtree(path)
        write_manifest(manifest, content)
        os.rename(tree, path)
    finally:
        os.close(folder)


def main():
    module = AnsibleModule(
        argument_spec={
            "partial": {"type": "path", "required": True},
            "path": {"type": "path", "required": True},
            "manifest": {"type": "path", "required": True},
            "hash": {"type": "str", "required": True},
        }
    )
    partial, path, manifest = (module.params[name] for name in ("partial", "path", "manifest"))
    tree = os.path.join(partial, "tree")
    head = git(tree, "rev-parse", "HEAD").decode().strip()
    if head != module.params["hash"]:
        module.fail_json(msg=f"Checked out is {head}, not {module.params['hash']}.")
    entries, modules = list_committed(tree)
    outside = links_out_of(tree, entries)
    if outside:
        listed = ", ".join(outside[:20])
        module.fail_json(msg=f"The repository has symbolic links that lead out of it: {listed}. Take them out of it.")
    for inner in modules:
        own = os.path.join(inner, b".git")
        if os.path.isfile(own):
            os.unlink(own)
        else:
            shutil.rmtree(own, ignore_errors=True)
    shutil.rmtree(os.path.join(tree, ".git"))
    make_read_only(tree)
    put_in_place(tree, path, manifest, {"hash": head, "entries": entries})
    shutil.rmtree(partial)
    module.exit_json(changed=True, files=len(entries))


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Compares a Release with the list of its files that deploy_release wrote. Content must be equal; owner and modes are
put right. Reads every file: what was changed by a same-sized write is found, too."""

import hashlib
import json
import os
import stat

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: verify_release_compare
short_description: Compare a tree with its manifest
options:
  path: {type: path, required: true, description: The tree.}
  manifest: {type: path, required: true, description: The list of its files.}
  hash: {type: str, required: true, description: The commit that it must be of.}
"""

# A message is read by a person: the first of each kind show what happened.
SHOWN = 20


def blob_hash(path, mode, algorithm):
    """The name that git gives to this content."""
    digest = hashlib.new(algorithm)
    if stat.S_ISLNK(mode):
        target = os.fsencode(os.readlink(path))
        digest.update(b"blob %d\0" % len(target) + target)
        return digest.hexdigest()
    with open(path, "rb") as file:
        digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()


def is_same(path, wanted, algorithm):
    mode, blob = wanted
    actual = os.lstat(path).st_mode
    kind = stat.S_ISLNK if mode == "120000" else stat.S_ISREG
    return bool(kind(actual)) and blob_hash(path, actual, algorithm) == blob


def find_differences(tree, entries, algorithm):
    missing = sorted(path for path in entries if not os.path.lexists(os.path.join(tree, path)))
    changed = sorted(
        path
        for path, wanted in entries.items()
        if path not in missing and not is_same(os.path.join(tree, path), wanted, algorithm)
    )
    extra = []
    for folder, folders, files in os.walk(tree):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in files + links:
            path = os.path.relpath(os.path.join(folder, name), tree)
            if path not in entries:
                extra.append(path)
    return {"missing": missing, "changed": changed, "not of the commit": sorted(extra)}


def put_right(tree, entries, check_mode):
    """Owner and mode of everything; returns the paths that were wrong."""
    owner, group = os.geteuid(), os.getegid()
    wrong = []
    folders = [folder for folder, _folders, _files in os.walk(tree)]
    wanted = [(folder, 0o755) for folder in folders]
    wanted += [(os.path.join(tree, path), 0o555 if mode == "100755" else 0o444) for path, (mode, _) in entries.items()]
    for path, mode in wanted:
        found = os.lstat(path)
        own = (found.st_uid, found.st_gid) == (owner, group)
        if own and (stat.S_ISLNK(found.st_mode) or stat.S_IMODE(found.st_mode) == mode):
            continue
        wrong.append(os.path.relpath(path, tree))
        if check_mode:
            continue
        if not own:
            os.lchown(path, owner, group)
        if not stat.S_ISLNK(found.st_mode):
            os.chmod(path, mode)
    return wrong


def read_manifest(module):
    path, manifest, wanted = (module.params[name] for name in ("path", "manifest", "hash"))
    if not os.path.isdir(path) or not os.path.exists(manifest):
        module.fail_json(msg=f"The Release is not on this Server ({path}): run “Build” with this Server.")
    with open(manifest, encoding="ascii") as file:
        content = json.load(file)
    if content["hash"] != wanted:
        module.fail_json(msg=f"{manifest} is of another commit: remove {path} and run “Build” again.")
    return content["entries"]


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "manifest": {"type": "path", "required": True},
            "hash": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    tree = module.params["path"]
    entries = read_manifest(module)
    algorithm = "sha256" if len(module.params["hash"]) == 64 else "sha1"
    differences = find_differences(tree, entries, algorithm)
    if any(differences.values()):
        parts = [
            f"{kind}: {', '.join(paths[:SHOWN])}{f' and {len(paths) - SHOWN} more' if len(paths) > SHOWN else ''}"
            for kind, paths in differences.items()
            if paths
        ]
        module.fail_json(
            msg=f"The code on this Server is not that of commit {module.params['hash'][:12]}: {'; '.join(parts)}. "
            f"Find out who changed it, remove {tree}, and run “Build” again.",
            differences=differences,
        )
    wrong = put_right(tree, entries, module.check_mode)
    diff = {"before": "".join(f"{path}\n" for path in wrong), "after": "", "before_header": "wrong owner or mode"}
    module.exit_json(changed=bool(wrong), files=len(entries), put_right=wrong[:100], diff=diff if wrong else None)


if __name__ == "__main__":
    main()

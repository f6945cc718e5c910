#!/usr/bin/python
"""Makes a folder of the code a link to the Environment's files. What was committed there becomes its first files."""

import os
import pwd
import shutil

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: place_release_files
short_description: Link a folder of the code to the files
options:
  code: {type: path, required: true, description: The Environment's tree of the Release.}
  folder: {type: str, required: true, description: 'The folder, counted from the tree.'}
  environment: {type: path, required: true, description: Folder of the Environment.}
  user: {type: str, required: true, description: 'Unix user of the Environment, or nothing.'}
"""


class Refused(Exception):
    """Its text is for a person."""


def find_parent(code, folder):
    """Where the link goes. A link of the repository itself may lie on the way, but not lead out."""
    parent = os.path.dirname(os.path.join(code, folder))
    real = os.path.realpath(parent)
    if os.path.commonpath([real, os.path.realpath(code)]) != os.path.realpath(code):
        raise Refused(f"The folder {folder} of the code leads out of it.")
    if os.path.lexists(parent) and not os.path.isdir(parent):
        raise Refused(f"In the code, {os.path.dirname(folder)} is no folder, so uploads cannot be in {folder}.")
    return real


def is_done(link, target, owner):
    if not os.path.islink(link) or os.readlink(link) != target:
        return False
    return owner is None or os.lstat(link).st_uid == owner.pw_uid


def give(path, owner):
    if owner:
        os.lchown(path, owner.pw_uid, owner.pw_gid)
    if not os.path.islink(path):
        os.chmod(path, 0o750 if os.path.isdir(path) else 0o640)


def copy_first_files(source, environment, owner):
    """Only into files that are empty. A copy that was not finished counts for nothing, one that was is brought to its end."""
    partial, ready, files = (os.path.join(environment, name) for name in (".files.partial", ".files.ready", "files"))
    shutil.rmtree(partial, ignore_errors=True)
    if not os.path.exists(ready):
        if not os.path.isdir(source) or os.path.islink(source) or os.listdir(files):
            return
        shutil.copytree(source, partial, symlinks=True)
        for folder, folders, names in os.walk(partial):
            for name in folders + names:
                give(os.path.join(folder, name), owner)
        os.rename(partial, ready)
    for name in os.listdir(ready):
        if not os.path.lexists(os.path.join(files, name)):
            os.rename(os.path.join(ready, name), os.path.join(files, name))
    shutil.rmtree(ready)


def put_link(link, target, owner):
    if os.path.isdir(link) and not os.path.islink(link):
        shutil.rmtree(link)
    new = link + ".aegir-new"
    if os.path.lexists(new):
        os.unlink(new)
    os.symlink(target, new)
    # The web server follows a link only to what belongs to the owner of the link.
    if owner:
        os.lchown(new, owner.pw_uid, owner.pw_gid)
    os.rename(new, link)


def main():
    names = {"code": "path", "folder": "str", "environment": "path", "user": "str"}
    module = AnsibleModule(
        argument_spec={name: {"type": kind, "required": True} for name, kind in names.items()}, supports_check_mode=True
    )
    code, folder, environment, user = (module.params[name] for name in names)
    folder = os.path.normpath(folder)
    target = os.path.join(environment, "files")
    diff = {"before": "", "after": f"{os.path.join(code, folder)} -> {target}\n"}
    if module.check_mode and not (os.path.isdir(code) and os.path.isdir(target)):
        module.exit_json(changed=True, diff=diff)
    owner = pwd.getpwnam(user) if user else None
    try:
        parent = find_parent(code, folder)
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    link = os.path.join(parent, os.path.basename(folder))
    if is_done(link, target, owner):
        module.exit_json(changed=False)
    if not module.check_mode:
        try:
            os.makedirs(parent, mode=0o755, exist_ok=True)
            copy_first_files(link, environment, owner)
            put_link(link, target, owner)
        except (OSError, shutil.Error) as error:
            module.fail_json(msg=f"The files cannot be linked to {link}: {error}.")
    module.exit_json(changed=True, diff=diff)


if __name__ == "__main__":
    main()

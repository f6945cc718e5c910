#!/usr/bin/python
"""Says whether a Release is complete on this Server. If not, makes the folder to fetch it into, after removing what runs
that were killed have left: an empty repository that checks files out exactly as they were committed."""

import os
import shutil
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: deploy_release_begin
short_description: Begin to fetch a Release
options:
  path: {type: path, required: true, description: Where the Release is to be.}
  manifest: {type: path, required: true, description: The list of its files.}
  partial: {type: path, required: true, description: Folder to fetch into.}
  repository: {type: str, required: true, description: Address of the git repository.}
  deploy_key: {type: str, default: '', description: SSH private key.}
"""

PREFIX = ".partial-"
# Twice the timeout of this Task type: nothing that old is still being made.
OLD_SECONDS = 2 * 3600
# Neither line ends nor keywords nor filters change a file (the last would run programs that the repository names).
ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"


def remove_left(folder, partial):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if path == partial or (name.startswith(PREFIX) and time.time() - changed_at(path) > OLD_SECONDS):
            shutil.rmtree(path, ignore_errors=True)


def changed_at(path):
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        # Another run has just come to its end.
        return time.time()


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def begin(partial, repository, deploy_key):
    tree, template = os.path.join(partial, "tree"), os.path.join(partial, "template")
    os.mkdir(partial, 0o700)
    os.mkdir(tree)
    os.makedirs(os.path.join(template, "info"))
    write_private(os.path.join(template, "info", "attributes"), ATTRIBUTES)
    if deploy_key:
        write_private(os.path.join(partial, "key"), deploy_key.strip() + "\n")
    environment = dict(os.environ, LC_ALL="C", GIT_TEMPLATE_DIR=template)
    # Relative addresses of submodules count from the remote "origin".
    for command in (["init", "--quiet", "--initial-branch=aegir"], ["config", "remote.origin.url", repository]):
        subprocess.run(["git", *command], cwd=tree, env=environment, check=True, capture_output=True)


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "manifest": {"type": "path", "required": True},
            "partial": {"type": "path", "required": True},
            "repository": {"type": "str", "required": True},
            "deploy_key": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    path, manifest, partial = (module.params[name] for name in ("path", "manifest", "partial"))
    if os.path.isdir(path) and os.path.exists(manifest):
        module.exit_json(changed=False, complete=True)
    if module.check_mode:
        module.exit_json(changed=True, complete=False, diff={"before": "", "after": f"{path}\n"})
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    remove_left(folder, partial)
    try:
        begin(partial, module.params["repository"], module.params["deploy_key"])
    except FileNotFoundError:
        shutil.rmtree(partial, ignore_errors=True)
        module.fail_json(msg="git is not installed on this Server: run “Prepare” on it.")
    except subprocess.CalledProcessError as error:
        shutil.rmtree(partial, ignore_errors=True)
        module.fail_json(msg=f"git cannot begin a repository: {error.stderr.decode(errors='replace').strip()}")
    module.exit_json(changed=True, complete=False)


if __name__ == "__main__":
    main()

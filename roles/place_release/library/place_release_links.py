#!/usr/bin/python
"""Refuses a tree with symbolic links that lead out of it. Where they really lead counts: through other links, too."""

import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: place_release_links
short_description: Refuse links that lead out of a tree
options:
  path: {type: path, required: true, description: The tree.}
"""


def links_out_of(tree):
    root = os.path.realpath(tree)
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                continue
            target = os.readlink(path)
            inside = os.path.commonpath([root, os.path.realpath(path)]) == root
            if os.path.isabs(target) or not inside:
                yield f"{os.path.relpath(path, tree)} -> {target}"


def main():
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    outside = sorted(links_out_of(module.params["path"]))
    if outside:
        more = f" and {len(outside) - 20} more" if len(outside) > 20 else ""
        listed = ", ".join(outside[:20]) + more
        module.fail_json(msg=f"The code has symbolic links that lead out of it: {listed}. Take them out of the repository")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()

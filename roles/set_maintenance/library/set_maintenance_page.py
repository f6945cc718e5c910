#!/usr/bin/python
"""Makes or removes the file that closes a site. Its time says since when it is closed, by the clock of this machine alone."""

import os
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: set_maintenance_page
short_description: Show the maintenance page of a site
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  shown: {type: bool, required: true, description: Whether visitors get it.}
"""


def show(file):
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
    os.chmod(file, 0o644)


def take_away(file):
    since = os.lstat(file).st_mtime
    os.unlink(file)
    return round(max(time.time() - since, 0.1), 1)


def main():
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "shown": {"type": "bool", "required": True}},
        supports_check_mode=True,
    )
    folder, shown = module.params["path"], module.params["shown"]
    file = os.path.join(folder, "maintenance")
    if not os.path.isdir(folder):
        module.fail_json(msg=f"The folder {folder} is not on the Server. Run “Install” on the Environment, or delete it.")
    if os.path.lexists(file) == shown or module.check_mode:
        module.exit_json(changed=os.path.lexists(file) != shown)
    if shown:
        show(file)
        module.exit_json(changed=True)
    module.exit_json(changed=True, seconds=take_away(file))


if __name__ == "__main__":
    main()

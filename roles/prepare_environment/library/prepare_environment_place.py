#!/usr/bin/python
"""Makes an Environment's folder and, with root, a unix user of its own. What root will work on belongs to root: a site
cannot swap it for a link. The web server reads as a member of the user's group; other Environments' users cannot enter."""

import fcntl
import grp
import os
import pwd
import stat
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: prepare_environment_place
short_description: Make the place of an Environment
options:
  path: {type: path, required: true, description: Its folder.}
  user: {type: str, required: true, description: 'Name for its user; empty: none, all is ours.'}
  run: {type: str, required: true, description: Text of the program that runs its commands.}
"""

# useradd gives up when another one has /etc/passwd locked.
LOCK = "/run/lock/aegir-users.lock"
WEB_USER = "www-data"


class Refused(Exception):
    """Its text is for a person."""


def find(database, name):
    try:
        return database(name)
    except KeyError:
        return None


def run(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Refused(f"{argv[0]} failed: {done.stdout.decode(errors='replace').strip()}")


def make_user(user, home, check_mode):
    """What was done, in words."""
    done = []
    with open(LOCK, "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = find(pwd.getpwnam, user)
        if known and known.pw_dir != home:
            raise Refused(f"The unix user {user} exists, with another home folder. Rename it or the Environment.")
        if not known:
            done.append(f"user {user}")
            if check_mode:
                return done
            names = ["--home-dir", home, "--shell", "/usr/sbin/nologin", "--comment", "Environment of Aegir", user]
            run(["useradd", "--system", "--user-group", "--no-create-home", *names])
        if find(pwd.getpwnam, WEB_USER) and WEB_USER not in grp.getgrnam(user).gr_mem:
            done.append(f"{WEB_USER} in group {user}")
            if not check_mode:
                run(["gpasswd", "--add", WEB_USER, user])
    return done


def folders(path, user):
    """[(folder, owner, group, mode)]; None = nobody in particular."""
    root, group = ("root", user) if user else (None, None)
    own = [("files", 0o750), ("private", 0o700), ("home", 0o700), ("tmp", 0o700)]
    return [
        (os.path.dirname(path), root, root, 0o711),
        (path, root, group, 0o750),
        (os.path.join(path, "releases"), root, root, 0o755),
        (os.path.join(path, "bin"), root, root, 0o755),
        (os.path.join(path, "settings"), root, group, 0o750),
        *((os.path.join(path, name), group, group, mode) for name, mode in own),
    ]


def ids_of(owner, group):
    """None = whatever it is."""
    if not owner:
        return os.geteuid(), None
    user, own = find(pwd.getpwnam, owner), find(grp.getgrnam, group)
    # Nobody's: in a dry run, where the folder has outlived its user.
    return user.pw_uid if user else -1, own.gr_gid if own else -1


def make_folder(path, owner, group, mode, check_mode):
    known = os.lstat(path) if os.path.lexists(path) else None
    if known and not stat.S_ISDIR(known.st_mode):
        raise Refused(f"{path} is there and is no folder: remove it.")
    # In a dry run the user may not be there yet, and then the folder is neither.
    if check_mode and not known:
        return [path]
    if not known:
        # Several Environments may be the first ones of a Server at the same time.
        os.makedirs(path, mode=0o700, exist_ok=True)
    ids = ids_of(owner, group)
    now = os.lstat(path)
    fits = now.st_uid == ids[0] and ids[1] in (None, now.st_gid) and stat.S_IMODE(now.st_mode) == mode
    if fits:
        return []
    if not check_mode:
        if owner:
            os.lchown(path, *ids)
        os.chmod(path, mode)
    was = f" (was {now.st_uid}:{now.st_gid} {stat.S_IMODE(now.st_mode):04o})" if known else ""
    return [f"{path}{was}"]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def make_program(path, text, check_mode):
    if read(path) == text and stat.S_IMODE(os.stat(path).st_mode) == 0o755:
        return []
    if not check_mode:
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
    return [path]


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "run": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, user, check_mode = module.params["path"], module.params["user"], module.check_mode
    try:
        done = make_user(user, os.path.join(path, "home"), check_mode) if user else []
        for folder, owner, group, mode in folders(path, user):
            done += make_folder(folder, owner, group, mode, check_mode)
        done += make_program(os.path.join(path, "run"), module.params["run"], check_mode)
    except Refused as refusal:
        module.fail_json(msg=str(refusal))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or path} cannot be made: {error.strerror}.")
    diff = {"before": "", "after": "".join(f"{line}\n" for line in done)}
    module.exit_json(changed=bool(done), diff=diff if done else None)


if __name__ == "__main__":
    main()

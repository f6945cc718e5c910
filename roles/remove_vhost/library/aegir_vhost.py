#!/usr/bin/python
"""Writes or removes one site's file of a web server's configuration, so that the whole stays valid whatever happens:
one at a time on a Server (a file lock), the web server's own test before its reload, and the former file back when
the test fails. A journal lets the next one finish what a killed one began. The same file is in every role that uses it."""

import fcntl
import os
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: aegir_vhost
short_description: Write or remove one site of a web server
options:
  state: {type: str, choices: [present, absent], default: present, description: Whether the site is to be there.}
  file: {type: path, required: true, description: Its file.}
  content: {type: str, default: '', description: Its configuration.}
  names: {type: list, elements: str, default: [], description: The names that it answers to.}
  logs: {type: list, elements: path, default: [], description: Files that the web server makes for it while it is tested.}
  test: {type: list, elements: str, required: true, description: Command that tests the whole configuration.}
  reload: {type: list, elements: str, required: true, description: Command that has it take effect.}
"""

HEADER = "# aegir-names: "
JOURNAL = ".journal-"
# Both answer in well under a second; a minute is a disk or a machine in trouble.
COMMAND_SECONDS = 60


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text):
    temporary = os.path.join(os.path.dirname(path), f".new-{os.path.basename(path)}")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)


def put(path, text):
    """None = not there."""
    if text is not None:
        write(path, text)
    elif os.path.exists(path):
        os.unlink(path)


def journal_of(path):
    return os.path.join(os.path.dirname(path), JOURNAL + os.path.basename(path))


def begin(path, former):
    """From here to `end` the file may be one that was never tested. First character: was there a former file."""
    write(journal_of(path), "-" if former is None else "+" + former)


def end(path):
    os.unlink(journal_of(path))


def undo_killed(folder):
    """We hold the lock: whoever wrote a journal is gone. Returns whether there was one, as its reload may be missing."""
    found = [name for name in os.listdir(folder) if name.startswith(JOURNAL)]
    for name in found:
        kept = read(os.path.join(folder, name))
        if kept:
            put(os.path.join(folder, name[len(JOURNAL) :]), kept[1:] if kept[0] == "+" else None)
        os.unlink(os.path.join(folder, name))
    return bool(found)


def taken_names(path, names):
    """[(name, whose)] of names that another site of this web server has."""
    folder, own = os.path.split(path)
    suffix = os.path.splitext(path)[1]
    taken = []
    for other in sorted(os.listdir(folder)):
        if other == own or other.startswith(".") or not other.endswith(suffix):
            continue
        first = (read(os.path.join(folder, other)) or "").split("\n", 1)[0]
        theirs = first[len(HEADER) :].split() if first.startswith(HEADER) else []
        taken += [(name, other[: -len(suffix)]) for name in names if name in theirs]
    return taken


def run(argv):
    """(succeeded, its words)"""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_SECONDS
        )
    except FileNotFoundError:
        return False, f"{argv[0]} is not installed: run “Prepare” on the Server."
    except subprocess.TimeoutExpired:
        return False, f"{argv[0]} did not answer within {COMMAND_SECONDS} seconds."
    return done.returncode == 0, done.stdout.decode(errors="replace")


def essence(words):
    """The lines that say what is wrong; a web server says much else."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if "[emerg]" in line or "[error]" in line or line.startswith("Error:")]
    return " ".join(telling or lines[-5:])


def conflicts(words, names):
    return [line for line in words.splitlines() if "conflicting server name" in line and any(f'"{n}"' in line for n in names)]


def take_back(path, former, logs):
    put(path, former)
    end(path)
    for log in logs:
        if os.path.exists(log):
            os.unlink(log)


def change(module, path, former, wanted):
    names = module.params["names"]
    fresh_logs = [log for log in module.params["logs"] if not os.path.exists(log)]
    begin(path, former)
    put(path, wanted)
    fine, words = run(module.params["test"])
    refused = essence(words) if not fine else " ".join(conflicts(words, names))
    if refused:
        take_back(path, former, fresh_logs)
        back = "The file was taken away again" if former is None else "The former file is back"
        module.fail_json(msg=f"The web server refuses this site's configuration: {refused} ({back}; other sites go on.)")
    fine, words = run(module.params["reload"])
    if not fine:
        take_back(path, former, fresh_logs)
        run(module.params["reload"])
        module.fail_json(msg=f"The web server could not be reloaded, and the former configuration is back: {essence(words)}")
    end(path)


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "file": {"type": "path", "required": True},
            "content": {"type": "str", "default": ""},
            "names": {"type": "list", "elements": "str", "default": []},
            "logs": {"type": "list", "elements": "path", "default": []},
            "test": {"type": "list", "elements": "str", "required": True},
            "reload": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, names = module.params["file"], module.params["names"]
    folder = os.path.dirname(path)
    present = module.params["state"] == "present"
    if not os.path.isdir(folder):
        if present and not module.check_mode:
            module.fail_json(msg=f"The folder {folder} is not there: run “Prepare” on the Server.")
        module.exit_json(changed=present)
    wanted = f"{HEADER}{' '.join(names)}\n{module.params['content'].rstrip()}\n" if present else None
    with open(os.path.join(folder, ".lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unfinished = undo_killed(folder) if not module.check_mode else False
        taken = taken_names(path, names)
        if taken:
            listed = ", ".join(f"{name} (of the Environment {whose})" for name, whose in taken)
            module.fail_json(msg=f"On this Server another site has the name {listed}. Choose another name.")
        former = read(path)
        diff = {"before_header": path, "after_header": path, "before": former or "", "after": wanted or ""}
        changed = former != wanted
        if (changed or unfinished) and not module.check_mode:
            change(module, path, former, wanted)
        module.exit_json(changed=changed, diff=diff)


if __name__ == "__main__":
    main()

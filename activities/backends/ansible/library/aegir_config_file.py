#!/usr/bin/python
"""Writes or removes one file of a service's configuration so that the whole stays valid whatever happens: one at a time
in a folder (a file lock), the service's own test before its reload, and the former file back when one of them fails."""

from __future__ import annotations

DOCUMENTATION = """
module: aegir_config_file
short_description: Write or remove one file of a service's configuration
description:
  - The file is written, the service tests its whole configuration, then it is reloaded; when the test or the reload
    fails the former file is back. What a killed run left untested is undone by the next one in the same folder.
  - A file of secrets needs no_log and diff=false on the task; it is never readable by others, also not for a moment.
options:
  state: {description: Whether the file is to be there., type: str, choices: [present, absent], default: present}
  file: {description: The file., type: path, required: true}
  content: {description: Its text., type: str, default: ''}
  source: {description: File on the Server whose text it gets instead. It is not shown in differences., type: path}
  owner: {description: Its owner., type: str}
  group: {description: Its group., type: str}
  mode: {description: Its mode., type: raw, default: '0644'}
  names: {description: Names that no other file of this folder may claim (a first line "# aegir-names:" keeps them)., type: list, elements: str, default: []}
  logs: {description: Files that the test makes; those made by a refused configuration are removed., type: list, elements: path, default: []}
  test: {description: Command that tests the whole configuration; none = no test., type: list, elements: str, default: []}
  reload: {description: Command that has it take effect; none = nothing., type: list, elements: str, default: []}
  lock: {description: File of the lock, one and the same for all files of a folder. Default .lock in that folder., type: path}
"""

EXAMPLES = """
- name: Write the pool
  aegir_config_file:
    file: /etc/php/8.2/fpm/pool.d/shop.conf
    content: "{{ lookup('ansible.builtin.template', 'pool.conf.j2') }}"
    test: [/usr/sbin/php-fpm8.2, -t]
    reload: [systemctl, reload-or-restart, php8.2-fpm]
"""

import contextlib
import fcntl
import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule

HEADER = "# aegir-names: "
# Beside a file: the next one to be renamed into its place; the former one, kept until the change is over; a mark that
# there was none. The suffix keeps them out of patterns like *.conf.
NEXT, FORMER, FRESH = ".aegir-next", ".aegir-former", ".aegir-fresh"
# Tests and reloads answer in well under a second; a minute is a disk or a machine in trouble.
COMMAND_SECONDS = 60


def beside(path, suffix):
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}{suffix}")


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def write_next(module, path, text):
    """The file with its owner and mode, complete, under another name."""
    following = beside(path, NEXT)
    remove(following)
    try:
        with os.fdopen(os.open(following, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=following), False)
    except BaseException:
        remove(following)
        raise


def put(module, path, text):
    """None = not there. Until `finish` it can be taken back, also after a kill."""
    if text is not None:
        write_next(module, path, text)
    if os.path.exists(path):
        os.link(path, beside(path, FORMER))
    else:
        open(beside(path, FRESH), "w", encoding="ascii").close()
    if text is not None:
        os.rename(beside(path, NEXT), path)
    else:
        remove(path)


def finish(path):
    remove(beside(path, FORMER))
    remove(beside(path, FRESH))


def take_back(path):
    if os.path.exists(beside(path, FRESH)):
        remove(path)
    elif os.path.exists(beside(path, FORMER)):
        os.rename(beside(path, FORMER), path)
    # Also where a rename of one link onto another of the same file did nothing.
    finish(path)


def undo_killed(folder):
    """We hold the lock: whoever left these is gone. True = the service may not have heard of the file that is there."""
    found = set()
    for name in os.listdir(folder):
        for suffix in (FORMER, FRESH):
            if name.startswith(".") and name.endswith(suffix):
                found.add(os.path.join(folder, name[1 : -len(suffix)]))
        if name.startswith(".") and name.endswith(NEXT):
            remove(os.path.join(folder, name))
    for path in found:
        take_back(path)
    return bool(found)


def taken_names(path, names):
    """[(name, whose)] of names that another file of the folder claims."""
    folder, own = os.path.split(path)
    suffix = os.path.splitext(path)[1]
    taken = []
    for other in sorted(os.listdir(folder)) if names else []:
        if other == own or other.startswith(".") or not other.endswith(suffix) or os.path.isdir(os.path.join(folder, other)):
            continue
        first = (read(os.path.join(folder, other)) or "").split("\n", 1)[0]
        theirs = first[len(HEADER) :].split() if first.startswith(HEADER) else []
        taken += [(name, other[: -len(suffix)]) for name in names if name in theirs]
    return taken


def run(argv):
    """(succeeded, its words)"""
    if not argv:
        return True, ""
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
    """The lines that say what is wrong; a service says much else."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    marks = ("[emerg]", "[error]", "ERROR:")
    telling = [line for line in lines if any(mark in line for mark in marks) or line.startswith("Error:")]
    return " ".join(telling or lines[-5:])


def conflicts(words, names):
    """nginx only warns of a name that somebody else's file has, and then answers by the other one."""
    return [line for line in words.splitlines() if "conflicting server name" in line and any(f'"{n}"' in line for n in names)]


def others_of(words, path, folder):
    """The files that these words name, each with the file of the folder that uses it: "x (of the Environment y)"."""
    named = [name for name in dict.fromkeys(re.findall(r"/[^\s\"':;()]+", words)) if name != path and os.path.isfile(name)]
    texts = {
        os.path.splitext(entry)[0]: (os.path.join(folder, entry), read(os.path.join(folder, entry)) or "")
        for entry in sorted(os.listdir(folder))
        if not entry.startswith((".", "_")) and os.path.isfile(os.path.join(folder, entry))
    }
    found = []
    for name in named:
        owners = [whose for whose, (file, text) in texts.items() if file == name or name in text]
        found.append(f"{name} (of the Environment {', '.join(owners)})" if owners else name)
    return found


def blamed_others(module, path):
    """We have taken our file back: when the whole is refused all the same, it is because of these."""
    fine, words = run(module.params["test"])
    return [] if fine else others_of(words, path, os.path.dirname(module.params["lock"] or path))


def change(module, path, wanted):
    options = module.params
    fresh = not os.path.exists(path)
    fresh_logs = [log for log in options["logs"] if not os.path.exists(log)]
    put(module, path, wanted)
    fine, words = run(options["test"])
    refused = essence(words) if not fine else " ".join(conflicts(words, options["names"]))
    program = os.path.basename((options["test"] or options["reload"] or ["The service"])[0])
    if refused:
        take_back(path)
        others = blamed_others(module, path)
        for log in fresh_logs:
            remove(log)
        back = "The file was taken away again" if fresh else "The former file is back"
        end = f"({back}; the service goes on as before.)"
        if others:
            end = (
                f"That is not because of this change, which was taken back, but of {', '.join(others)}: put that right first"
                " (“Install” or “Get certificates” on its Environment), then run this again. The service goes on as before."
            )
        module.fail_json(msg=f"{program} refuses the configuration: {refused} {end}")
    fine, words = run(options["reload"])
    if not fine:
        take_back(path)
        run(options["reload"])
        module.fail_json(msg=f"The service could not be reloaded, and the former configuration is back: {essence(words)}")
    finish(path)


def wanted_text(options):
    if options["state"] == "absent":
        return None
    if options["source"]:
        return read(options["source"])
    header = f"{HEADER}{' '.join(options['names'])}\n" if options["names"] else ""
    return f"{header}{options['content'].rstrip()}\n"


def apply(module, path, wanted):
    unfinished = not module.check_mode and undo_killed(os.path.dirname(path))
    taken = taken_names(path, module.params["names"])
    if taken:
        listed = ", ".join(f"{name} (of the Environment {whose})" for name, whose in taken)
        module.fail_json(msg=f"On this Server another site has the name {listed}. Choose another name.")
    former = read(path)
    diff = {"before_header": path, "after_header": path, "before": former or "", "after": wanted or ""}
    if module.params["source"]:
        diff = {}
    changed = former != wanted
    if wanted is not None and not changed:
        changed = module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=path), changed)
    if (former != wanted or unfinished) and not module.check_mode:
        change(module, path, wanted)
    module.exit_json(changed=changed, diff=diff)


def main():
    texts = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "file": {"type": "path", "required": True},
            "content": {"type": "str", "default": ""},
            "source": {"type": "path"},
            "mode": {"type": "raw", "default": "0644"},
            "names": texts,
            "logs": {"type": "list", "elements": "path", "default": []},
            "test": texts,
            "reload": texts,
            "lock": {"type": "path"},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    path = module.params["file"]
    folder = os.path.dirname(path)
    present = module.params["state"] == "present"
    if not os.path.isdir(folder):
        if present and not module.check_mode:
            module.fail_json(msg=f"The folder {folder} is not there: run “Prepare” on the Server, or “Install”, first.")
        module.exit_json(changed=present)
    wanted = wanted_text(module.params)
    if present and wanted is None:
        if not module.check_mode:
            module.fail_json(msg=f"{module.params['source']} is not there.")
        module.exit_json(changed=True)
    if module.check_mode:
        apply(module, path, wanted)
    with open(module.params["lock"] or os.path.join(folder, ".lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        apply(module, path, wanted)


if __name__ == "__main__":
    main()

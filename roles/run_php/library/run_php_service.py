#!/usr/bin/python
"""Runs an Environment's PHP-FPM with a configuration that is tested before it takes effect. When PHP does not come up with
it, the former configuration is put back and goes on."""

import grp
import hashlib
import os
import shutil
import socket
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: run_php_service
short_description: Configure and run the PHP of an Environment
options:
  unit: {type: str, required: true, description: Name of its systemd unit.}
  unit_text: {type: str, required: true, description: Text of the unit.}
  settings: {type: path, required: true, description: Folder of the Environment's settings.}
  group: {type: str, required: true, description: Group that may read them.}
  pool: {type: str, required: true, description: Text of php-fpm.conf.}
  ini: {type: str, required: true, description: Text of aegir.ini.}
  run: {type: path, required: true, description: Program that runs commands as the Environment does.}
  program: {type: path, required: true, description: The PHP-FPM of the version.}
  socket: {type: path, required: true, description: Where it is to answer.}
"""

UNITS = "/etc/systemd/system"
POOL, INI = "php-fpm.conf", "php/aegir.ini"
# A start takes a tenth of a second; a machine under load takes some more.
START_SECONDS = 20


class Refused(Exception):
    """Its text is for a person."""


def run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


class Service:
    def __init__(self, options):
        self.options = options
        self.unit_file = os.path.join(UNITS, options["unit"])
        self.files = {
            self.unit_file: options["unit_text"],
            os.path.join(options["settings"], POOL): options["pool"],
            os.path.join(options["settings"], INI): options["ini"],
        }
        self.former = {path: read(path) for path in self.files}
        self.different = [path for path, text in self.files.items() if self.former[path] != text]
        # Says with what the service was started last; a run that was killed half-way leaves none.
        self.mark = os.path.join(options["settings"], "php", ".applied")
        self.marked = hashlib.sha256("\0".join(self.files.values()).encode()).hexdigest()

    def is_active(self):
        return run("systemctl", "is-active", "--quiet", self.options["unit"])[0] == 0

    def is_applied(self):
        enabled = run("systemctl", "is-enabled", "--quiet", self.options["unit"])[0] == 0
        return not self.different and read(self.mark) == self.marked and enabled and self.is_active()

    def write(self, path, text):
        new = path + ".new"
        with open(new, "w", encoding="utf-8") as file:
            file.write(text)
        own = path != self.unit_file
        os.chown(new, 0, grp.getgrnam(self.options["group"]).gr_gid if own else 0)
        os.chmod(new, 0o640 if own else 0o644)
        os.rename(new, path)

    def make_folder(self, path):
        os.makedirs(path, exist_ok=True)
        os.chown(path, 0, grp.getgrnam(self.options["group"]).gr_gid)
        os.chmod(path, 0o750)

    def test(self):
        """Beside the files in use, and as the Environment's user, as it will run."""
        staged = os.path.join(self.options["settings"], ".staged")
        shutil.rmtree(staged, ignore_errors=True)
        try:
            self.make_folder(staged)
            self.make_folder(os.path.join(staged, "php"))
            self.write(os.path.join(staged, POOL), self.options["pool"])
            self.write(os.path.join(staged, INI), self.options["ini"])
            flags = ["--test", "--fpm-config", os.path.join(staged, POOL)]
            scan = f"PHP_INI_SCAN_DIR=:{staged}/php"
            code, words = run(self.options["run"], "env", scan, self.options["program"], *flags)
            # Of an ini file that it cannot read PHP only complains.
            if code != 0 or "syntax error" in words:
                raise Refused(f"PHP refuses its configuration, and nothing was changed. It says: {words[-1500:]}")
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def apply(self):
        restart = self.unit_file in self.different or not self.different or not self.is_active()
        self.make_folder(os.path.dirname(self.mark))
        if os.path.exists(self.mark):
            os.unlink(self.mark)
        for path in self.different:
            self.write(path, self.files[path])
        words = self.start(restart)
        if words is not None:
            raise Refused(f"{self.take_back()} PHP does not come up. Its last words: {words[-1500:] or 'none'}")
        self.write(self.mark, self.marked)

    def start(self, restart):
        """None, or the last words when it does not come up."""
        unit, since = self.options["unit"], f"@{int(time.time())}"
        if self.unit_file in self.different:
            run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", unit)
        code, words = run("systemctl", "--quiet", "enable", unit)
        if code == 0:
            code, words = run("systemctl", "restart" if restart else "reload", unit)
        if code == 0 and self.answers():
            return None
        journal = ["--unit", unit, "--since", since, "--lines", "15", "--no-pager", "--output", "cat"]
        return run("journalctl", *journal)[1] or words

    def answers(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(self.options["socket"])
                    if self.is_active():
                        return True
                except OSError:
                    pass
            time.sleep(0.1)
        return False

    def take_back(self):
        existed = self.former[self.unit_file] is not None
        if not existed:
            run("systemctl", "--quiet", "disable", "--now", self.options["unit"])
        for path in self.different:
            if self.former[path] is None:
                os.unlink(path)
            else:
                self.write(path, self.former[path])
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", self.options["unit"])
        if not existed:
            return "There is no PHP for this Environment yet, and nothing of it was left."
        code = run("systemctl", "restart", self.options["unit"])[0]
        return "The former configuration is back and runs." if code == 0 else "The former configuration is back, and does not run either."

    def diff(self):
        text = lambda values: "".join(f"# {path}\n{values[path] or ''}" for path in self.different)
        if self.different:
            return {"before": text(self.former), "after": text(self.files)}
        runs = "runs, with another configuration or not after a restart of the machine" if self.is_active() else "does not run"
        unit = self.options["unit"]
        return {"before": f"{unit} {runs}\n", "after": f"{unit} runs with this configuration, also after a restart\n"}


def main():
    names = ("unit", "unit_text", "group", "pool", "ini")
    paths = ("settings", "run", "program", "socket")
    spec = {name: {"type": "str", "required": True} for name in names}
    spec.update({name: {"type": "path", "required": True} for name in paths})
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    service = Service(module.params)
    if service.is_applied():
        module.exit_json(changed=False)
    if not module.check_mode:
        try:
            service.test()
            service.apply()
        except Refused as refusal:
            module.fail_json(msg=str(refusal))
        except OSError as error:
            module.fail_json(msg=f"The configuration of PHP cannot be written: {error.strerror}. What ran goes on.")
    module.exit_json(changed=True, diff=service.diff())


if __name__ == "__main__":
    main()

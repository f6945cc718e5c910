#!/usr/bin/python
"""Writes a consistent copy of a database into a file, and counts its rows. The site goes on meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess

from ansible.module_utils.aegir_mariadb import SANDBOX, DatabaseFailure, OPTIONS, client_options, dump_program, explain
from ansible.module_utils.aegir_secret_file import SecretFiles
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: dump_database_write
short_description: Write a dump of a database
options:
  folder: {type: path, required: true, description: 'Folder for it, made for root alone.'}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
"""

NAME = 'database.sql'
GONE = 'The folder of the Environment, %s, is gone: nothing can be copied.'
# One snapshot without locks; rows as they come, so that memory stays bounded; bytes that are no text as hexadecimal digits.
FLAGS = ['--single-transaction', '--quick', '--skip-lock-tables', '--triggers', '--hex-blob', '--skip-dump-date']
END = b'-- Dump completed'
CREATE = re.compile(rb'^CREATE TABLE `((?:[^`]|``)+)`')
INSERT = re.compile(rb'^INSERT INTO `((?:[^`]|``)+)` VALUES')


class Dump:
    """Takes the lines of mariadb-dump, which writes each row on a line of its own."""

    def __init__(self, output):
        self._output = output
        self._hash = hashlib.sha256()
        self._table = None
        self.bytes = 0
        self.tables = {}
        self.complete = False

    def take(self, line):
        if self.bytes == 0 and SANDBOX.match(line):
            return
        self._output.write(line)
        self._hash.update(line)
        self.bytes += len(line)
        self._count(line)
        self.complete = line.startswith(END)

    def _count(self, line):
        made = CREATE.match(line)
        if made:
            self.tables[name_of(made)] = 0
        started = INSERT.match(line)
        if started:
            self._table = name_of(started)
        # The first row may stand behind the words.
        if self._table and (line[started.end():].lstrip() if started else line).startswith(b'('):
            self.tables[self._table] += 1
        if self._table and line.rstrip().endswith(b';'):
            self._table = None

    def result(self):
        return {'bytes': self.bytes, 'sha256': self._hash.hexdigest(), 'tables': self.tables}


def name_of(found):
    return found.group(1).replace(b'``', b'`').decode(errors='replace')


def dump(module, draft):
    database = module.params['database']
    program = dump_program()
    with SecretFiles() as files, open(draft, 'wb', opener=private) as output:
        options = client_options(database, module.params['password'], files)
        argv = [program, '--defaults-file=' + options, *FLAGS, '--', database['name']]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=files.fds)
        taken = Dump(output)
        for line in process.stdout:
            taken.take(line)
        words = process.stderr.read().decode(errors='replace')
        if process.wait() != 0:
            raise DatabaseFailure('The database was not copied. ' + explain(words, database))
        if not taken.complete:
            raise DatabaseFailure('The dump of the database is cut off: its last line is missing.')
        output.flush()
        os.fsync(output.fileno())
    return taken.result()


def private(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def main():
    module = AnsibleModule(argument_spec={'folder': {'type': 'path', 'required': True}, **OPTIONS}, supports_check_mode=True)
    folder = module.params['folder']
    file = os.path.join(folder, NAME)
    draft = file + '.new'
    if module.check_mode:
        module.exit_json(changed=False, dump={}, msg='nothing is written in a dry run')
    try:
        if not os.path.isdir(os.path.dirname(folder)):
            raise DatabaseFailure(GONE % os.path.dirname(folder))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not module.params['database']:
            if os.path.exists(file):
                os.remove(file)
            module.exit_json(changed=False, dump={})
        result = dump(module, draft)
        os.rename(draft, file)
    except (DatabaseFailure, OSError) as failure:
        if os.path.exists(draft):
            os.remove(draft)
        full = getattr(failure, 'errno', None) == 28
        words = 'The disk of the web Server is full; the database was not copied.' if full else str(failure)
        module.fail_json(msg=words)
    module.exit_json(changed=False, dump=result)


if __name__ == '__main__':
    main()

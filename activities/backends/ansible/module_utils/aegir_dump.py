"""Dumps a database as one consistent copy, and counts the rows of its tables. The site goes on meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess

from ansible.module_utils.aegir_mariadb import ADVICE, SANDBOX, DatabaseFailure, client_options, dump_program, explain
from ansible.module_utils.aegir_secret_file import SecretFiles

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


def write_dump(database, password, output, tables=(), advice=ADVICE):
    """Bytes, checksum and rows of each table. @param tables only these; empty: all."""
    program = dump_program()
    with SecretFiles() as files:
        options = client_options(database, password, files)
        argv = [program, '--defaults-file=' + options, *FLAGS, '--', database['name'], *tables]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=files.fds)
        taken = Dump(output)
        for line in process.stdout:
            taken.take(line)
        words = process.stderr.read().decode(errors='replace')
        if process.wait() != 0:
            raise DatabaseFailure('The database was not copied. ' + explain(words, database, advice))
    if not taken.complete:
        raise DatabaseFailure('The dump of the database is cut off: its last line is missing.')
    output.flush()
    os.fsync(output.fileno())
    return taken.result()

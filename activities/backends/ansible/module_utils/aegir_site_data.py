"""Puts database and files of a site into place from what lies unpacked below its folder. The files change by a renaming, so that
a site never sees half of them; root never writes where the site could have put a link."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile

from ansible.module_utils.aegir_mariadb import client_options, failure_of
from ansible.module_utils.aegir_secret_file import SecretFiles

TREES = ['files', 'private']
# Views and triggers name the account that made them; the one that restores them is theirs from then on.
DEFINER = re.compile(rb'DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`')
# What a restored file may be, whatever is said of it: no bits that give the rights of another user.
MODE = 0o777

LONGEST_ERROR = 1000
DIFFERS = 'table %s has %d rows, the manifest says %d'


class Place:
    """Paths below the Environment's folder, which belongs to root: the site cannot rename what lies directly in it."""

    def __init__(self, path):
        self.path = path
        self.fetched = os.path.join(path, 'restore')
        self.dump = os.path.join(self.fetched, 'backup', 'database.sql')

    def former(self, tree):
        return os.path.join(self.path, tree + '.before')

    def clear(self):
        shutil.rmtree(self.fetched, ignore_errors=True)
        os.mkdir(self.fetched, 0o700)


def give(tree, user):
    """All of it belongs to the site then. It lies in a folder of root's still: nobody swaps anything meanwhile."""
    owner = pwd.getpwnam(user) if user else None
    for place, folders, files in os.walk(tree):
        for path in [place, *(os.path.join(place, name) for name in files + folders)]:
            mode = os.lstat(path).st_mode
            if owner:
                os.lchown(path, owner.pw_uid, owner.pw_gid)
            if not stat.S_ISLNK(mode):
                os.chmod(path, stat.S_IMODE(mode) & MODE)


def swap_files(place, user):
    """Trees whose former ones are kept beside them until the rest has come to its end."""
    swapped = []
    for tree in TREES:
        source, target = os.path.join(place.fetched, tree), os.path.join(place.path, tree)
        if not os.path.isdir(source):
            continue
        give(source, user)
        if os.path.isdir(target):
            os.chmod(source, stat.S_IMODE(os.stat(target).st_mode))
            shutil.rmtree(place.former(tree), ignore_errors=True)
            os.rename(target, place.former(tree))
        os.rename(source, target)
        swapped.append(tree)
    return swapped


def swap_back(place, trees):
    for tree in trees:
        if os.path.isdir(place.former(tree)):
            shutil.rmtree(os.path.join(place.path, tree))
            os.rename(place.former(tree), os.path.join(place.path, tree))


def forget_former(place, trees):
    for tree in trees:
        shutil.rmtree(place.former(tree), ignore_errors=True)
    shutil.rmtree(place.fetched)


class Client:
    """@param user who runs MariaDB's client; empty: who we are. Somebody else's SQL is nothing for root."""

    def __init__(self, database, password, user=''):
        self._database, self._password, self._user = database, password, user

    def run(self, source, feed=None, flags=()):
        """Lines of the answer. `source`: SQL, or with `feed` a function that writes it."""
        with SecretFiles() as files:
            options = client_options(self._database, self._password, files)
            argv = ['mariadb', '--defaults-file=' + options, '--batch', '--skip-column-names', *flags, '--', self._database['name']]
            # Not pipes: with an error it shows the whole statement, megabytes of it, while it is still being fed.
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as words:
                process = subprocess.Popen(
                    argv, stdin=subprocess.PIPE, stdout=out, stderr=words, pass_fds=files.fds, **self._as_user(files), cwd='/',
                )
                try:
                    (feed or (lambda stream: stream.write(source.encode())))(process.stdin)
                    process.stdin.close()
                except BrokenPipeError:
                    # It says why.
                    pass
                if process.wait() != 0:
                    raise failure_of(errors_in(words), self._database)
                out.seek(0)
                return out.read().decode(errors='replace').splitlines()

    def _as_user(self, files):
        if not self._user:
            return {}
        owner = pwd.getpwnam(self._user)
        for descriptor in files.fds:
            os.fchown(descriptor, owner.pw_uid, owner.pw_gid)

        def become():
            os.setgroups([])
            os.setgid(owner.pw_gid)
            os.setuid(owner.pw_uid)

        return {'preexec_fn': become}

    def empty(self):
        found = self.run('SELECT TABLE_TYPE, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE();')
        kinds = {'VIEW': 'VIEW', 'BASE TABLE': 'TABLE', 'SEQUENCE': 'SEQUENCE'}
        rows = [line.split('\t', 1) for line in found]
        drops = ['DROP %s IF EXISTS %s;' % (kinds[kind], quoted(name)) for kind, name in rows if kind in kinds]
        self.run('SET FOREIGN_KEY_CHECKS = 0;\n' + '\n'.join(drops))

    def load(self, dump):
        def feed(stream):
            with open(dump, 'rb') as file:
                for line in file:
                    stream.write(DEFINER.sub(b'DEFINER=CURRENT_USER', line) if line.startswith(b'/*!5') else line)

        self.run(None, feed)

    def differing(self, tables):
        """Tables that have not the rows that the manifest says, in words."""
        if not tables:
            return []
        counts = ['SELECT %s, COUNT(*) FROM %s;' % (text(name), quoted(name)) for name in tables]
        found = dict(line.rsplit('\t', 1) for line in self.run('\n'.join(counts)))
        return [DIFFERS % (name, int(found[name]), rows) for name, rows in sorted(tables.items()) if int(found[name]) != rows]


def errors_in(file):
    """Without what stood in the statement, which is the site's."""
    file.seek(0)
    return ' '.join(line[:LONGEST_ERROR].decode(errors='replace').strip() for line in file if line.startswith(b'ERROR'))


def quoted(name):
    return '`%s`' % name.replace('`', '``')


def text(name):
    return "'%s'" % name.replace('\\', '\\\\').replace("'", "''")

#!/usr/bin/python
"""Brings database and files of a site back to what a snapshot has. The files change by a renaming, so that a site never sees
half of them; root never writes where the site could have put a link."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shutil
import stat
import subprocess

from ansible.module_utils.aegir_mariadb import DatabaseFailure, client_options, explain
from ansible.module_utils.aegir_restic import OPTIONS, Repository, StoreFailure
from ansible.module_utils.aegir_secret_file import SecretFiles
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: restore_backup_load
short_description: Bring a site back to a snapshot
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  user: {type: str, default: '', description: 'Its unix user; empty: the files stay ours.'}
  snapshot: {type: str, required: true, description: Its id.}
  parts: {type: list, elements: str, required: true, description: 'database, files.'}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

TREES = ['files', 'private']
# Views and triggers name the account that made them; the one that restores them is theirs from then on.
DEFINER = re.compile(rb'DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`')
# What a restored file may be, whatever the snapshot says: no bits that give the rights of another user.
MODE = 0o777


class Refused(Exception):
    """Its text is for a person."""


class Place:
    """Paths below the Environment's folder, which belongs to root: the site cannot rename what lies directly in it."""

    def __init__(self, path):
        self.path = path
        self.fetched = os.path.join(path, 'restore')
        self.dump = os.path.join(self.fetched, 'backup', 'database.sql')
        self.maintenance = os.path.join(path, 'maintenance')

    def former(self, tree):
        return os.path.join(self.path, tree + '.before')


def fetch(repository, snapshot, place):
    """The manifest; all that it names lies in `place.fetched` as it was put into the store."""
    shutil.rmtree(place.fetched, ignore_errors=True)
    os.mkdir(place.fetched, 0o700)
    needed = sum(entry.get('size', 0) for entry in repository.entries(snapshot))
    free = shutil.disk_usage(place.path).free
    if needed > free:
        raise Refused('The disk of the web Server has room for %d MB, the backup needs %d MB. Nothing was changed.'
                      % (free >> 20, needed >> 20))
    repository.restore(snapshot, place.fetched)
    try:
        with open(os.path.join(place.fetched, 'backup', 'manifest.json'), encoding='utf-8') as file:
            manifest = json.load(file)
    except (OSError, ValueError) as error:
        raise Refused('The backup has no readable manifest (%s). Nothing was changed.' % error) from None
    if manifest.get('database') and hash_file(place.dump) != manifest['database']['sha256']:
        raise Refused('The dump in the backup is not the one of its manifest. Nothing was changed.')
    return manifest


def hash_file(path):
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        for piece in iter(lambda: file.read(1 << 20), b''):
            found.update(piece)
    return found.hexdigest()


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


class Client:
    def __init__(self, database, password):
        self._database, self._password = database, password

    def run(self, source, feed=None):
        """Lines of the answer. `source`: SQL, or with `feed` a function that writes it."""
        with SecretFiles() as files:
            options = client_options(self._database, self._password, files)
            argv = ['mariadb', '--defaults-file=' + options, '--batch', '--skip-column-names', '--', self._database['name']]
            pipe = subprocess.PIPE
            process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=files.fds)
            try:
                (feed or (lambda stream: stream.write(source.encode())))(process.stdin)
            except BrokenPipeError:
                # It says why.
                pass
            out, words = process.communicate()
        if process.returncode != 0:
            raise DatabaseFailure(explain(words.decode(errors='replace'), self._database))
        return out.decode(errors='replace').splitlines()

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
        """Tables that have not the rows that the manifest says."""
        if not tables:
            return []
        counts = ['SELECT %s, COUNT(*) FROM %s;' % (text(name), quoted(name)) for name in tables]
        found = dict(line.rsplit('\t', 1) for line in self.run('\n'.join(counts)))
        return [name for name, rows in tables.items() if int(found.get(name, -1)) != rows]


def quoted(name):
    return '`%s`' % name.replace('`', '``')


def text(name):
    return "'%s'" % name.replace('\\', '\\\\').replace("'", "''")


def load_database(place, database, password, manifest):
    if not manifest.get('database'):
        raise Refused('The backup has no database. Choose the files only.')
    if not database:
        raise Refused('The Environment has no database. Choose the files only, or run “Install” on it.')
    client = Client(database, password)
    client.run('SELECT 1;')
    client.empty()
    client.load(place.dump)
    wrong = client.differing(manifest['database']['tables'])
    if wrong:
        raise Refused('These tables have other rows than the backup: %s.' % ', '.join(sorted(wrong)[:20]))


def restore(module):
    options = module.params
    place, parts = Place(options['path']), options['parts']
    manifest = fetch(Repository(module), options['snapshot'], place)
    if 'database' in parts and manifest.get('database') and not options['database']:
        raise Refused('The Environment has no database. Choose the files only, or run “Install” on it.')
    swapped = swap_files(place, options['user']) if 'files' in parts else []
    try:
        if 'database' in parts and (manifest.get('database') or options['database']):
            load_database(place, options['database'], options['password'], manifest)
    except BaseException:
        swap_back(place, swapped)
        raise
    for tree in swapped:
        shutil.rmtree(place.former(tree), ignore_errors=True)
    shutil.rmtree(place.fetched)
    return manifest


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'user': {'type': 'str', 'default': ''},
            'snapshot': {'type': 'str', 'required': True},
            'parts': {'type': 'list', 'elements': 'str', 'required': True},
            'database': {'type': 'dict', 'default': {}},
            'password': {'type': 'str', 'default': '', 'no_log': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, msg='the snapshot would be restored')
    try:
        module.exit_json(changed=True, manifest=restore(module))
    except (StoreFailure, DatabaseFailure, Refused, OSError) as failure:
        full = getattr(failure, 'errno', None) == 28
        module.fail_json(msg='The disk of the web Server is full.' if full else str(failure))


if __name__ == '__main__':
    main()

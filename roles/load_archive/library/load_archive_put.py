#!/usr/bin/python
"""Unpacks an archive beside a site and puts its database and files into place. What is in it is nobody's friend: it is checked
while it is unpacked, and its SQL is carried out by the site's own user, in the site's own database."""

from __future__ import annotations

import os
import re
import shutil

from ansible.module_utils.aegir_archive import DATABASE, ArchiveFailure, pieces_of, survey_archive
from ansible.module_utils.aegir_archive_send import OPTIONS, Courier
from ansible.module_utils.aegir_mariadb import SANDBOX, DatabaseFailure
from ansible.module_utils.aegir_room import most_at
from ansible.module_utils.aegir_site_data import DEFINER, Client, Place, forget_former, swap_back, swap_files
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: load_archive_put
short_description: Put the content of an archive into a site
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  user: {type: str, default: '', description: 'Its unix user; empty: the files stay ours.'}
  sha256: {type: str, required: true, description: Checksum of the archive.}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

# No command of the client but DELIMITER, such as one that starts a program; no file of this machine in a table.
FLAGS = ['--binary-mode', '--local-infile=0']
# The first piece of a line has what is looked for; a row may be of any length.
PIECE = 1 << 16
MADE = (b'/*!5', b'CREATE ')


class Unpacker:
    """Writes into a folder of root's, in which nothing is a link until the end."""

    def __init__(self, place):
        self._place, self._links = place, []

    def keep(self, entry, stream):
        path = self._place.dump if entry.name == DATABASE else os.path.join(self._place.fetched, *entry.parts)
        if entry.kind == 'folder':
            os.makedirs(path, exist_ok=True)
            os.chmod(path, entry.mode | 0o750)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if entry.kind == 'link':
            self._links.append((entry.target, path))
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, 'wb') as file:
            for piece in pieces_of(stream):
                file.write(piece)
        # The web server reads it by the group.
        os.chmod(path, 0o600 if entry.name == DATABASE else entry.mode | 0o640)
        if entry.mtime > 0:
            os.utime(path, (entry.mtime, entry.mtime))

    def finish(self):
        for target, path in self._links:
            os.symlink(target, path)


class Foreign(Client):
    """SQL of others."""

    def load(self, dump):
        self.run(None, lambda stream: feed(stream, dump), FLAGS)


def feed(stream, dump):
    with open(dump, 'rb') as file:
        begins = True
        for piece in iter(lambda: file.readline(PIECE), b''):
            if begins and file.tell() == len(piece) and SANDBOX.match(piece):
                # Older clients stop at it, and what it forbids is forbidden anyway.
                continue
            if begins and piece.startswith(MADE):
                piece = DEFINER.sub(b'DEFINER=CURRENT_USER', piece, count=1)
            stream.write(piece)
            begins = piece.endswith(b'\n')


def explain(words, own):
    """What the database says about SQL that was not made for it, and what to do. @param own name of the site's database."""
    if re.search(r'\b1370\b', words) or (re.search(r'\b1044\b', words) and "to database '%s'" % own in words):
        return 'It makes routines or events, for which the account of a site has no right: dump without --routines and --events.'
    if re.search(r'\b(1044|1049|1142)\b', words):
        return 'It is about another database, which the account of this site cannot reach: dump one database, without --databases.'
    if re.search(r'\b(1227|1193)\b', words):
        return 'It wants rights of an administrator: dump without --set-gtid-purged and grants.'
    if re.search(r'\b1273\b', words):
        return 'It names a collation that MariaDB does not know: dump from MySQL 8 with --default-character-set=utf8mb4 and replace utf8mb4_0900_ai_ci.'
    return ''


def load_database(place, options, tables):
    client = Foreign(options['database'], options['password'], options['user'])
    client.run('SELECT 1;')
    client.empty()
    try:
        client.load(place.dump)
    except DatabaseFailure as failure:
        said, advice = str(failure), explain(str(failure), options['database']['name'])
        words = re.search('ERROR .*', said)
        raise DatabaseFailure('The database refuses %s. %s %s' % (DATABASE, advice, words.group() if advice and words else said)) from None
    wrong = client.differing(tables)
    if wrong:
        raise ArchiveFailure('The database is not what the archive says: %s.' % '; '.join(wrong[:20]))


def tables_of(about):
    tables = about.get('tables')
    if not isinstance(tables, dict):
        return {}
    return {name: rows for name, rows in tables.items() if isinstance(rows, int) and len(name) <= 64}


def put(options):
    place = Place(options['path'])
    place.clear()
    try:
        unpacker = Unpacker(place)
        source = Courier(options).fetch()
        survey, judge = survey_archive(source, most_at(place.path), options['sha256'], unpacker.keep)
        survey.check(bool(options['database']))
        unpacker.finish()
        swapped = swap_files(place, options['user'])
        try:
            if survey.database:
                load_database(place, options, tables_of(survey.about))
        except BaseException:
            swap_back(place, swapped)
            raise
        forget_former(place, swapped)
        return judge.found
    except BaseException:
        shutil.rmtree(place.fetched, ignore_errors=True)
        raise


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'user': {'type': 'str', 'default': ''},
            'sha256': {'type': 'str', 'required': True},
            'database': {'type': 'dict', 'default': {}},
            'password': {'type': 'str', 'default': '', 'no_log': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, msg='the archive would be unpacked')
    try:
        module.exit_json(changed=True, found=put(module.params))
    except (ArchiveFailure, DatabaseFailure, OSError) as failure:
        full = getattr(failure, 'errno', None) == 28
        module.fail_json(msg='The disk of the web Server is full.' if full else str(failure))


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Brings database and files of a site back to what a snapshot has. The files change by a renaming, so that a site never sees
half of them; root never writes where the site could have put a link."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

from ansible.module_utils.aegir_mariadb import DatabaseFailure
from ansible.module_utils.aegir_restic import OPTIONS, Repository, StoreFailure
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.aegir_site_data import Client, Place, forget_former, swap_back, swap_files
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: restore_backup_load
short_description: Bring a site back to a snapshot
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  user: {type: str, default: '', description: 'Its unix user; empty: the files stay ours.'}
  snapshot: {type: str, required: true, description: Its id.}
  stage: {type: str, required: true, description: 'fetch: take it from the store, check it and touch nothing; load: put it into place.'}
  parts: {type: list, elements: str, required: true, description: 'database, files.'}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""



def fetch(repository, snapshot, place):
    """The manifest; all that it names lies in `place.fetched` as it was put into the store."""
    place.clear()
    refuse_without_room(place.path, repository.size_of(snapshot), 'the backup')
    repository.restore(snapshot, place.fetched)
    manifest = read_manifest(place)
    if manifest.get('database') and hash_file(place.dump) != manifest['database']['sha256']:
        raise Refused('The dump in the backup is not the one of its manifest. Nothing was changed.')
    return manifest


def read_manifest(place):
    try:
        with open(os.path.join(place.fetched, 'backup', 'manifest.json'), encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Refused('The backup has no readable manifest (%s). Nothing was changed.' % error) from None


def hash_file(path):
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        for piece in iter(lambda: file.read(1 << 20), b''):
            found.update(piece)
    return found.hexdigest()


def check_database(database, password, manifest):
    """Before anything is changed."""
    if not manifest.get('database') and not database:
        return
    if not manifest.get('database'):
        raise Refused('The backup has no database. Choose the files only.')
    if not database:
        raise Refused('The Environment has no database. Choose the files only, or run “Install” on it.')
    Client(database, password).run('SELECT 1;')


def load_database(place, database, password, manifest):
    client = Client(database, password)
    # It may have gone away since.
    client.run('SELECT 1;')
    try:
        client.empty()
        client.load(place.dump)
        wrong = client.differing(manifest['database']['tables'])
    except DatabaseFailure as failure:
        raise DatabaseFailure('The database is incomplete now, as it could not be loaded to its end; the files are as before. Choose “Retry” '
                              'when this is mended, or “Undo”. %s' % failure) from None
    if wrong:
        raise Refused('These tables have other rows than the backup: %s.' % ', '.join(sorted(wrong)[:20]))


def restore(module):
    options = module.params
    place, parts = Place(options['path']), options['parts']
    if options['stage'] == 'fetch':
        manifest = fetch(Repository(module), options['snapshot'], place)
        if 'database' in parts:
            check_database(options['database'], options['password'], manifest)
        return manifest
    manifest = read_manifest(place)
    swapped = swap_files(place, options['user']) if 'files' in parts else []
    try:
        if 'database' in parts and manifest.get('database'):
            load_database(place, options['database'], options['password'], manifest)
    except BaseException:
        swap_back(place, swapped)
        raise
    forget_former(place, swapped)
    return manifest


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'user': {'type': 'str', 'default': ''},
            'snapshot': {'type': 'str', 'required': True},
            'stage': {'type': 'str', 'choices': ['fetch', 'load'], 'required': True},
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

#!/usr/bin/python
"""Brings database and files of a site back to what a snapshot has. The files change by a renaming, so that a site never sees
half of them; root never writes where the site could have put a link."""

from __future__ import annotations

import json
import os

from ansible.module_utils.aegir_mariadb import DatabaseFailure, StatementFailure
from ansible.module_utils.aegir_measure import measure
from ansible.module_utils.aegir_restic import OPTIONS, DamagedBackup, Repository, StoreFailure, hash_of
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.aegir_site_data import TREES, Client, Place, forget_former, swap_back, swap_files
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: restore_backup_load
short_description: Bring a site back to a snapshot
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  user: {type: str, default: '', description: 'Its unix user; empty: the files stay ours.'}
  snapshot: {type: str, required: true, description: Its id.}
  manifest: {type: dict, default: {}, description: 'What was noted of the backup when it was made; empty: that is not known.'}
  verify: {type: bool, default: false, description: Read the restored files again and compare them with the store.}
  stage: {type: str, required: true, description: 'fetch: take it from the store, check it and touch nothing; load: put it into place.'}
  parts: {type: list, elements: str, required: true, description: 'database, files.'}
  database: {type: dict, default: {}, description: 'Name, user, host, port and ca; empty: there is none.'}
  password: {type: str, default: '', description: Password of the account.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""



def fetch(repository, options, place):
    """The manifest; all that it names lies in `place.fetched` as it was put into the store."""
    place.clear()
    refuse_without_room(place.path, repository.size_of(options['snapshot']), 'the backup')
    repository.restore(options['snapshot'], place.fetched, options['verify'])
    manifest = read_manifest(place)
    wrong = differences(place, manifest, options['manifest'])
    if wrong:
        raise DamagedBackup('The backup is not what its manifest says: %s. Nothing was changed.' % '; '.join(wrong))
    return manifest


def read_manifest(place):
    try:
        with open(os.path.join(place.fetched, 'backup', 'manifest.json'), encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise DamagedBackup('The backup has no readable manifest (%s). Nothing was changed.' % error) from None


def differences(place, manifest, noted):
    """Between what came out of the store, its own manifest, and what Aegir has noted of it, in words."""
    found = []
    dump, noted_dump = manifest.get('database'), noted.get('database')
    if dump:
        sha256 = None
        if os.path.exists(place.dump):
            with open(place.dump, 'rb') as file:
                sha256 = hash_of(file)
        if sha256 != dump['sha256']:
            found.append('the dump of the database is %s' % ('another one (SHA-256 %s instead of %s)' % (sha256, dump['sha256']) if sha256 else 'not there'))
    if noted:
        if (dump or {}).get('sha256') != (noted_dump or {}).get('sha256'):
            found.append('it names another dump of the database than Aegir has noted')
        # Of the manifest in the store these may differ: the site went on while it was written. What was noted was counted in the store.
        for tree in [name for name in TREES if name in noted]:
            there = measure(os.path.join(place.fetched, tree))
            if there != noted[tree]:
                found.append('there are %d of %s with %d bytes, not %d with %d' % (
                    there['count'], tree, there['bytes'], noted[tree]['count'], noted[tree]['bytes']))
    return found


def check_database(database, password, manifest):
    """Before anything is changed."""
    if not manifest.get('database') and not database:
        return
    if not manifest.get('database'):
        raise Refused('The backup has no database. Choose the files only.')
    if not database:
        raise Refused('The Environment has no database. Choose the files only, or run “Install” on it.')
    Client(database, password).run('SELECT 1;')


def load_database(place, database, password, tables):
    client = Client(database, password)
    # It may have gone away since.
    client.run('SELECT 1;')
    try:
        client.empty()
        client.load(place.dump)
        wrong = client.differing(tables)
    except StatementFailure as failure:
        # It is the dump that its manifest names.
        raise DamagedBackup('The database is incomplete now, as the dump of the backup cannot be loaded; the files are as before. %s' % failure) from None
    except DatabaseFailure as failure:
        raise DatabaseFailure('The database is incomplete now, as it could not be loaded to its end; the files are as before. Choose “Retry” '
                              'when this is mended, or “Undo”. %s' % failure) from None
    if wrong:
        raise DamagedBackup('The database is not what the backup says: %s.' % '; '.join(wrong[:20]))


def restore(module):
    options = module.params
    place, parts = Place(options['path']), options['parts']
    if options['stage'] == 'fetch':
        manifest = fetch(Repository(module), options, place)
        if 'database' in parts:
            check_database(options['database'], options['password'], manifest)
        return manifest
    manifest = read_manifest(place)
    swapped = swap_files(place, options['user']) if 'files' in parts else []
    try:
        if 'database' in parts and manifest.get('database'):
            noted = options['manifest'].get('database') or manifest['database']
            load_database(place, options['database'], options['password'], noted['tables'])
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
            'manifest': {'type': 'dict', 'default': {}},
            'verify': {'type': 'bool', 'default': False},
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
        damaged = isinstance(failure, DamagedBackup)
        module.fail_json(msg='The disk of the web Server is full.' if full else str(failure), damaged=damaged)


if __name__ == '__main__':
    main()

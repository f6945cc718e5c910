#!/usr/bin/python
"""Puts a copy of a site into its repository and reads back what it has put there."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import subprocess

from ansible.module_utils.aegir_measure import measure
from ansible.module_utils.aegir_restic import OPTIONS, Repository, StoreFailure, hash_of
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: store_backup_keep
short_description: Keep a backup and read it back
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  about: {type: dict, required: true, description: What the manifest says of the site.}
  dump: {type: dict, default: {}, description: What dump_database said of the dump.}
  task: {type: str, required: true, description: Id of the Task; of a further attempt the same.}
  store: {type: dict, required: true, description: The Backup store.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

# Of the site's own, as they lie in its folder and in the snapshot.
TREES = ['files', 'private']
STAGE = 'backup'


def write_manifest(path, about, dump):
    stage = os.path.join(path, STAGE)
    os.makedirs(stage, mode=0o700, exist_ok=True)
    if dump:
        with open(os.path.join(stage, 'database.sql'), 'rb') as file:
            if hash_of(file) != dump['sha256']:
                raise StoreFailure('The dump of the database has changed since it was written. Back up again.')
    manifest = {
        'version': 1,
        'made_at': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'),
        **about,
        'database': dump or None,
        'restic': subprocess.run(['restic', 'version'], capture_output=True, text=True, check=False).stdout.split(' ')[1],
        **{tree: measure(os.path.join(path, tree)) for tree in TREES},
    }
    text = json.dumps(manifest, indent=2, sort_keys=True) + '\n'
    with open(os.path.join(stage, 'manifest.json'), 'w', opener=private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return manifest, hashlib.sha256(text.encode()).hexdigest()


def private(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW | os.O_TRUNC, 0o600)


def read_back(repository, snapshot, path, manifest, checksum):
    """Compares what lies in the store with what was to be put there. Returns the snapshot's whole id, and how much it has."""
    found = {tree: {'count': 0, 'bytes': 0} for tree in TREES}

    def count(entry):
        tree = entry['path'].split('/')[1]
        if entry['type'] != 'dir' and tree in found:
            found[tree]['count'] += 1
            found[tree]['bytes'] += entry.get('size', 0) if entry['type'] == 'file' else 0

    snapshot = repository.each_entry(snapshot, count)
    for tree in TREES:
        # The site goes on meanwhile: then neither is what there was, and the store's own list is what counts.
        now = measure(os.path.join(path, tree))
        if found[tree] not in (manifest[tree], now) and manifest[tree] == now:
            raise StoreFailure('The store has %(count)d files of %(bytes)d bytes' % found[tree] + ' of %s, the site' % tree
                               + ' has %(count)d of %(bytes)d. Back up again.' % now)
    hashes = repository.hashes_of(snapshot, '/' + STAGE)
    if hashes.get('manifest.json') != checksum:
        raise StoreFailure('The manifest reads differently from the store.')
    dump = manifest['database']
    if dump and hashes.get('database.sql') != dump['sha256']:
        raise StoreFailure('The dump of the database reads differently from the store.')
    return snapshot, found


def keep(module):
    options = module.params
    path, tag = options['path'], 'task-' + options['task']
    if not os.path.isdir(path):
        raise StoreFailure('The folder of the Environment, %s, is gone: nothing can be backed up.' % path)
    repository = Repository(module)
    manifest, checksum = write_manifest(path, options['about'], options['dump'])
    stage = [os.path.join(STAGE, name) for name in ('manifest.json', 'database.sql')[: 2 if options['dump'] else 1]]
    present = [tree for tree in TREES if os.path.isdir(os.path.join(path, tree))]
    snapshot = repository.back_up([*stage, *present], path, [tag, 'environment-' + str(options['about'].get('environment'))])
    snapshot, found = read_back(repository, snapshot, path, manifest, checksum)
    manifest.update(found)
    size = sum(manifest[tree]['bytes'] for tree in TREES) + (options['dump'] or {}).get('bytes', 0)
    return {'snapshot': snapshot, 'bytes': size, 'manifest': manifest}


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'about': {'type': 'dict', 'required': True},
            'dump': {'type': 'dict', 'default': {}},
            'task': {'type': 'str', 'required': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, kept={}, msg='a backup would be made')
    try:
        module.exit_json(changed=True, kept=keep(module))
    except (StoreFailure, OSError) as failure:
        full = getattr(failure, 'errno', None) == 28
        module.fail_json(msg='The disk of the web Server is full; nothing was backed up.' if full else str(failure))


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Packs a site, or takes an archive that its own tool has packed, and brings it to the control plane while it comes."""

from __future__ import annotations

import contextlib
import os

from ansible.module_utils.aegir_archive import LONGEST_MANIFEST, TREES, ArchiveFailure, Judge, pieces_of, read_archive
from ansible.module_utils.aegir_archive_send import OPTIONS, Courier, outputs_of, pack_site
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: aegir_archive_bring
short_description: Bring an archive of a site to the control plane
options:
  path: {type: path, required: true, description: Folder of the Environment.}
  stage: {type: path, default: '', description: Folder with database.sql.}
  about: {type: dict, default: {}, description: What the manifest says of the site.}
  file: {type: path, default: '', description: 'An archive that is packed already; empty: it is packed here.'}
  secrets: {type: list, elements: str, default: [], description: What no file of the code may have in it.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

# What one of ours may unpack to: it is read through only.
MOST_BYTES = 1 << 50


def pack(options, output, told):
    path, dump = options['path'], os.path.join(options['stage'], 'database.sql')
    places = {**{tree: os.path.join(path, tree) for tree in TREES}, 'code': os.path.realpath(os.path.join(path, 'current'))}
    trees = {tree: place for tree, place in places.items() if os.path.isdir(place)}
    with open(dump, 'rb') if os.path.isfile(dump) else contextlib.nullcontext() as file:
        writer = pack_site(output, options['about'], trees, file, options['secrets'])
    told.update(found=writer.found, left=writer.left)


def look_through(file, secrets):
    """What is in it; refused when a file of the code shows a secret, or when it could not be imported."""
    marks = [secret.encode() for secret in secrets if len(secret) >= 8]
    shown = []

    def take(entry, stream):
        if stream and entry.parts[0] == 'code' and entry.size <= LONGEST_MANIFEST:
            content = b''.join(pieces_of(stream))
            if any(mark in content for mark in marks):
                shown.append(entry.name)

    judge = Judge(MOST_BYTES)
    read_archive(file, judge, take)
    if shown:
        raise ArchiveFailure('The password of the database or the salt stands in %s: take it out of the code. Nothing was exported.'
                             % ', '.join(shown[:20]))
    return {part: found for part, found in judge.found.items() if found['count']}


def bring(options):
    courier, told = Courier(options), {'left': []}
    if not options['file']:
        return courier.bring(lambda output: pack(options, output, told)), told
    # It lies where the site may write.
    descriptor = os.open(options['file'], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, 'rb') as file:
        told['found'] = look_through(file, options['secrets'])
        file.seek(0)

        def send(output):
            for piece in pieces_of(file):
                output.write(piece)

        return courier.bring(send), told


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'stage': {'type': 'path', 'default': ''},
            'about': {'type': 'dict', 'default': {}},
            'file': {'type': 'path', 'default': ''},
            'secrets': {'type': 'list', 'elements': 'str', 'default': [], 'no_log': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, outputs={}, msg='an archive would be made')
    try:
        answer, told = bring(module.params)
    except (ArchiveFailure, OSError) as failure:
        module.fail_json(msg=str(failure))
    if told['left']:
        module.warn('Not in the archive: %s' % ', '.join(sorted(told['left'])[:20]))
    outputs = {**outputs_of(answer, told['found']), 'left': len(told['left'])}
    module.exit_json(changed=True, outputs=outputs)


if __name__ == '__main__':
    main()

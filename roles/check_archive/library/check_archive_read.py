#!/usr/bin/python
"""Goes through an archive as the one who unpacks it will, and keeps nothing of it."""

from __future__ import annotations

import re

from ansible.module_utils.aegir_archive import ArchiveFailure, counted, survey_archive
from ansible.module_utils.aegir_archive_send import OPTIONS, Courier
from ansible.module_utils.aegir_room import most_at
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: check_archive_read
short_description: Look whether an archive can be imported
options:
  sha256: {type: str, required: true, description: Its checksum.}
  place: {type: path, required: true, description: Folder on whose disk it is to be unpacked.}
  application: {type: str, default: '', description: Application type of the Environment.}
  has_database: {type: bool, required: true, description: Whether the Environment has a database.}
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

HOST_NAME = re.compile(r'(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z')
FOLDER = re.compile(r'/[^\x00-\x20\x7f"\'\\$`{};%*?\[\]]*\Z')


def look(options):
    source = Courier(options).fetch()
    survey, judge = survey_archive(source, most_at(options['place']), options['sha256'])
    survey.check(options['has_database'])
    about = survey.about
    made_of = str(about.get('application') or '')
    if made_of and options['application'] and made_of != options['application']:
        raise ArchiveFailure('The archive is of a site of the type %s, the Release is of the type %s.' % (made_of, options['application']))
    outputs = {'summary': summary_of(survey, judge)}
    # What it says of itself is believed as far as it is of the right form.
    name, path, aliases = about.get('primary_name'), about.get('path'), about.get('aliases')
    if isinstance(name, str) and HOST_NAME.match(name):
        outputs['primary_name'] = name
    if isinstance(path, str) and FOLDER.match(path) and '..' not in path.split('/'):
        outputs['path'] = path
    if isinstance(aliases, list):
        outputs['aliases'] = [alias for alias in aliases[:1000] if isinstance(alias, str) and HOST_NAME.match(alias)]
    return outputs


def summary_of(survey, judge):
    parts = [counted(part, found) for part, found in judge.found.items() if found['count']]
    by = ' (made by %s)' % re.sub(r'[^\w .:-]', '', survey.generator)[:60] if survey.generator else ''
    return ', '.join(parts) + by


def main():
    module = AnsibleModule(
        argument_spec={
            'sha256': {'type': 'str', 'required': True},
            'place': {'type': 'path', 'required': True},
            'application': {'type': 'str', 'default': ''},
            'has_database': {'type': 'bool', 'required': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, outputs=look(module.params))
    except (ArchiveFailure, OSError) as failure:
        module.fail_json(msg='%s Nothing was done.' % str(failure).rstrip())


if __name__ == '__main__':
    main()

#!/usr/bin/python
"""Makes an archive of a site that somebody else has set up, and brings it to the control plane. Its settings are a program: they
are read, its database is copied and its files are packed by its own user, never by root."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile

from ansible.module_utils.aegir_archive import ArchiveFailure, shown
from ansible.module_utils.aegir_archive_send import OPTIONS, Courier, outputs_of, pack_site
from ansible.module_utils.aegir_dump import write_dump
from ansible.module_utils.aegir_mariadb import DatabaseFailure, size_of
from ansible.module_utils.aegir_room import Refused, refuse_without_room
from ansible.module_utils.aegir_site_data import Client
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: aegir_site_collect
short_description: Make an archive of a site that is not of Aegir
options:
  path: {type: path, required: true, description: Folder of the site.}
  user: {type: str, default: '', description: 'Unix user who reads it; empty: the owner of the folder.'}
  site_name: {type: str, default: '', description: Name by which it is reached.}
  application: {type: str, required: true, description: Application type.}
  reader:
    type: str
    required: true
    description:
      - PHP program. It is given path, site_name and the file for its answer as arguments. That is a JSON object, either problem,
        or database (name user host port socket ssl ca password), prefix of its tables, trees (folder of each part, or of a folder in one) and primary_name.
  feedback_url: {type: str, required: true, description: Of Aegir.}
  feedback_token: {type: str, required: true, description: Of Aegir.}
"""

# Settings that take longer ask somebody who does not answer.
READER_SECONDS = 60
# More is no answer of a reader.
LONGEST_ANSWER = 1 << 20
# Deleted as soon as it is open, so nothing of the dump stays behind, whatever ends this process.
DUMP_FOLDER = '/var/tmp'
ADVICE = 'look at the account in its settings.'


def user_of(options):
    """Who reads the site, as in the table of users."""
    try:
        user = pwd.getpwnam(options['user']) if options['user'] else pwd.getpwuid(os.stat(options['path']).st_uid)
    except (KeyError, OSError) as error:
        raise ArchiveFailure('The user who reads the site cannot be found: %s. Give “Unix user”.' % error) from None
    if user.pw_uid == 0:
        raise ArchiveFailure('%s belongs to root, as whom no site is read: give as “Unix user” whom its PHP runs as, such as www-data.'
                             % shown(options['path']))
    if os.geteuid() not in (0, user.pw_uid):
        raise ArchiveFailure('Aegir comes to this Server as %s, and cannot become %s.' % (pwd.getpwuid(os.geteuid()).pw_name, user.pw_name))
    return user


def carried_out_by(user, work):
    """What `work` returns, in a process that has the rights of the user only."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            if os.geteuid() == 0:
                os.initgroups(user.pw_name, user.pw_gid)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            said = {'done': work()}
        except (ArchiveFailure, DatabaseFailure, Refused, OSError) as failure:
            said = {'failure': explain(failure)}
        except BaseException as failure:
            said = {'failure': '%s: %s' % (type(failure).__name__, failure)}
        with open(writing, 'w') as answer:
            json.dump(said, answer)
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    if not text:
        raise ArchiveFailure('The process that read the site was killed; perhaps the Server has no memory left.')
    said = json.loads(text)
    if 'failure' in said:
        raise ArchiveFailure(said['failure'])
    return said['done']


def explain(failure):
    full = getattr(failure, 'errno', None) == 28
    return 'The disk of the Server is full: there is no room for the dump in %s.' % DUMP_FOLDER if full else str(failure)


def read_settings(options, user):
    php = shutil.which('php')
    if not php:
        raise ArchiveFailure('There is no command “php” on the Server: install php-cli, of the version that the site runs with.')
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as words:
        argv = [php, '-d', 'display_errors=stderr', '--', options['path'], options['site_name'], 'php://fd/%d' % answer.fileno()]
        environment = {'PATH': os.environ.get('PATH', os.defpath), 'HOME': '/nonexistent', 'LANG': 'C.UTF-8'}
        # By which it is found and ended, also when this module was ended a moment before.
        environment['AEGIR_RUN'] = os.environ.get('AEGIR_RUN', '')
        try:
            subprocess.run(argv, input=options['reader'].encode(), stdout=words, stderr=words, env=environment, cwd='/',
                           pass_fds=[answer.fileno()], timeout=READER_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ArchiveFailure('The settings of the site were read for %d seconds, and came to no end.' % READER_SECONDS) from None
        answer.seek(0)
        words.seek(0)
        last = words.read(LONGEST_ANSWER).decode(errors='replace').split('\n')[-2:]
        try:
            found = json.loads(answer.read(LONGEST_ANSWER))
        except ValueError:
            raise ArchiveFailure('The settings of the site ended the program that read them as %s. Its last words: %s'
                                 % (user, ' '.join(last).strip() or 'none')) from None
    if found.get('problem'):
        raise ArchiveFailure(found['problem'])
    for part, place in found['trees'].items():
        if not os.path.isdir(place):
            raise ArchiveFailure('The folder %s for %s, which the settings name, is not there, or %s cannot enter it.' % (shown(place), part, user))
    return found


def tables_of(database, password, prefix):
    """Those of the site, where others may have theirs in the same database; empty: all are."""
    if not prefix:
        return []
    like = prefix.replace('\\', '\\\\').replace('_', '\\_').replace('%', '\\%').replace("'", "''")
    found = Client(database, password).run("SHOW TABLES LIKE '%s%%';" % like)
    if not found:
        raise ArchiveFailure('The database %s has no table whose name begins with %s, as the settings say.' % (database['name'], prefix))
    return found


def collect(options, user, dump):
    found = read_settings(options, user)
    database = found['database']
    password = database.pop('password')
    refuse_without_room(DUMP_FOLDER, size_of(database, password, ADVICE), 'the dump of the database')
    dumped = write_dump(database, password, dump, tables_of(database, password, found['prefix']), ADVICE)
    dump.seek(0)
    name = found['primary_name']
    about = {'application': options['application'], 'primary_name': name, 'tables': dumped['tables']}
    packed = []
    courier = Courier(options)
    answer = courier.bring(lambda output: packed.append(pack_site(output, about, found['trees'], dump)), {'primary_name': name})
    [writer] = packed
    return {**outputs_of(answer, writer.found), 'left': writer.left, 'primary_name': name}


def main():
    module = AnsibleModule(
        argument_spec={
            'path': {'type': 'path', 'required': True},
            'user': {'type': 'str', 'default': ''},
            'site_name': {'type': 'str', 'default': ''},
            'application': {'type': 'str', 'required': True},
            'reader': {'type': 'str', 'required': True},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, outputs={}, msg='an archive would be made')
    try:
        user = user_of(module.params)
        # Of root's folder, before the rights for it are gone.
        with tempfile.TemporaryFile(dir=DUMP_FOLDER) as dump:
            outputs = carried_out_by(user, lambda: collect(module.params, user.pw_name, dump))
    except (ArchiveFailure, OSError) as failure:
        module.fail_json(msg=explain(failure))
    left = outputs['left']
    if left:
        module.warn('Not in the archive: %s' % ', '.join(sorted(left)[:20]))
    module.exit_json(changed=True, outputs={**outputs, 'left': len(left)})


if __name__ == '__main__':
    main()

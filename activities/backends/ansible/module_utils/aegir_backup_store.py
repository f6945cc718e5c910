"""How restic reaches a repository in a Backup store of each type: its address, options and environment. What is secret goes by
files in memory; nothing of it stands on a command line or in an environment."""

from __future__ import annotations

import re
import subprocess
from urllib.parse import quote, urlsplit

PLAIN = ['type', 'name', 'folder', 'address', 'user', 'host_key', 'bucket', 'region', 'access_key']
SECRET = ['password', 'user_password', 'private_key', 'secret_key']
STORE_OPTIONS = {
    **{name: {'type': 'str'} for name in PLAIN},
    **{name: {'type': 'str', 'no_log': True} for name in SECRET},
    'port': {'type': 'int'},
}

# What ssh calls the server: its known key stands under this name, whatever its address.
ALIAS = 'backup-store'
# To say why it does not let somebody in; a bit longer than it takes to connect.
SSH_SECONDS = 40
# A server that is silent is given up after a minute and a half.
SSH_CONFIG = """Host %(alias)s
  HostName %(address)s
  Port %(port)d
  User %(user)s
  IdentityFile %(key)s
  UserKnownHostsFile %(known)s
  HostKeyAlias %(alias)s
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  CheckHostIP no
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 30
  ServerAliveInterval 30
  ServerAliveCountMax 3
  ControlMaster no
  ControlPath none
"""

URL = (r'\Ahttps?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?\Z', 'no address such as https://backup.example.org')
PATH = (r'\A/[^\x00-\x1f\x7f]*\Z', 'no absolute path')
LINE = (r'\A[^\x00-\x1f\x7f`]+\Z', 'not a single line')
# Fields of each type: a pattern and what a value is that does not fit; None = anything.
FIELDS = {
    'directory': {},
    'sftp': {
        'address': (r'\A[A-Za-z0-9][A-Za-z0-9.:%-]*\Z', 'no host name or address'),
        'user': (r'\A[A-Za-z0-9_][A-Za-z0-9_.@+-]*\Z', 'no user name'),
        'folder': PATH,
        'private_key': (r'-----BEGIN [A-Z ]*PRIVATE KEY-----', 'no private key'),
        'host_key': (r'\A[a-z0-9@.-]+ [A-Za-z0-9+/]+=*', 'no host key'),
    },
    's3': {
        'address': (r'\Ahttps?://[A-Za-z0-9.:\[\]-]+/?\Z', 'no address such as https://s3.example.org'),
        'bucket': (r'\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z', 'no name of a bucket'),
        'access_key': LINE,
        'secret_key': LINE,
    },
    'rest': {'address': URL},
}
OPTIONAL = {'s3': {'region': (r'\A[A-Za-z0-9-]+\Z', 'no region'), 'folder': (r'\A[A-Za-z0-9._/-]*\Z', 'no plain path')}}


def mistakes(store):
    """All that is wrong with it, as a list of sentences."""
    kind = store.get('type')
    if kind not in FIELDS:
        return ['The type “%s” is not known here.' % kind]
    found = []
    for name, (pattern, words) in FIELDS[kind].items():
        value = str(store.get(name) or '')
        if not re.search(pattern, value):
            found.append('%s is %s.' % (name, words if value else 'missing'))
    for name, (pattern, words) in OPTIONAL.get(kind, {}).items():
        if store.get(name) and not re.search(pattern, str(store[name])):
            found.append('%s is %s.' % (name, words))
    return found


class Way:
    """What restic is given to reach a repository. `files` are SecretFiles, which must live as long as restic does."""

    def __init__(self, address, options=(), environment=None, ssh=None):
        self.address = address
        self._ssh = ssh
        self.options = [word for option in options for word in ('-o', option)]
        self.environment = environment or {}

    def why(self):
        """What ssh says, asked alone."""
        if not self._ssh:
            return ''
        try:
            done = subprocess.run(self._ssh, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SSH_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return ''
        return done.stderr.decode(errors='replace')


def way_to(store, feedback, files):
    return WAYS[store['type']](store, feedback, files)


def over_directory(store, feedback, _files):
    """Aegir's own relay serves the folder for the time of the run; on the machine of the worker it is there."""
    if feedback is None:
        return Way('%s/%s' % (store['folder'].rstrip('/'), store['name']))
    url, token = feedback
    return Way(rest_address(url + '/repository/', 'aegir', token))


def over_rest(store, _feedback, _files):
    base = store['address'].rstrip('/') + '/' + store['name'] + '/'
    return Way(rest_address(base, store.get('user'), store.get('user_password')))


def rest_address(base, user, password):
    parts = urlsplit(base)
    who = '%s:%s@' % (quote(user, safe=''), quote(password or '', safe='')) if user else ''
    return 'rest:%s://%s%s%s' % (parts.scheme, who, parts.netloc, parts.path)


def over_sftp(store, _feedback, files):
    known = ['%s %s\n' % (ALIAS, line.strip()) for line in store['host_key'].strip().splitlines()]
    config = SSH_CONFIG % {
        'alias': ALIAS,
        'address': store['address'],
        'port': int(store.get('port') or 22),
        'user': store['user'],
        # ssh closes what it has inherited, but may look at what this process holds.
        'key': files.path_for_others(store['private_key'].strip() + '\n'),
        'known': files.path_for_others(''.join(known)),
    }
    ssh = ['ssh', '-F', files.path_for_others(config), ALIAS, '-s', 'sftp']
    address = 'sftp:%s:%s/%s' % (ALIAS, store['folder'].rstrip('/'), store['name'])
    return Way(address, ['sftp.command=' + ' '.join(ssh)], ssh=ssh)


def over_s3(store, _feedback, files):
    folder = '/'.join(part for part in str(store.get('folder') or '').split('/') if part)
    place = '/'.join(part for part in (store['address'].rstrip('/'), store['bucket'], folder, store['name']) if part)
    # Backquotes keep the reader of the file from finding a comment in a key.
    keys = '[default]\naws_access_key_id = `%s`\naws_secret_access_key = `%s`\n' % (store['access_key'], store['secret_key'])
    options = ['s3.region=' + store['region']] if store.get('region') else []
    return Way('s3:' + place, options, {'AWS_SHARED_CREDENTIALS_FILE': files.path(keys), 'AWS_PROFILE': 'default'})


WAYS = {'directory': over_directory, 'sftp': over_sftp, 's3': over_s3, 'rest': over_rest}

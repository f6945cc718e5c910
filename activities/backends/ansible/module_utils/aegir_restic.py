"""A repository of backups (restic) in a Backup store, as a Server reaches it. Passwords go by files in memory only."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request

from ansible.module_utils.aegir_backup_store import STORE_OPTIONS, mistakes, way_to
from ansible.module_utils.aegir_process import is_gone
from ansible.module_utils.aegir_secret_file import SecretFiles

# As its name that of the repository. Of modules that run on the machine of the worker: a folder is reached there as it is.
STORE = {'store': {'type': 'dict', 'required': True, 'options': STORE_OPTIONS}}
OPTIONS = {
    **STORE,
    'feedback_url': {'type': 'str', 'required': True},
    'feedback_token': {'type': 'str', 'required': True, 'no_log': True},
}
# What it has seen of the repository, so that it need not be read each time.
CACHE = '/var/cache/aegir-restic'
# A person who watches sees that it goes on.
PROGRESS_SECONDS = 2
# Its last words are those that explain.
LONGEST_SAID = 100_000
# A command line has room for 2 MB; an id is 64 characters.
MOST_AT_ONCE = 500
# No repository yet: that of a directory and a REST server, of SFTP, and of S3.
MISSING = re.compile(r'config file does not exist|unable to open config file: .{0,400}(\(404\)|config/?> does not exist|file does not exist|no such file|'
                     r'specified key does not exist)', re.S | re.I)
# restic is done before it has read why its ssh has ended.
SILENT = 'unable to start the sftp session'
# What restic, ssh and stores say, and what it means; with a colon at the end their words follow.
SENTENCES = [
    (r'\(507\)|disk of the Backup store is full|insufficient space|XMinioStorageFull|QuotaExceeded|(Save|backend).{0,400}no space left',
     'The Backup store is full. Make room there; nothing was removed.'),
    (r'Save\(.*SSH_FX_FAILURE',
     'The SFTP server of the Backup store does not write any more (“Failure”): most likely its disk is full or the quota of its user '
     'used up. Make room there; nothing was removed.'),
    (r'\(424\)',
     'The folder of the Backup store is not on the machine of the API, by which pods reach it: mount it there at the same place, or '
     'choose a Backup store of another type.'),
    (r'wrong password', 'The encryption password of the Backup store is not the one with which this repository was made.'),
    (r'already locked', 'Another process works with the repository. Choose “Retry” when it is done. If it is dead, which cannot be seen '
     'from here, its lock counts no more half an hour after its last sign of life. What restic says: '),
    (r'Host key verification failed|HOST IDENTIFICATION HAS CHANGED',
     'The SFTP server of the Backup store has another host key than the one that is entered; nothing was sent to it. When the server '
     'was made anew, compare its new key with what its owner says, and enter it.'),
    (r'error in libcrypto|invalid format|Load key',
     'The private key of the Backup store cannot be read: it must be in OpenSSH or PEM format, without a passphrase.'),
    (r'Permission denied \((publickey|password|keyboard|gssapi)|Too many authentication failures',
     'The SFTP server of the Backup store does not let the user in with this private key.'),
    (r'exec: "ssh": executable file not found', 'There is no ssh on the web Server: install the package openssh-client there.'),
    (r'specified bucket does not exist|NoSuchBucket', 'The bucket of the Backup store does not exist: make it there first.'),
    (r'signature we calculated|SignatureDoesNotMatch|access key ID you provided|InvalidAccessKeyId|Access Denied|AccessDenied',
     'The S3 service of the Backup store refuses the access key, or it may not use this bucket: '),
    (r'region .{0,40}is wrong|AuthorizationHeaderMalformed', 'The S3 service of the Backup store wants another region: '),
    (r'unexpected HTTP response \(40[13]\)|\((401|403)\)', 'The REST server of the Backup store does not let this user in.'),
    (r'permission denied', 'The folder of the Backup store may not be written by its user: '),
    (r'connection refused|no such host|could not resolve|name or service not known|i/o timeout|timed out|no route to host|'
     r'network is unreachable|connection closed|connection reset|EOF', 'The Backup store does not answer: '),
    (r'no space left', 'The disk of the web Server is full: '),
]


# What it says of data that are not what they were, or not there, in a repository that is.
DAMAGED = re.compile(r'ciphertext verification failed|invalid data returned|no matching ID found|not found in repository|hash does not match|'
                     r'Pack ID does not match|(<data/[0-9a-f]+>|StreamPack).{0,300}(no such file|does not exist|\(404\)|NoSuchKey)', re.S | re.I)

# Who reads a snapshot needs no right to write a lock: what lies in the store is not removed.
READ = ['--no-lock']


class StoreFailure(Exception):
    """Its text is for a person."""


class DamagedBackup(StoreFailure):
    """What speaks against the backup itself, and not against the store or the machine."""


NO_RESTIC = ('There is no restic on the web Server, by which backups are made and restored. Run “Prepare” on it, where its web server is '
             'nginx; else install the package restic there. While this Operation waits, “Prepare” waits for it: choose “Leave” first.')

NO_RESTIC_HERE = 'There is no restic on the machine of the worker, by which backups are removed: install the package restic there, then “Retry”.'


class Repository:
    def __init__(self, module):
        self._store = module.params['store']
        url = module.params.get('feedback_url')
        self._feedback = (url.rstrip('/'), module.params['feedback_token']) if url else None
        self._program = shutil.which('restic')
        if not self._program:
            raise StoreFailure(NO_RESTIC_HERE if url is None else NO_RESTIC)
        wrong = mistakes(self._store)
        if wrong:
            raise StoreFailure('The Backup store cannot be used as it is entered: %s Correct it there.' % ' '.join(wrong))

    def ensure(self):
        """Makes it when there is none; whether it did. Writes a lock, so a store that cannot be written is found out."""
        code, _, words = self._run(['cat', 'config'])
        missing = code != 0 and MISSING.search(words) is not None
        if missing:
            self._make()
        elif code != 0:
            raise StoreFailure(explain(words))
        return missing

    def _make(self):
        code, _, words = self._run(['init'])
        if code != 0:
            raise StoreFailure(explain(words))

    def snapshots(self):
        """Ids of all."""
        found = json.loads(''.join(self._must(['snapshots', '--json'])) or 'null') or []
        return {entry['id'] for entry in found}

    def forget(self, snapshots):
        """Their data stay until `prune`."""
        for begin in range(0, len(snapshots), MOST_AT_ONCE):
            self._must(['forget', *snapshots[begin:begin + MOST_AT_ONCE]])

    def prune(self, dry_run=False):
        """Whether anything was removed."""
        before = self._files()
        self._must(['prune', *(['--dry-run'] if dry_run else [])])
        return self._files() != before

    def _files(self):
        return sorted(line.strip() for line in self._must([*READ, 'list', 'packs']))

    def back_up(self, paths, folder, tags):
        """What the snapshot is called, long enough to be known by it. Paths are relative to the folder, and so are they in the snapshot."""
        words = [word for tag in tags for word in ('--tag', tag)]
        progress, made = self._progress('Backing up'), []

        def read(line):
            entry = json.loads(line)
            if entry.get('message_type') == 'summary':
                made[:] = [entry.get('snapshot_id')]
            else:
                progress(entry)

        # The name of the machine says nothing: a site may move.
        command = ['backup', '--json', '--host', 'aegir', *words, '--', *paths]
        code, _, said = self._run(command, folder, read)
        if code != 0 and MISSING.search(said):
            self._make()
            code, _, said = self._run(command, folder, read)
        if code != 0:
            raise failure_of(said)
        if not made or not made[0]:
            raise StoreFailure('The store does not say which snapshot was made. Back up again.')
        return made[0]

    def each_entry(self, snapshot, take):
        """Gives what lies in it one by one, as there may be millions: dicts with type, path, size. Returns its whole id."""
        seen = {}

        def read(line):
            entry = json.loads(line)
            kind = entry.get('struct_type')
            seen[kind] = entry.get('id')
            if kind == 'node':
                take(entry)

        self._must([*READ, 'ls', '--json', snapshot], on_line=read)
        # restic does not call that a mistake.
        if 'node' not in seen:
            raise DamagedBackup('This backup is not in the Backup store any more: somebody has removed it there.')
        return seen['snapshot']

    def size_of(self, snapshot):
        total = [0]

        def add(entry):
            total[0] += entry.get('size', 0)

        self.each_entry(snapshot, add)
        return total[0]

    def hashes_of(self, snapshot, folder):
        """SHA-256 of each file of a folder by its name, read from the store."""
        found = {}
        with self._started([*READ, 'dump', snapshot, folder]) as process:
            try:
                with tarfile.open(fileobj=process.stdout, mode='r|') as archive:
                    for member in archive:
                        if member.isfile():
                            found[os.path.basename(member.name)] = hash_of(archive.extractfile(member))
                # Else restic could be ended by the last blocks, which nobody reads.
                hash_of(process.stdout)
            except tarfile.TarError:
                # Why it ended early is what restic says.
                pass
        if process.code != 0:
            raise failure_of(process.words)
        return found

    def restore(self, snapshot, target, verify=False):
        """@param verify: what lies on the disk then is read again and compared with the store."""
        self._must([*READ, 'restore', snapshot, '--target', target, *(['--verify'] if verify else [])])

    def _must(self, arguments, folder=None, on_line=None):
        code, lines, words = self._run(arguments, folder, on_line)
        if code != 0:
            raise failure_of(words)
        return lines

    def _run(self, arguments, folder=None, on_line=None):
        code, lines, words = self._try(arguments, folder, on_line)
        if code != 0 and 'already locked' in words:
            self._release()
            code, lines, words = self._try(arguments, folder, on_line)
        return code, lines, words

    def _release(self):
        """Takes away locks of processes that are gone, never those of living ones, or of other machines before their time."""
        self._try(['unlock'])
        _, ids, _ = self._try([*READ, 'list', 'locks'])
        locks = [self._try([*READ, 'cat', 'lock', name.strip()])[1] for name in ids if name.strip()]
        # restic takes any process of that number for the holder. The Environment's lock in Aegir keeps others from coming now.
        if locks and all(is_gone(json.loads(''.join(lines) or '{}')) for lines in locks):
            self._try(['unlock', '--remove-all'])

    def _try(self, arguments, folder=None, on_line=None):
        lines = []
        with self._started(arguments, folder) as process:
            for line in process.stdout:
                (on_line or lines.append)(line.decode(errors='replace'))
        return process.code, lines, process.words

    def _started(self, arguments, folder=None):
        return Started([self._program, *arguments], folder, self._store, self._feedback)

    def _progress(self, label):
        state = {'at': 0.0}

        def take(entry):
            # A pod may know no way to the control plane.
            if not self._feedback or time.monotonic() - state['at'] < PROGRESS_SECONDS:
                return
            state['at'] = time.monotonic()
            done = entry.get('percent_done')
            if done is None:
                return
            url, token = self._feedback
            body = json.dumps({'percent': min(100, int(done * 100)), 'label': label}).encode()
            headers = {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'}
            try:
                urllib.request.urlopen(urllib.request.Request(url + '/progress', body, headers), timeout=5).close()
            except OSError:
                # Whether somebody sees it does not matter to the backup.
                pass

        return take


class Started:
    """A process with its secrets, which are gone with it. `code` and `words` are there after its end."""

    def __init__(self, argv, folder, store, feedback):
        self._files = SecretFiles()
        self._way = way = way_to(store, feedback, self._files)
        # Not a pipe: that is full after 64 KiB, and it may have something to say of each of many files.
        self._said = tempfile.TemporaryFile()
        environment = {
            'PATH': '/usr/local/bin:/usr/bin:/bin',
            'LANG': 'C.UTF-8',
            # By which it is found and ended, also when this module was ended a moment before.
            'AEGIR_RUN': os.environ.get('AEGIR_RUN', ''),
            'HOME': os.path.expanduser('~'),
            'RESTIC_REPOSITORY_FILE': self._files.path(way.address),
            'RESTIC_PASSWORD_FILE': self._files.path(str(store.get('password') or '')),
            'RESTIC_CACHE_DIR': CACHE if os.geteuid() == 0 else os.path.expanduser('~/.cache/aegir-restic'),
            'RESTIC_PROGRESS_FPS': '1',
            **way.environment,
        }
        program, *arguments = argv
        quiet = [] if arguments[0] == 'backup' else ['--quiet']
        self._process = subprocess.Popen(
            [program, *way.options, *quiet, *arguments],
            cwd=folder, env=environment, pass_fds=self._files.fds,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said,
        )
        self.stdout = self._process.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stdout.close()
        self.code = self._process.wait()
        self._said.seek(max(0, self._said.seek(0, 2) - LONGEST_SAID))
        self.words = self._said.read().decode(errors='replace')
        self._said.close()
        if self.code != 0 and SILENT in self.words:
            self.words += ' ' + self._way.why()
        self._files.__exit__()


def hash_of(file):
    found = hashlib.sha256()
    for piece in iter(lambda: file.read(1 << 20), b''):
        found.update(piece)
    return found.hexdigest()


def failure_of(words):
    if DAMAGED.search(words):
        return DamagedBackup('Data of the backup are damaged or missing in the Backup store. What restic says: %s' % shortened(words)[-500:])
    return StoreFailure(explain(words))


def shortened(words):
    return re.sub(r'\b(rest|s3|sftp):\S+', 'the repository', re.sub(r'\s+', ' ', words)).strip()


def explain(words):
    """What restic says, for a person."""
    words = shortened(words)
    for pattern, message in SENTENCES:
        if re.search(pattern, words, re.I):
            return message + (words[-300:] if message.endswith(': ') else '')
    if MISSING.search(words):
        return 'There is no backup of this Environment in the Backup store.'
    return 'The Backup store could not be used: %s' % words[-500:]

"""One attempt at a time on this machine. A run enters before it starts anything here: it gets a permit, which is a file, and
takes away the permits of earlier attempts and of whoever holds a lower fencing token, and ends their processes. Nothing
of a run starts without its permit (see guard.ts), and a process carries its marker before it looks for the permit: either
the look fails or the scan finds the process.

Read from standard input by the machine's Python: VERB BASE MARKER [KEY=TOKEN…]; answers with one line of JSON. Also the first
part of what shell/run_program.py is read with."""

# A run waits for this: nothing that takes long to import.
import fcntl
import json
import os
import pwd
import signal
import stat
import sys
import time

# Permits of runs whose end was never told, and fences of what is gone. No run takes longer than a week.
KEPT_SECONDS = 30 * 24 * 3600
PARTS = ('fences', 'permits', 'ending')
TERM_SECONDS = 1
KILL_SECONDS = 2
# The places of shell/run_program.py, which removes its folder itself unless it was killed.
RUN_FOLDERS = ('/run', '/dev/shm', '/tmp', '/var/tmp')


def state_folder(base):
    """Where nobody else can write. root's may be looked into: the guard is run by the user that logs in."""
    user = os.geteuid()
    if base:
        folder = os.path.join(base, 'aegir-fences-%d' % user)
    elif user == 0:
        folder = '/run/aegir'
    else:
        folder = user_folder(user)
    mode = 0o755 if user == 0 else 0o700
    for path in [folder] + [os.path.join(folder, part) for part in PARTS]:
        if not os.path.isdir(path):
            os.makedirs(path, mode, exist_ok=True)
            os.chmod(path, mode)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        raise OSError('%s is not a folder of this user alone. Remove it.' % folder)
    return folder


def user_folder(user):
    """Not a folder that goes with the last session, as that of XDG_RUNTIME_DIR and files in /dev/shm do. Accounts of services
    often have no home."""
    try:
        home = pwd.getpwuid(user).pw_dir
    except KeyError:
        home = ''
    if os.access(home, os.W_OK):
        return os.path.join(home, '.local', 'state', 'aegir')
    return '/var/tmp/aegir-fences-%d' % user


def locked(folder):
    """A file that holds the lock until it is closed."""
    file = open(os.path.join(folder, 'lock'), 'w')
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def enter(folder, marker, fences):
    """The permit, or why there is none: a higher token was here, or what was to be over could not be ended."""
    claims = dict(fences, **own_claim(marker))
    permit = os.path.join(folder, 'permits', marker)
    with locked(folder):
        if any(token < read_fence(folder, key) for key, token in claims.items()):
            return {'refused': True}
        names = outbid(folder, claims)
        replace(folder, permit, claims)
    left = end_runs(folder, names, claims)
    if not left:
        return {'permit': permit}
    leave(folder, marker)
    return {'left': left}


def leave(folder, marker):
    """Whether the permit was still there: otherwise another one has taken over. Also in fence.ts."""
    try:
        os.unlink(os.path.join(folder, 'permits', marker))
        return True
    except FileNotFoundError:
        return False


def end_attempts(folder, marker):
    """Ends this attempt and all before it; none of them enters any more. Returns what is left."""
    claims = {key: attempt + 1 for key, attempt in own_claim(marker).items()}
    with locked(folder):
        prune(folder)
        names = outbid(folder, claims)
    return end_runs(folder, names, claims)


def own_claim(marker):
    """An attempt is a token, too: of its Task."""
    task, _, attempt = marker.rpartition('.')
    return {'task-' + task: int(attempt)} if attempt.isdigit() else {}


def read_fence(folder, key):
    # 1 is the lowest token: nothing is written for the first attempt of a Task.
    return read(os.path.join(folder, 'fences', key), 1)


def outbid(folder, claims):
    """Raises the fences and takes the permits below them away; the names of the runs that have to be ended."""
    for key, token in claims.items():
        if token > read_fence(folder, key):
            replace(folder, os.path.join(folder, 'fences', key), token)
    permits, ending = os.path.join(folder, 'permits'), os.path.join(folder, 'ending')
    for name in os.listdir(permits):
        if below(read(os.path.join(permits, name), {}), claims):
            os.rename(os.path.join(permits, name), os.path.join(ending, name))
    # Also those of somebody who has begun to end them and may not have come to the end.
    return {name for name in os.listdir(ending) if below(read(os.path.join(ending, name), {}), claims)}


def below(held, claims):
    return any(claims.get(key, 0) > token for key, token in held.items())


def read(path, otherwise):
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        return otherwise


def replace(folder, path, value):
    """Whole or not at all. Only under the lock."""
    new = os.path.join(folder, 'new')
    with open(new, 'w') as file:
        json.dump(value, file)
    os.replace(new, path)


def prune(folder):
    oldest = time.time() - KEPT_SECONDS
    for path in [entry.path for part in PARTS for entry in os.scandir(os.path.join(folder, part))]:
        if os.stat(path).st_mtime < oldest:
            os.unlink(path)


def end_runs(folder, names, claims):
    def over(marker):
        return marker in names or below(own_claim(marker), claims)

    # The first attempt has none before it; whether something of others is left is known by their permits.
    if not names and all(token == 1 for key, token in claims.items() if key.startswith('task-')):
        return []
    left = end_processes(over)
    if left:
        return left
    remove_folders(over)
    for name in names:
        try:
            os.unlink(os.path.join(folder, 'ending', name))
        except FileNotFoundError:
            pass
    return []


def remove_folders(over):
    import shutil
    for base in filter(os.path.isdir, RUN_FOLDERS):
        for name in os.listdir(base):
            if name.startswith('aegir-run-') and over(name[len('aegir-run-'):]):
                shutil.rmtree(os.path.join(base, name), ignore_errors=True)


def end_processes(over):
    """One line for each process that could not be ended."""
    pids = find(over)
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        signal_all(pids, number)
        until = time.monotonic() + seconds
        while pids and time.monotonic() < until:
            time.sleep(0.02)
            new = find(over) - pids
            if number == signal.SIGKILL:
                signal_all(new, number)
            pids = {pid for pid in pids if alive(pid)} | new
    return ['%d %s' % (pid, process(pid, 'cmdline').replace(b'\0', b' ').decode('utf-8', 'replace').strip()) for pid in pids]


def find(over):
    """Marked processes and everything below them: sudo and the like drop the environment."""
    parents = {}
    found = set()
    for pid in processes():
        fields = process(pid, 'stat').rpartition(b')')[2].split()
        if len(fields) < 2 or fields[0] == b'Z':
            continue
        parents[pid] = int(fields[1])
        for entry in process(pid, 'environ').split(b'\0'):
            if entry.startswith(b'AEGIR_RUN=') and over(entry[10:].decode('utf-8', 'replace')):
                found.add(pid)
    while True:
        new = {pid for pid, parent in parents.items() if parent in found} - found
        if not new:
            return found - {os.getpid()}
        found |= new


def processes():
    # Without /proc the worker itself looks for processes of its runs (process-tree.ts).
    return [int(name) for name in os.listdir('/proc') if name.isdigit()] if os.path.isdir('/proc') else []


def process(pid, name):
    try:
        with open('/proc/%d/%s' % (pid, name), 'rb') as file:
            return file.read()
    except OSError:
        return b''


def alive(pid):
    fields = process(pid, 'stat').rpartition(b')')[2].split()
    return bool(fields) and fields[0] != b'Z'


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def respond(verb, base, marker, *fences):
    try:
        folder = state_folder(base)
        if verb == 'enter':
            return enter(folder, marker, {key: int(token) for key, token in (text.split('=') for text in fences)})
        return {'left': end_attempts(folder, marker)}
    except OSError as error:
        return {'problem': str(error)}


if len(sys.argv) > 1:
    print(json.dumps(respond(*sys.argv[1:])))

"""Runs a program that comes by standard input, on the machine where this is read: in a private folder that is gone in the
end, its lines on standard output, its end as one line of JSON on standard error. When standard input ends, nobody listens
any more and the program is ended, too. Read after fence.py: without a permit nothing is run."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading

# In memory first. Some of them forbid programs on some machines. fence.py knows the same names.
BASES = ('/run', '/dev/shm', '/tmp', '/var/tmp')
GRACE_SECONDS = 1
LONGEST_OUTPUTS = 1024 * 1024


class Stopped(Exception):
    pass


def stop(_number, _frame):
    # Not twice: the second would interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped('it was ended.')


def make_folder():
    name = 'aegir-run-' + os.environ['AEGIR_RUN']
    for base in BASES:
        if os.access(base, os.W_OK) and not os.statvfs(base).f_flag & os.ST_NOEXEC:
            folder = os.path.join(base, name)
            os.mkdir(folder, 0o700)
            return folder
    raise OSError('none of %s lets this user write and run programs.' % ', '.join(BASES))


def write_files(folder, files):
    for name, content in files.items():
        path = os.path.join(folder, 'shell', name)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), 'wb') as file:
            file.write(base64.b64decode(content))


def start(folder, request):
    path = os.path.join(folder, 'shell', 'run')
    own = {'HOME': folder, 'AEGIR_OUTPUTS': os.path.join(folder, 'outputs.json'), 'AEGIR_RUN': os.environ['AEGIR_RUN']}
    try:
        program = subprocess.Popen([path], cwd=folder, env={**request['environment'], **own}, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    except FileNotFoundError:
        with open(path, 'rb') as file:
            raise OSError('its interpreter is not there: %s' % file.readline().decode('utf-8', 'replace').strip())
    # A program need not read it, and must not wait for it.
    threading.Thread(target=feed, args=(program, request['input']), daemon=True).start()
    return program


def feed(program, text):
    try:
        with program.stdin:
            program.stdin.write(text.encode())
    except OSError:
        pass


def follow(program, woken):
    """Passes its output on until it has ended and nothing more can be read; the exit code."""
    output = program.stdout.fileno()
    watched = [output, woken, 0]
    while True:
        over = program.poll() is not None
        if over:
            send(program, signal.SIGKILL)
        ready = select.select(watched, [], [], 0 if over else None)[0]
        if output in ready:
            data = os.read(output, 65536)
            if data:
                write(data)
            else:
                watched.remove(output)
        elif over:
            return program.returncode
        elif 0 in ready:
            if not os.read(0, 4096):
                raise Stopped('nobody listens any more.')
        elif woken in ready:
            os.read(woken, 4096)


def write(data):
    while data:
        data = data[os.write(1, data):]


def send(program, number):
    """To it and what it started, but for what has left its group."""
    try:
        os.killpg(program.pid, number)
    except OSError:
        pass


def end(program):
    send(program, signal.SIGTERM)
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    send(program, signal.SIGKILL)
    program.wait()


def read_outputs(folder):
    try:
        with open(os.path.join(folder, 'outputs.json'), 'rb') as file:
            # One byte more tells the other side that it is too long.
            return file.read(LONGEST_OUTPUTS + 1).decode('utf-8', 'replace')
    except FileNotFoundError:
        return ''


def run_permitted(request, woken):
    marker = os.environ['AEGIR_RUN']
    state = state_folder('')
    entry = enter(state, marker, request['fences'])
    if 'permit' not in entry:
        return entry
    try:
        answer = run(request, woken)
    except (OSError, Stopped) as error:
        answer = {'problem': str(error)}
    # Without its permit it was ended by whoever has taken over.
    return answer if leave(state, marker) else {'refused': True}


def run(request, woken):
    folder = make_folder()
    program = None
    try:
        write_files(folder, request['files'])
        program = start(folder, request)
        code = follow(program, woken)
        return {'exit': code if code >= 0 else None, 'outputs': read_outputs(folder)}
    finally:
        if program:
            end(program)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    request = json.loads(sys.stdin.buffer.readline().decode())
    # The end of the program wakes the loop that waits for its output.
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, stop)
    try:
        answer = run_permitted(request, woken)
    except (OSError, Stopped) as error:
        answer = {'problem': str(error)}
    sys.stderr.write(json.dumps(answer) + '\n')


main()

"""The stdout callback of Aegir: Ansible's own default output, sent as JSON lines on a descriptor of its own, together with
what begins and ends between the lines. Without AEGIR_EVENTS it is the default callback."""

from __future__ import annotations

DOCUMENTATION = """
    name: aegir
    type: stdout
    short_description: default output and events as JSON lines
    description:
        - Sends what the default callback prints, and events of plays, tasks, results and statistics, in one order.
    extends_documentation_fragment:
      - default_callback
      - result_format_callback
    requirements:
      - set as stdout in configuration
"""

import json
import os
import sys
import threading
import time

from ansible import context
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.utils.color import stringc
from ansible.utils.display import Display

# Actions that never reach the target: a result of theirs does not show that the host answers.
LOCAL_ACTIONS = frozenset(
    (
        'add_host', 'assert', 'debug', 'fail', 'group_by', 'import_role', 'import_tasks', 'include_role', 'include_tasks',
        'include_vars', 'meta', 'pause', 'set_fact', 'set_stats', 'validate_argument_spec',
    )
)

# A message for a person quotes this much of a tool's output.
LONGEST_QUOTE = 600
# Comparing takes the square of the length at worst: longer texts are compared as far as this, in characters.
LONGEST_COMPARED = 256 * 1024
# Nobody reads further, and each is kept (model/drift.ts).
LONGEST_DIFFERENCE = 64 * 1024
# What an argument is called that says what a module works on.
WHAT = ('path', 'dest', 'file', 'unit', 'name')


class Stream:
    """Writes one JSON object per line, whole, whichever thread calls. Nothing is held back: the next line may be long in coming."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._lock = threading.Lock()
        # Modules and ssh do not need it, and would hold it open.
        os.set_inheritable(descriptor, False)

    def send(self, **event):
        data = memoryview((json.dumps(event, default=str) + '\n').encode('ascii'))
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data):]

    def lines(self, text):
        try:
            text.encode('utf-8')
        except UnicodeEncodeError:
            text = text.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')
        lines = text.split('\n')
        # Pieces, so that neither side holds a huge text twice.
        for start in range(0, len(lines), 1000):
            self.send(event='lines', lines=lines[start:start + 1000])


# Of the run. This file is imported before there is one (fork_server.py).
STREAM = None


def open_stream():
    """Without a descriptor to write to, this is the default callback."""
    global STREAM
    descriptor = os.environ.pop('AEGIR_EVENTS', '')
    if not descriptor:
        return
    STREAM = Stream(int(descriptor))
    # Warnings and errors come from everywhere through this one method: taking it over keeps one order.
    sys.stdout.flush()
    Display.display = display


def display(self, msg, color=None, stderr=False, screen_only=False, log_only=False, newline=True, caplevel=None):
    if self._final_q:
        self._final_q.send_display(
            'display', msg, color=color, stderr=stderr, screen_only=screen_only, log_only=log_only, newline=newline,
            caplevel=caplevel,
        )
        return
    if log_only:
        return
    text = msg.replace('\r\n', '\n')
    if text.endswith('\n'):
        text = text[:-1]
    STREAM.lines(stringc(text, color) if color else text)


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'aegir'

    def __init__(self):
        super().__init__()
        open_stream()
        self._begun = {}
        self._reasons = {}

    def _send(self, **event):
        if STREAM:
            STREAM.send(**event)

    def v2_playbook_on_play_start(self, play):
        self._send(event='play', name=play.get_name().strip())
        super().v2_playbook_on_play_start(play)

    def _task_start(self, task, prefix=None):
        self._send(event='task', name=task.get_name().strip(), uuid=task._uuid, action=short(task.action))
        super()._task_start(task, prefix)

    def v2_runner_on_start(self, host, task):
        self._begun[(host.get_name(), task._uuid)] = time.monotonic()
        super().v2_runner_on_start(host, task)

    def v2_runner_on_ok(self, result):
        if result.result.get('changed') and context.CLIARGS.get('check'):
            # Before the default takes the items of a loop away.
            self._differences(result)
        super().v2_runner_on_ok(result)
        self._end(result, 'changed' if result.result.get('changed') else 'ok')

    def v2_runner_on_skipped(self, result):
        super().v2_runner_on_skipped(result)
        self._end(result, 'skipped')

    def v2_runner_item_on_failed(self, result):
        self._reasons[(result.host.get_name(), result.task._uuid)] = reason(result.result)
        super().v2_runner_item_on_failed(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        told = reason(result.result)
        if short(result.task.action) == 'aegir_stream':
            # Its lines are in the log already.
            result.result.pop('stdout_tail', None)
        super().v2_runner_on_failed(result, ignore_errors)
        told = self._reasons.pop((result.host.get_name(), result.task._uuid), None) or told
        self._end(result, 'ignored' if ignore_errors else 'failed', told)

    def v2_runner_on_unreachable(self, result):
        super().v2_runner_on_unreachable(result)
        self._end(result, 'ignored' if result.task.ignore_unreachable else 'unreachable', reason(result.result))

    def _end(self, result, status, told=''):
        host = result.host.get_name()
        begun = self._begun.pop((host, result.task._uuid), None)
        action = short(result.task.action)
        self._send(
            event='result',
            name=result.task_name,
            uuid=result.task._uuid,
            host=host,
            action=action,
            status=status,
            durationMs=0 if begun is None else round((time.monotonic() - begun) * 1000),
            reachedTarget=status != 'unreachable' and action not in LOCAL_ACTIONS,
            reason=told,
        )

    def v2_on_file_diff(self, result):
        if not STREAM or not context.CLIARGS.get('check'):
            super().v2_on_file_diff(result)
            return
        # Told, not printed: what stands in the place of a secret is hidden where it is kept, and a log would show it.
        for item in changed_items(result):
            if item.get('diff'):
                self._get_diff(item['diff'])

    def _differences(self, result):
        for item in changed_items(result):
            text = super()._get_diff(short_enough(item.get('diff') or [])) or words(item)
            cut = text[:text.rfind('\n', 0, LONGEST_DIFFERENCE) + 1] if len(text) > LONGEST_DIFFERENCE else text
            left = len(text) - len(cut) + sum(map(left_out, as_list(item.get('diff'))))
            self._send(event='difference', name=result.task_name, resource=what(item), text=cut, left=left)

    def _get_diff(self, difflist):
        text = super()._get_diff(short_enough(difflist))
        if text:
            self._send(event='diff', text=text)
        return text

    def v2_playbook_on_stats(self, stats):
        super().v2_playbook_on_stats(stats)
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        outputs = {}
        for host in sorted(stats.custom, key=lambda name: name == '_run'):
            outputs.update(stats.custom[host])
        self._send(event='stats', hosts=hosts, outputs=outputs)


def changed_items(result):
    """Of a loop each item has its own."""
    items = result.result.get('results') if result.task.loop else None
    return [item for item in items or [result.result] if isinstance(item, dict) and item.get('changed')]


def as_list(diff):
    return [entry for entry in (diff if isinstance(diff, list) else [diff]) if isinstance(entry, dict)]


def left_out(entry):
    """Characters that are not compared."""
    texts = [entry.get(side) for side in ('before', 'after')]
    return sum(max(0, len(text) - LONGEST_COMPARED) for text in texts if isinstance(text, str))


def short_enough(difflist):
    def cut(value):
        if not isinstance(value, str) or len(value) <= LONGEST_COMPARED:
            return value
        # At the end of a line: half of a secret would be none that is known.
        return value[:value.rfind('\n', 0, LONGEST_COMPARED) + 1]

    return [{key: cut(value) for key, value in entry.items()} for entry in as_list(difflist)]


def words(result):
    """Where there is nothing to compare."""
    if 'censored' in result:
        return 'What differs is not shown, as it may hold secrets.'
    told = result.get('msg')
    return told if isinstance(told, str) else ''


def what(result):
    """The file, package or service that it is about; '' where nothing says it."""
    arguments = (result.get('invocation') or {}).get('module_args') or {}
    for name in WHAT:
        value = result.get(name) or arguments.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value:
            return ', '.join(str(one) for one in value)
    headers = [entry.get('before_header') for entry in as_list(result.get('diff'))]
    return next((str(header) for header in headers if header), '')


def short(action):
    return str(action).rsplit('.', 1)[-1]


def reason(result):
    if 'censored' in result:
        return 'its output is hidden (no_log)'
    told = str(result.get('msg') or '').strip()
    if result.get('argument_errors'):
        told = ' '.join(str(error) for error in result['argument_errors'])
    # A plain command says only "non-zero return code": its last words say why.
    words = str(result.get('stderr') or result.get('module_stderr') or '').strip()
    if not words and 'rc' in result:
        words = str(result.get('stdout') or result.get('module_stdout') or '').strip()
    if words and words not in told:
        told = f'{told}: {words[-LONGEST_QUOTE:]}'
    return told

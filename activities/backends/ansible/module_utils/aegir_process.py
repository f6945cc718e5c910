"""Whether the process that a lock of restic names is gone."""

from __future__ import annotations

import datetime
import os
import re

# Clocks of the kernel are read in different ways.
MARGIN_SECONDS = 2


def is_gone(lock):
    """False also when it cannot be known: on another machine, or when the lock does not say."""
    if lock.get('hostname') != os.uname().nodename or not lock.get('pid') or not lock.get('time'):
        return False
    started = start_of(lock['pid'])
    # One of that number that began later is another one.
    return started is None or started > time_of(lock['time']) + MARGIN_SECONDS


def start_of(pid):
    """Seconds since 1970; None: there is no such process."""
    try:
        with open('/proc/%d/stat' % pid, encoding='utf-8', errors='replace') as file:
            ticks = int(file.read().rsplit(')', 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None
    with open('/proc/stat', encoding='utf-8') as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith('btime '))
    return booted + ticks / os.sysconf('SC_CLK_TCK')


def time_of(text):
    """Of RFC 3339, with any number of digits behind the second."""
    return datetime.datetime.fromisoformat(re.sub(r'\.\d+', '', text).replace('Z', '+00:00')).timestamp()

"""Whether the disk has room, asked before anything is changed."""

from __future__ import annotations

import os

# What the web server, logs and caches write meanwhile.
RESERVE = 64 << 20


class Refused(Exception):
    """Its text is for a person."""


def free_at(path):
    """Bytes for us at the folder, or where it would be."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def most_at(path):
    """Bytes that something of unknown size may take there: a tenth stays free, for what the site does meanwhile."""
    return free_at(path) * 9 // 10


def refuse_without_room(path, needed, what):
    free, needed = free_at(path), needed + RESERVE
    if free < needed:
        raise Refused('The disk of the web Server has room for %d MB; %s may need %d MB. Make room, then start again. '
                      'Nothing was changed.' % (free >> 20, what, needed >> 20))
    return {'free': free, 'needed': needed}

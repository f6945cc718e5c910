"""How large a tree of files is, as manifests of backups say it."""

from __future__ import annotations

import os
import stat


def measure(folder):
    """How many files it has, and their bytes. Links are counted, not followed."""
    count = size = 0
    for place, folders, names in os.walk(folder):
        # Links to folders stand among the folders.
        for name in [*names, *(each for each in folders if os.path.islink(os.path.join(place, each)))]:
            try:
                found = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            count += 1
            size += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return {'count': count, 'bytes': size}

"""Hashes of files, reckoned once in a process for a file that stays as it is.

Generations share files. Whoever has checked one does not read it again for the next generation, as long as
it is the same file, of the same size, and was not written since.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path

from index.models import sha256_file

# A file that was written just before may be written again within one tick of the clock of its disk.
_SETTLED_NS = 2_000_000_000
_MOST = 10_000
# What no disk says that merely has no hard links.
_BROKEN = frozenset({errno.EEXIST, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOENT})
_known: dict[tuple[int, int, int, int], str] = {}
_lock = threading.Lock()


def sha256_once(path: Path) -> str:
    """Return the sha256 of a file, read anew unless this process has read it as it is now."""
    found = path.stat()
    key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    with _lock:
        digest = _known.get(key)
    if digest is not None:
        return digest
    settled = time.time_ns() - found.st_mtime_ns > _SETTLED_NS
    digest = sha256_file(path)
    if settled:
        with _lock:
            if len(_known) >= _MOST:
                _known.clear()
            _known[key] = digest
    return digest


def link_file(source: Path, target: Path) -> None:
    """Give a file that nobody writes any more a second name, or copy it where the disk has no such names."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _BROKEN:
            raise
        shutil.copyfile(source, target)


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two names are of one file."""
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False

"""What a failed write was: a full disk, one that may not be written, or one that broke.

A write or a sync that failed is never tried again here: after a failed sync the system may hold the lost
pages for clean, and a second try would succeed without them. The run ends with an error instead, and
the next one writes everything anew that it was not told is kept.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from pathlib import Path

from index.errors import StateFolderError, StorageFailedError, StorageFullError, StorageReadOnlyError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NO_PLACE = frozenset(
    {errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
)
_SQLITE_STORAGE = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_OS_ERROR = re.compile(r"(?:os error|Os \{ code:) (\d+)")


def storage_error(what: str, path: Path, cause: BaseException) -> StateFolderError:
    """Return the error for a write below `path` that failed; `what` says what could not be done."""
    number = _errno(cause)
    why = os.strerror(number) if number else str(cause)
    if number in _FULL or _sqlite(cause) == sqlite3.SQLITE_FULL:
        return StorageFullError(
            f"{what}: the disk of {path} is full ({why}); free some space and run this again. "
            "What was stored before is kept, and goes on being served"
        )
    if number in _READ_ONLY or _sqlite(cause) == sqlite3.SQLITE_READONLY:
        return StorageReadOnlyError(
            f"{what}: {path} cannot be written ({why}); make it writable, or set VERSE_STATE_DIR to another folder"
        )
    if number in _NO_PLACE:
        return StateFolderError(f"{what}: {path} ({why}); set VERSE_STATE_DIR to another folder")
    return StorageFailedError(
        f"{what}: writing below {path} failed ({why}); look at the disk, then run this again. "
        "What was reported as stored before is kept"
    )


def is_storage_failure(error: sqlite3.Error) -> bool:
    """Tell whether it was the disk that failed SQLite, and not what stands on it."""
    return _sqlite(error) in _SQLITE_STORAGE


def _errno(cause: BaseException) -> int | None:
    if isinstance(cause, OSError):
        return cause.errno
    # Libraries in Rust tell the number in their message only.
    found = _OS_ERROR.search(str(cause))
    return int(found.group(1)) if found else None


def _sqlite(cause: BaseException) -> int | None:
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF

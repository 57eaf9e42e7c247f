"""Why something that was sent is not taken. Nothing of it is kept, and nothing was acknowledged."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from index.errors import QAError

# A file may be cut short by a quota, or by a limit on its size, as well as by the disk.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class UploadError(QAError):
    """Root of what a sender is told."""


class UploadMalformedError(UploadError):
    """The body is no multipart form, or ends in the middle."""


class UploadTooLargeError(UploadError):
    """Too many bytes, or too many parts."""


class UnsupportedUploadError(UploadError):
    """No file of a kind that can be read."""


class KeyReusedError(UploadError):
    """The same Idempotency-Key came with something else before."""


class OtherSourceError(UploadError):
    """The document came from an indexed folder, and is changed there."""


class QueueFullError(UploadError):
    """Too much waits to be read already: come again."""


class StorageError(UploadError):
    """What was sent cannot be written down now."""


class StorageFullError(StorageError):
    """No room is left."""


class JobsDamagedError(StorageError):
    """The file of jobs is damaged."""


@contextmanager
def writing_down() -> Iterator[None]:
    """Turn what the disk refuses into what a sender is told.

    Raises:
        StorageFullError: no room is left.
        JobsDamagedError: the file of jobs is no database any more.
        StorageError: read-only, a failed sync, or another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError("there is no room left to store documents; nothing was taken") from error
        raise StorageError(f"documents cannot be written ({error.strerror}); nothing was taken") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StorageFullError("there is no room left to store documents; nothing was taken") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JobsDamagedError(f"the file of jobs is damaged ({error}); move it away") from error
        raise StorageError(f"documents cannot be written ({error}); nothing was taken") from error

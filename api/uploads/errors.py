"""Why something that was sent is not taken. Nothing of it is kept, and nothing was acknowledged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import QAError
from index.storage import is_storage_failure, storage_error


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


class StillReadingError(UploadError):
    """Something that was sent is still to be read."""


class StorageError(UploadError):
    """What was sent cannot be written down now."""


class JobsDamagedError(StorageError):
    """The file of jobs is damaged."""


@contextmanager
def writing_down(folder: Path) -> Iterator[None]:
    """Turn what the disk of `folder` refuses into what a sender is told.

    Raises:
        StateFolderError: no room is left, read-only, a failed sync (see `index.storage`).
        JobsDamagedError: the file of jobs is no database any more.
        StorageError: another reason.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JobsDamagedError(f"the file of jobs is damaged ({error}); move it away") from error
        if isinstance(error, sqlite3.Error) and not is_storage_failure(error):
            raise StorageError(f"documents cannot be written ({error}); nothing was taken") from error
        raise storage_error("documents were not taken", folder, error) from error

"""Bytes that were sent, on the disk until they are read: a file a content, named by its sha256 alone.

No name that a client chose is ever part of a path.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType

from api.uploads.errors import writing_down
from index.state import make_folder, sync_file

_LEFT_BEHIND_S = 3600


class Spool:
    """The folder `uploads/` of a state folder; for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # Contents that a request has written and no job names yet.
        self._claimed: Counter[str] = Counter()

    def path(self, sha256: str) -> Path:
        """Return where the bytes of this hash lie."""
        return self._folder / sha256

    def incoming(self) -> Incoming:
        """Begin to write a content down.

        Raises:
            StorageError: it cannot be.
        """
        return Incoming(self, self._folder)

    def keep(self, partial: Path, sha256: str) -> None:
        """Give complete, synced bytes their name, durably, and hold them until `release`."""
        with self._lock:
            self._claimed[sha256] += 1
            try:
                os.replace(partial, self.path(sha256))
                sync_file(self._folder)
            except OSError:
                self._claimed[sha256] -= 1
                raise

    def release(self, contents: Iterable[str], needed: Collection[str]) -> None:
        """Let go of contents, and delete those that no job needs."""
        with self._lock:
            for sha256 in contents:
                self._claimed[sha256] -= 1
                if self._claimed[sha256] <= 0:
                    del self._claimed[sha256]
                    if sha256 not in needed:
                        self.path(sha256).unlink(missing_ok=True)

    def drop(self, contents: Iterable[str], needed: Collection[str]) -> None:
        """Delete contents that were read, unless another job or a request under way needs them."""
        with self._lock:
            for sha256 in contents:
                if sha256 not in needed and not self._claimed[sha256]:
                    self.path(sha256).unlink(missing_ok=True)

    def sweep(self, needed: Collection[str]) -> None:
        """Delete what a killed service left behind: pieces of bodies, and contents without a job."""
        if not self._folder.is_dir():
            return
        with self._lock:
            for path in [*self._folder.iterdir(), *(self._folder / "incoming").glob("*")]:
                old = path.is_file() and time.time() - path.stat().st_mtime > _LEFT_BEHIND_S
                if old and path.name not in needed and not self._claimed[path.name]:
                    path.unlink(missing_ok=True)


class Incoming:
    """A content that is being written; what is not kept at the end of the block is deleted."""

    def __init__(self, spool: Spool, folder: Path) -> None:
        self._spool = spool
        self._folder = folder
        self._hash = hashlib.sha256()
        self.size = 0
        with writing_down(folder):
            make_folder(folder / "incoming")
            self._path = folder / "incoming" / secrets.token_hex(16)
            self._file = self._path.open("xb")

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with writing_down(self._folder):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def keep(self) -> str:
        """Sync the bytes and their folder, and return their sha256: from here on a crash loses none of them."""
        with writing_down(self._folder):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            sha256 = self._hash.hexdigest()
            self._spool.keep(self._path, sha256)
        return sha256

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def discard(self) -> None:
        """Forget bytes that were not kept; of kept ones nothing is left here."""
        try:
            self._file.close()
        except OSError:
            pass  # the rest of its buffer fits nowhere; it is deleted now
        finally:
            self._path.unlink(missing_ok=True)

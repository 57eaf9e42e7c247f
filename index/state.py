"""The state folder: everything that the service writes, one writer at a time.

STATE/
  catalog.sqlite     the record of truth
  writer.lock        held by the one process that writes
  CURRENT            names the published generation and the hash of its manifest
  generations/ID/    derived files, each listed with its sha256 in manifest.json
  models/            converted models
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import IndexBusyError
from index.failpoints import failpoint
from index.storage import storage_error

_PID_BYTES = 16


class StateFolder:
    """Paths below `VERSE_STATE_DIR`, and the lock that guards them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def catalog(self) -> Path:
        return self.path / "catalog.sqlite"

    @property
    def current(self) -> Path:
        return self.path / "CURRENT"

    @property
    def generations(self) -> Path:
        return self.path / "generations"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock. The system drops it when the process ends, however it ends.

        Raises:
            IndexBusyError: another process is writing; the message names it.
            StateFolderError: the folder cannot be made or written.
        """
        try:
            for folder in (self.path, self.generations, self.models):
                make_folder(folder)
            descriptor = os.open(self.path / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_error("the state folder cannot be used", self.path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
                raise IndexBusyError(
                    f"another process{f' ({holder})' if holder.isdigit() else ''} is writing to {self.path}; "
                    "wait until it is done and run this again"
                ) from error
            try:
                # Always as long, so that it needs no room on a full disk. Only for people: whoever holds
                # the lock is the writer, whatever stands in the file.
                os.pwrite(descriptor, f"{os.getpid():<{_PID_BYTES}d}".encode("ascii"), 0)
            except OSError as error:
                raise storage_error("the writer's lock cannot be taken", self.path, error) from error
            yield
        finally:
            os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each durably; one that is there is only synced by its own writers.

    Without the sync of the folder above, a power cut takes the new one with all that was synced in it.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_file(path.parent)


def sync_file(path: Path) -> None:
    """Flush a file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, and the folders themselves."""
    for current, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(current) / name)
        sync_file(Path(current))


def replace_file(path: Path, content: str) -> None:
    """Replace a file in one atomic and durable step."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(content, encoding="utf-8")
    failpoint("replace.written")
    sync_file(aside)
    failpoint("replace.synced")
    os.replace(aside, path)
    failpoint("replace.renamed")
    sync_file(path.parent)
    failpoint("replace.rename_synced")

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

from index.errors import IndexBusyError, StateFolderError


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
            IndexBusyError: another process is writing.
            StateFolderError: the folder cannot be made or written.
        """
        try:
            self.generations.mkdir(parents=True, exist_ok=True)
            self.models.mkdir(exist_ok=True)
            descriptor = os.open(self.path / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StateFolderError(
                f"the state folder {self.path} cannot be written ({error.strerror}); "
                "make it writable, or set VERSE_STATE_DIR to another folder"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IndexBusyError(
                    f"another process is writing to {self.path}; wait until it is done and run this again"
                ) from error
            yield
        finally:
            os.close(descriptor)


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
    sync_file(aside)
    os.replace(aside, path)
    sync_file(path.parent)

"""The journal of a run that goes on: one line for each question done, on the disk before the next.

A line is written by one call and synced, so that a process that dies leaves at most the beginning
of a last line, without its end. That is dropped when the journal is read; any other damage did not
come from dying, and is an error.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eval.datatypes import Entry, Timing
from eval.errors import RunFolderError
from eval.run_folder import entry_from, entry_row, line_of, timing_from, timing_row

LOCK = "run.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """What came of one question, in which session, and seconds since that session began to ask."""

    entry: Entry
    timing: Timing
    session: int
    elapsed_s: float

    def row(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "entry": entry_row(self.entry),
            "timing": timing_row(self.timing),
            "session": self.session,
            "elapsed_s": self.elapsed_s,
        }


def read_journal(path: Path) -> dict[str, JournalLine]:
    """Return the lines by question id, in their order; of a question twice in it, the first.

    No journal is an empty one: a run may die before its first answer.

    Raises:
        RunFolderError: it cannot be read, or a whole line of it is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
    found: dict[str, JournalLine] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            read = _line_from(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(
                f"{path}, line {number} is damaged ({error}); this is not from an interruption: "
                "restore the file, or begin again with another --out"
            ) from error
        found.setdefault(read.entry.question_id, read)
    return found


class Journal:
    """Appends to a journal. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with writable(path):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        sync_folder(path.parent)

    def append(self, line: JournalLine) -> None:
        """Write a line, and return when it is on the disk.

        Raises:
            RunFolderError: it cannot be written; what stands there may be continued all the same.
        """
        content = line_of(line.row())
        with writable(self._path):
            written = os.write(self._descriptor, content)
            while written < len(content):  # a disk that is nearly full takes a part
                written += os.write(self._descriptor, content[written:])
            os.fsync(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold a run folder against other processes; the system lets go when this one ends, however.

    Raises:
        RunFolderError: another process holds it, or it cannot be written.
    """
    with writable(folder):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"{folder}: another process is writing this run; wait for it, or choose another --out"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what the system says of a full or closed place into an error that names the next step."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be written: {error.strerror}; make room or give access, then go on with --resume"
        ) from error


def sync_folder(folder: Path) -> None:
    """Put the names of new files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line_from(row: Mapping[str, Any]) -> JournalLine:
    line = JournalLine(
        entry=entry_from(row["entry"]),
        timing=timing_from(row["timing"]),
        session=int(row["session"]),
        elapsed_s=float(row["elapsed_s"]),
    )
    if line.entry.question_id != line.timing.question_id:
        raise ValueError(f"{line.entry.question_id!r} with the timing of {line.timing.question_id!r}")
    return line

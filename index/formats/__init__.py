"""One file a format: bytes of a file in, `Record`s out. `READERS` is the one door.

Plain text and JSON Lines are read here; everything else in a process of its own (`index.parse`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from index.formats.jsonl import read_jsonl
from index.formats.kinds import ENDINGS, HEAD_BYTES, is_packed
from index.formats.record import Problem, Record
from index.formats.text import read_text

Reader = Callable[[Path, str], Iterator[Record | Problem]]


def _read_apart(path: Path, where: str) -> Iterator[Record | Problem]:
    # Imported here: the process that parses loads this package too.
    from index.parse import shared_pool

    yield from shared_pool().parse(path, path.name.encode("utf-8", "replace").decode(), where)


def _unless_packed(reader: Reader) -> Reader:
    """Read a PDF or an archive that is called a text as what it is."""

    def read(path: Path, where: str) -> Iterator[Record | Problem]:
        try:
            with path.open("rb") as file:
                packed = is_packed(file.read(HEAD_BYTES))
        except OSError:
            packed = False  # the reader says what is wrong
        yield from (_read_apart if packed else reader)(path, where)

    return read


_HERE = {"text": _unless_packed(read_text), "jsonl": _unless_packed(read_jsonl)}

READERS: Mapping[str, Reader] = MappingProxyType(
    {ending: _HERE.get(kind, _read_apart) for ending, kind in ENDINGS.items()}
)
"""File name ending (lower case) → its reader, called with the path and the name to report."""

__all__ = ["READERS", "Problem", "Reader", "Record"]

"""One file a format: bytes of a file in, `Record`s out. `READERS` is the one door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from index.formats.jsonl import read_jsonl
from index.formats.record import Problem, Record
from index.formats.text import read_text

Reader = Callable[[Path, str], Iterator[Record | Problem]]

READERS: Mapping[str, Reader] = {
    ".txt": read_text,
    ".text": read_text,
    ".md": read_text,
    ".markdown": read_text,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
"""File name ending (lower case) → its reader, called with the path and the name to report."""

__all__ = ["READERS", "Problem", "Reader", "Record"]

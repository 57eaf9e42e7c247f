"""Plain text and Markdown. Markdown is kept as its source: rendering it would move offsets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from index.canonical import decode
from index.errors import DocumentError
from index.formats.record import MAX_DOCUMENT_CHARACTERS, Problem, Record, checked_text

# Four bytes are the most that a character takes in the encodings we read.
_MAX_BYTES = 4 * MAX_DOCUMENT_CHARACTERS


def read_text(path: Path, where: str) -> Iterator[Record | Problem]:
    """Yield the one document of a text file, or the problem with it."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise DocumentError(
                where, f"has {size} bytes, over the limit of {_MAX_BYTES} for one document; split it"
            )
        text = decode(path.read_bytes(), where).text
        yield Record(where=where, text=checked_text(text, where))
    except OSError as error:
        yield Problem(error=DocumentError(where, f"cannot be read: {error.strerror or error}"))
    except DocumentError as error:
        yield Problem(error=error)

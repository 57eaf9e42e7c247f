"""Reads one uploaded file through the same door as `verse index`."""

from __future__ import annotations

from pathlib import Path

from index.formats.record import Problem, Record
from index.parse import shared_pool


def read_upload(path: Path, name: str, media_type: str | None = None) -> list[Record | Problem]:
    """Return the documents and problems of a file that its sender calls `name`.

    The ending of `name` and the first bytes decide the kind; `media_type` only where the name has no known ending.
    Every `where` begins with `name`, never with a path of the server. A file may give several documents: `member`
    is a part's path inside it, `document_id` is set where the file itself states ids.

    Raises:
        ParserError: the process that reads documents cannot be started.
    """
    return list(shared_pool().parse(path, name, name, media_type))

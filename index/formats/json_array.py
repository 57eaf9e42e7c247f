"""JSON: an array of the objects that JSON Lines has one a line, or one such object."""

from __future__ import annotations

from collections.abc import Iterator

from index.canonical import decode
from index.errors import DocumentError, DuplicateIdError
from index.formats.jsonl import parsed_object, record_of
from index.formats.record import Problem, Record


def read_json(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the documents of a file in order, and a problem for each entry that is none."""
    try:
        found = parsed_object(decode(raw, where).text)
    except RecursionError as error:
        raise DocumentError(where, "is nested too deeply") from error
    except ValueError as error:
        raise DocumentError(where, f"is not JSON: {error}") from error
    rows = found if isinstance(found, list) else [found]
    if not rows:
        raise DocumentError(where, "is an empty array")
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        here = f"{where}, entry {number}"
        try:
            record = record_of(row, here)
            if seen.setdefault(record.document_id or "", number) != number:
                raise DuplicateIdError(
                    here,
                    f"id {record.document_id!r} already stands in entry {seen[record.document_id or '']}",
                )
        except DocumentError as error:
            yield Problem(error=error)
        else:
            yield record

"""JSON Lines: one document a line. A broken line is reported with its number; the rest is kept."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from index.canonical import canonical_text, decode
from index.errors import DocumentError, DuplicateIdError, EncodingError
from index.formats.record import (
    MAX_DOCUMENT_CHARACTERS,
    MAX_ID_CHARACTERS,
    Problem,
    Record,
    checked_access,
    checked_date,
    checked_text,
)

_OPTIONAL = ("publisher", "author", "url", "language")
_ACCESS = "access"
_KNOWN = frozenset({"id", "title", "text", "published_at", _ACCESS, *_OPTIONAL})
# JSON may write one character as six bytes (\u0416).
_MAX_LINE_BYTES = 6 * MAX_DOCUMENT_CHARACTERS


def read_jsonl(path: Path, where: str) -> Iterator[Record | Problem]:
    """Yield the documents of a file in order, and a problem for each line that is none."""
    try:
        with path.open("rb") as file:
            yield from records_of_lines(file, where)
    except OSError as error:
        yield Problem(error=DocumentError(where, f"cannot be read: {error.strerror or error}"))


def records_of_lines(file: BinaryIO, where: str) -> Iterator[Record | Problem]:
    """Yield the documents of an open file in order, and a problem for each line that is none."""
    lines_of_ids: dict[str, int] = {}
    try:
        for number, raw in enumerate(_lines(file, where), start=1):
            here = f"{where}, line {number}"
            if not raw.strip():
                continue
            try:
                record = _record(raw, here)
                _refuse_repeated(record, number, lines_of_ids)
            except DocumentError as error:
                yield Problem(error=error)
            else:
                yield record
    except DocumentError as error:
        yield Problem(error=error)


def _lines(file: BinaryIO, where: str) -> Iterator[bytes]:
    start = file.read(4)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        yield from decode(file.read(), where).text.encode("utf-8").split(b"\n")
        return
    first = True
    # Read in bounded pieces: a line without an end must not fill the memory.
    while line := file.readline(_MAX_LINE_BYTES + 1):
        if len(line) > _MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(_MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
        elif first:
            line = line.removeprefix(codecs.BOM_UTF8)
        first = False
        yield line


def _record(raw: bytes, where: str) -> Record:
    if len(raw.rstrip(b"\r\n")) > _MAX_LINE_BYTES:
        raise DocumentError(where, f"is longer than {_MAX_LINE_BYTES} bytes; split the document")
    try:
        row = parsed_object(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise EncodingError(where, f"byte {error.start} is not UTF-8, which JSON Lines must be") from error
    except RecursionError as error:
        raise DocumentError(where, "is nested too deeply") from error
    except ValueError as error:
        raise DocumentError(where, f"is not JSON: {error}") from error
    return record_of(row, where)


def parsed_object(raw: str) -> Any:
    """Return a JSON text's value, in which no rule may be written twice."""
    return json.loads(raw, object_pairs_hook=_object)


def record_of(row: Any, where: str) -> Record:
    """Return the document that one JSON object describes.

    Raises:
        DocumentError: it is none.
    """
    if not isinstance(row, dict):
        raise DocumentError(where, f"is a JSON {type(row).__name__}, not an object")
    document_id = _document_id(row, where)
    _refuse_misspelt_access(row, where)
    text = row.get("text")
    if not isinstance(text, str):
        raise DocumentError(where, f"text is {_kind(row, 'text')}; it must be a string")
    return Record(
        where=where,
        document_id=document_id,
        text=checked_text(canonical_text(text, where), where),
        title=_optional(row, "title", where),
        published_at=(
            checked_date(row["published_at"], where) if row.get("published_at") is not None else None
        ),
        labels={
            canonical_text(key, where): _label(value, where)
            for key, value in row.items()
            if key not in _KNOWN
        },
        access=checked_access(row[_ACCESS], where) if _ACCESS in row else None,
        publisher=_optional(row, "publisher", where),
        author=_optional(row, "author", where),
        url=_optional(row, "url", where),
        language=_optional(row, "language", where),
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a rule that is written twice: which of the two is meant nobody can tell."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        for key in (_ACCESS, "users", "groups"):
            if keys.count(key) > 1:
                raise ValueError(f"{key} is written twice in one object")
    return found


def _refuse_misspelt_access(row: dict[str, Any], where: str) -> None:
    """Refuse "Access" and the like, which would be kept as a label of a public document."""
    for key in row:
        if key != _ACCESS and key.strip().casefold() == _ACCESS:
            raise DocumentError(where, f"has the field {key[:40]!a}; write it as {_ACCESS!r}")


def _document_id(row: dict[str, Any], where: str) -> str:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise DocumentError(where, f"id is {_kind(row, 'id')}; it must be a string")
    value = canonical_text(value, where)
    if not value.strip() or value in (".", "..") or len(value) > MAX_ID_CHARACTERS:
        raise DocumentError(
            where, f"id {value[:40]!r} must have 1 to {MAX_ID_CHARACTERS} characters and not be blank or dots"
        )
    if not value.isprintable():
        raise DocumentError(where, f"id {value[:40]!r} holds control characters")
    return value


def _optional(row: dict[str, Any], key: str, where: str) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DocumentError(where, f"{key} is {_kind(row, key)}; it must be a string or null")
    return canonical_text(value, where).strip() or None


def _kind(row: dict[str, Any], key: str) -> str:
    return "missing" if key not in row else f"a JSON {type(row[key]).__name__}"


def _label(value: Any, where: str) -> str:
    # Canonical too: a lone surrogate in a label cannot be stored any more than one in the text.
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    except RecursionError as error:  # writing takes a little more depth than reading took
        raise DocumentError(where, "is nested too deeply") from error
    return canonical_text(text, where)


def _refuse_repeated(record: Record, number: int, lines_of_ids: dict[str, int]) -> None:
    document_id = record.document_id or ""
    earlier = lines_of_ids.setdefault(document_id, number)
    if earlier != number:
        raise DuplicateIdError(
            record.where, f"id {document_id!r} already stands on line {earlier}; the first is kept"
        )

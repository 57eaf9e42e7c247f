"""CSV and TSV. With a column of texts each row is a document; any other table is one document of lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from index.canonical import canonical_text, decode
from index.errors import DocumentError
from index.formats.kinds import MEDIA_TYPES
from index.formats.made_text import made_line
from index.formats.record import (
    MAX_DOCUMENT_CHARACTERS,
    MAX_ID_CHARACTERS,
    Problem,
    Record,
    checked_date,
    checked_text,
)

MAX_COLUMNS = 1_000
_SAMPLE_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|")
# On average; a shorter column holds values, not texts.
_TEXT_CHARACTERS = 40
_NAMES = {
    "text": (
        "text",
        "body",
        "content",
        "article",
        "description",
        "message",
        "abstract",
        "текст",
        "содержание",
    ),
    "id": ("id", "document_id", "doc_id", "key"),
    "title": ("title", "headline", "subject", "name", "заголовок", "название"),
    "published_at": ("published_at", "date", "published", "created_at", "дата"),
    "url": ("url", "link", "source_url"),
    "author": ("author", "by", "автор"),
    "publisher": ("publisher", "source", "издание"),
    "language": ("language", "lang"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which column says what, by number; `rest` are the others, kept as labels."""

    known: dict[str, int]
    rest: dict[str, int]


def read_table(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the documents of a table in order, and a problem for each row that is none."""
    text = decode(raw, where).text
    csv.field_size_limit(MAX_DOCUMENT_CHARACTERS)
    delimiter = _delimiter(text, where)
    sample = list(islice(_rows(text, delimiter, where), _SAMPLE_ROWS))
    if not sample:
        raise DocumentError(where, "is empty")
    has_header = _has_header(sample)
    columns = _columns(sample, has_header=has_header)
    rows = enumerate(_rows(text, delimiter, where), start=1)
    if "text" not in columns.known:
        lines = [" | ".join(made_line(cell) for cell in row) for _, row in rows]
        made = canonical_text("\n".join(line for line in lines if line.strip(" |")), where)
        yield Record(where=where, text=checked_text(made, where), media_type=MEDIA_TYPES["csv"])
        return
    seen: dict[str, int] = {}
    for number, row in rows:
        if (number == 1 and has_header) or not any(cell.strip() for cell in row):
            continue
        here = f"{where}, row {number}"
        try:
            record = _record(row, columns, number, here)
            if record.document_id is not None and seen.setdefault(record.document_id, number) != number:
                raise DocumentError(
                    here, f"id {record.document_id!r} already stands in row {seen[record.document_id]}"
                )
        except DocumentError as error:
            yield Problem(error=error)
        else:
            yield record


def _rows(text: str, delimiter: str, where: str) -> Iterator[list[str]]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(row) > MAX_COLUMNS:
                raise DocumentError(where, f"has {len(row)} columns, over the limit of {MAX_COLUMNS}")
            if row:
                yield row
    except csv.Error as error:
        raise DocumentError(where, f"is no table: {error}") from error


def _delimiter(text: str, where: str) -> str:
    """Return the sign that cuts most of the first rows into the same number of cells, more than one."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            lengths = [len(row) for row in islice(_rows(text[:65_536], delimiter, where), 50)]
        except DocumentError:
            continue  # not this one; if it is none, the whole table is refused below
        if lengths:
            common = max(set(lengths), key=lengths.count)
            score = lengths.count(common) / len(lengths) * min(common, 20) if common > 1 else 0.0
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    first = [cell.strip() for cell in sample[0]]
    if any(cell.casefold() in names for cell in first for names in _NAMES.values()):
        return True
    return (
        len(sample) > 1
        and all(0 < len(cell) <= 60 and not cell.replace(".", "").isdigit() for cell in first)
        and len(set(first)) == len(first)
    )


def _columns(sample: Sequence[Sequence[str]], *, has_header: bool) -> _Columns:
    width = max(len(row) for row in sample)
    head = list(sample[0]) if has_header else []
    names = [made_line(head[n]) if n < len(head) else "" for n in range(width)]
    known: dict[str, int] = {}
    for field, candidates in _NAMES.items():
        for candidate in candidates:
            number = next((n for n, name in enumerate(names) if name.casefold() == candidate), None)
            if number is not None and number not in known.values():
                known[field] = number
                break
    body = sample[1:] if has_header else sample
    if "text" not in known and body:
        means = [
            sum(len(row[n]) for row in body if n < len(row)) / len(body) if n not in known.values() else 0.0
            for n in range(width)
        ]
        longest = max(range(width), key=lambda n: means[n])
        if means[longest] >= _TEXT_CHARACTERS:
            known["text"] = longest
    rest = {name or f"column {n + 1}": n for n, name in enumerate(names) if n not in known.values()}
    return _Columns(known=known, rest=rest)


def _record(row: Sequence[str], columns: _Columns, number: int, where: str) -> Record:
    def cell(field: str) -> str | None:
        at = columns.known.get(field)
        return made_line(row[at]) or None if at is not None and at < len(row) else None

    at = columns.known["text"]
    document_id = cell("id")
    if document_id is not None and (len(document_id) > MAX_ID_CHARACTERS or document_id in (".", "..")):
        raise DocumentError(where, f"id {document_id[:40]!r} must have 1 to {MAX_ID_CHARACTERS} characters")
    date = cell("published_at")
    return Record(
        where=where,
        document_id=document_id,
        member=None if document_id is not None else f"row {number}",
        text=checked_text(canonical_text(row[at] if at < len(row) else "", where), where),
        title=cell("title"),
        published_at=None if date is None else checked_date(date, where),
        url=cell("url"),
        author=cell("author"),
        publisher=cell("publisher"),
        language=cell("language"),
        labels={
            name: made_line(row[n]) for name, n in columns.rest.items() if n < len(row) and row[n].strip()
        },
        media_type=MEDIA_TYPES["csv"],
    )

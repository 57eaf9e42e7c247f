"""The bytes of a file → its documents, by kind. It runs in the process that parses; see `index.parse`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from index.canonical import decode
from index.errors import DocumentError, UnsupportedFormatError
from index.formats.archive import Budget, opened, read_archive
from index.formats.json_array import read_json
from index.formats.jsonl import records_of_lines
from index.formats.kinds import HEAD_BYTES, kind_of, said_to_be, supported_endings
from index.formats.mail import read_mail
from index.formats.markdown import read_markdown
from index.formats.pdf import read_pdf
from index.formats.record import Problem, Record, checked_text
from index.formats.table import read_table
from index.formats.webpage import read_webpage
from index.formats.word import is_word, read_word

_Read = Callable[[bytes, str], Iterator[Record | Problem]]


def _read_text(raw: bytes, where: str) -> Iterator[Record | Problem]:
    yield Record(where=where, text=checked_text(decode(raw, where).text, where))


def _read_jsonl(raw: bytes, where: str) -> Iterator[Record | Problem]:
    return records_of_lines(io.BytesIO(raw), where)


_BY_KIND: Mapping[str, _Read] = MappingProxyType(
    {
        "text": _read_text,
        "markdown": read_markdown,
        "jsonl": _read_jsonl,
        "json": read_json,
        "html": read_webpage,
        "pdf": read_pdf,
        "docx": read_word,
        "csv": read_table,
    }
)


def read_bytes(
    raw: bytes, name: str, where: str, budget: Budget | None = None, media_type: str | None = None
) -> Iterator[Record | Problem]:
    """Yield the documents of a file, or of a part of one, called `name`.

    Raises:
        DocumentError: nothing of it can be read; libraries may raise whatever they raise.
    """
    budget = budget or Budget()
    if not raw:
        raise DocumentError(where, "is empty")
    kind = kind_of(name, raw[:HEAD_BYTES], where, media_type)
    ending = name.rpartition(".")[2].lower()
    if kind in ("pdf", "html") and ending not in (kind, "htm", "xhtml") and "." in name:
        yield Problem(
            error=DocumentError(where, f"is {kind.upper()}, whatever its name says; read as that"),
            fatal=False,
        )
    if kind == "zip":
        with opened(raw, where, Budget()) as archive:
            kind = "docx" if is_word(archive, where) else "zip"
        said = said_to_be(name, media_type)
        if kind == "zip" and said not in (None, ".zip", ".docx"):
            raise UnsupportedFormatError(
                where, f"is a ZIP archive, not {said[:20]}; readable are {supported_endings()}"
            )
    if kind == "zip":
        yield from read_archive(raw, where, budget, read_bytes)
    elif kind == "eml":
        yield from read_mail(raw, where, budget, read_bytes)
    else:
        yield from _BY_KIND[kind](raw, where)

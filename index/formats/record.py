"""What a format reader yields: a document without its place in the corpus, or a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from index.access import AccessRule, read_rule
from index.errors import AccessRuleError, DocumentError
from index.layout import ExcludedSpan, PageSpan, Section

MAX_DOCUMENT_CHARACTERS = 10_000_000
MAX_ID_CHARACTERS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One document as its file gives it; `text` is canonical. `document_id` and `title` may be
    left to the loader, which knows the path."""

    where: str
    text: str
    document_id: str | None = None
    title: str | None = None
    publisher: str | None = None
    author: str | None = None
    published_at: str | None = None
    url: str | None = None
    language: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    access: AccessRule | None = None
    member: str | None = None
    """Which part of its file it is (a path in an archive, an attachment, a row); `None`: the whole file."""
    media_type: str | None = None
    pages: tuple[PageSpan, ...] = ()
    sections: tuple[Section, ...] = ()
    marked: tuple[ExcludedSpan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A document that could not be read. `fatal` is false for what was only skipped or is only worth saying.

    `source` is the absolute path of the file it concerns, set by the loader.
    """

    error: DocumentError
    fatal: bool = True
    source: str | None = None


def checked_date(value: object, where: str) -> str:
    """Return an ISO 8601 date or date-time as it was written.

    Raises:
        DocumentError: it is something else.
    """
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise DocumentError(where, f"published_at {value!r} is no ISO 8601 date; write it as 2025-11-06")


def checked_access(value: object, where: str) -> AccessRule:
    """Return the rule of who may read a document.

    Raises:
        DocumentError: it is none; a document whose rule cannot be understood is shown to nobody.
    """
    try:
        return read_rule(value)
    except AccessRuleError as error:
        raise DocumentError(where, str(error)) from error


def checked_text(text: str, where: str) -> str:
    """Return `text`, or refuse it when it is blank or too long to be one document.

    Raises:
        DocumentError: blank, or over `MAX_DOCUMENT_CHARACTERS`.
    """
    if not text.strip():
        raise DocumentError(where, "is empty")
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise DocumentError(
            where,
            f"has {len(text)} characters, over the limit of {MAX_DOCUMENT_CHARACTERS} for one "
            "document; split it",
        )
    return text

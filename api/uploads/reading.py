"""Bytes that were sent → documents: what the file says, and what its sender said of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from index.access import AccessRule, read_rule
from index.canonical import canonical_text
from index.errors import DocumentError
from index.formats import Problem, Record
from index.formats.kinds import ENDINGS, TYPE_ENDINGS
from index.formats.record import checked_text
from index.ingest_files import read_upload
from index.load import file_document_id, heading_title
from index.models import sha256_file
from index.types import UPLOAD, Document

DOCUMENTS_TYPE = "application/x-verse-documents"
"""Documents that came as JSON: a line each, as `api.uploads.metadata` has checked them."""

_NAME_CHARACTERS = 200


def supported_types() -> tuple[str, ...]:
    """Return the media types of files that can be read."""
    return tuple(TYPE_ENDINGS)


def is_supported(name: str, media_type: str | None) -> bool:
    """Tell whether a file of this name, or else of this type, can be read."""
    return Path(name).suffix.lower() in ENDINGS or ending_of(media_type or "") in ENDINGS


def ending_of(media_type: str) -> str:
    """Return the ending of files of a media type, or nothing."""
    return TYPE_ENDINGS.get(media_type, "")


def read_part(path: Path, name: str, media_type: str | None, sha256: str) -> list[Record | Problem]:
    """Read one part of a job, if it is still what was sent.

    Raises:
        DocumentError: it is not.
    """
    try:
        found = sha256_file(path)
    except OSError as error:
        raise DocumentError(name, f"cannot be read any more ({error.strerror}); send it again") from error
    if found != sha256:
        raise DocumentError(name, "was damaged on the disk before it was read; send it again")
    if media_type == DOCUMENTS_TYPE:
        return list(_checked_documents(path, name))
    return read_upload(path, name, media_type)


def document_from(
    record: Record, name: str, document_id: str, details: Mapping[str, Any], access: AccessRule | None
) -> Document:
    """Make a document of what its file says; what its sender said of it counts more.

    Raises:
        DocumentError: a text cannot be stored.
    """
    title = details.get("title") or record.title or heading_title(record.text) or stem(name)
    return Document(
        document_id=document_id,
        title=canonical_text(title, name),
        text=record.text,
        source=UPLOAD,
        root=UPLOAD,
        publisher=details.get("publisher") or record.publisher,
        author=details.get("author") or record.author,
        published_at=details.get("published_at") or record.published_at,
        url=details.get("url") or record.url,
        language=details.get("language") or record.language,
        labels={**record.labels, **details.get("labels", {})},
        access=access,
        pages=record.pages,
        sections=record.sections,
        marked=record.marked,
        media_type=record.media_type,
    )


def given_up(items: Sequence[Record | Problem], name: str) -> bool:
    """Tell whether a file as a whole was given up, maybe half-way: nothing of it is kept then."""
    return any(isinstance(i, Problem) and i.fatal and i.error.where == name for i in items)


def wanted_id(record: Record, name: str, details: Mapping[str, Any]) -> str:
    """Return the id that a document should have: the sender's, the file's own, or one made of the names."""
    stated: str | None = details.get("id") or record.document_id
    return stated or file_document_id(f"{name}/{record.member}" if record.member else name)


def clean_name(sent: str) -> str:
    """Return a file's name as it is shown: the last part of a path, without what cannot be printed."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", sent))[-1]
    shown = "".join(one for one in last if one.isprintable() and not 0xD800 <= ord(one) <= 0xDFFF).strip()
    if len(shown) > _NAME_CHARACTERS:
        ending = Path(shown).suffix[:20]
        shown = shown[: _NAME_CHARACTERS - len(ending)] + ending
    return shown if shown.strip(". ") else "file"


def stem(name: str) -> str:
    """Return a name without its ending."""
    return Path(name).stem or name


def _checked_documents(path: Path, name: str) -> Iterator[Record | Problem]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        where = f"{name}, document {number}"
        try:
            yield Record(
                where=where,
                document_id=row["id"],
                text=checked_text(row["text"], where),
                title=row.get("title"),
                publisher=row.get("publisher"),
                author=row.get("author"),
                published_at=row.get("published_at"),
                url=row.get("url"),
                language=row.get("language"),
                labels=row.get("labels", {}),
                access=read_rule(row["access"]) if "access" in row else None,
            )
        except DocumentError as error:
            yield Problem(error=error)

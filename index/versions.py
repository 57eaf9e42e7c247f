"""The versions of a document: a number that only rises, and of each earlier text its hash, time and length.

No earlier text is kept. The numbers outlive the document, so that one which comes back goes on counting.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.errors import AccessUnreadableError, CatalogDamagedError, IndexMismatchError
from index.schema import connect_to, version_seal
from index.types import Document, sha256_text

Read = Callable[[str, tuple[object, ...]], Iterable[tuple[Any, ...]]]
"""Runs a statement with its values: a connection's `execute`, or the catalog's own."""

Cited = tuple[str, str]
"""A document's id and the sha256 of its text when it was quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One text that was stored under an id. `stored_at` is milliseconds since 1970, `length` code points.

    `stored_at` is `None` for what was stored before times were kept; `sha256` and `length` are `None` for
    a document that was removed since: of such a text not even the hash stays.
    """

    version: int
    sha256: str | None
    stored_at: int | None
    length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a quoted text: the version it was, as far as that is known, and what stands there now."""

    before: StoredVersion | None
    now: StoredVersion
    text: str


def versions_of(read: Read, document_id: str) -> list[StoredVersion]:
    """Return all versions of an id, the first first.

    Raises:
        CatalogDamagedError: one is missing, or is not what was stored.
    """
    found: list[StoredVersion] = []
    rows = read(
        "SELECT version, sha256, stored_at, length, seal FROM versions WHERE document_id = ? ORDER BY version",
        (document_id,),
    )
    for version, sha256, stored_at, length, seal in rows:
        if version != len(found) + 1 or seal != version_seal(document_id, version, sha256, stored_at, length):
            raise _damaged(document_id)
        found.append(StoredVersion(version=version, sha256=sha256, stored_at=stored_at, length=length))
    return found


def with_version(read: Read, document: Document) -> Document:
    """Return a stored document with the number and times of its version.

    Raises:
        CatalogDamagedError: the last version is not that of its text.
    """
    versions = versions_of(read, document.document_id)
    if not versions or versions[-1].sha256 != document.sha256:
        raise _damaged(document.document_id)
    last = versions[-1]
    return replace(
        document,
        version=last.version,
        stored_at=last.stored_at,
        first_stored_at=versions[0].stored_at,
    )


def add_version(db: sqlite3.Connection, document: Document, now_ms: int) -> None:
    """Note that a text takes the place of the one before, inside the caller's transaction."""
    number = len(versions_of(db.execute, document.document_id)) + 1
    values = (document.document_id, number, document.sha256, now_ms, len(document.text))
    db.execute(
        "INSERT INTO versions (document_id, version, sha256, stored_at, length, seal) VALUES (?,?,?,?,?,?)",
        (*values, version_seal(*values)),
    )


def forget_hashes(db: sqlite3.Connection, document_id: str) -> None:
    """Keep of a document that is removed the numbers and times alone, inside the caller's transaction.

    From a hash a short text can be guessed.
    """
    for found in versions_of(db.execute, document_id):
        seal = version_seal(document_id, found.version, None, found.stored_at, None)
        db.execute(
            "UPDATE versions SET sha256 = NULL, length = NULL, seal = ? WHERE document_id = ? AND version = ?",
            (seal, document_id, found.version),
        )


class Versions:
    """The versions in one catalog, read whenever they are asked for; for several threads."""

    def __init__(self, catalog: Path) -> None:
        self._path = catalog

    def since(self, cited: Collection[Cited]) -> Mapping[Cited, Change]:
        """Return what became of those of these texts that are not the current ones any more.

        A document that is not there is in no change: it was removed, or never here.

        Raises:
            AccessUnreadableError: the catalog cannot be read, so that nothing quoted can be vouched for.
            CatalogDamagedError: a text or version is not what was stored.
        """
        if not cited or not self._path.exists():
            return {}
        try:
            with closing(connect_to(self._path)) as db:
                db.execute("BEGIN")
                found = {one: change for one in set(cited) if (change := _change(db, *one)) is not None}
                db.execute("ROLLBACK")
                return found
        except (OSError, sqlite3.Error, UnicodeDecodeError, IndexMismatchError) as error:
            raise AccessUnreadableError(
                f"whether quoted sources have changed cannot be read from {self._path}: {error}; see `verse doctor`"
            ) from error


def nothing_changed(_cited: Collection[Cited]) -> Mapping[Cited, Change]:
    """Know of no change: for a database of conversations without an index beside it."""
    return {}


def _change(db: sqlite3.Connection, document_id: str, sha256: str) -> Change | None:
    row = db.execute("SELECT sha256 FROM documents WHERE document_id = ?", (document_id,)).fetchone()
    if row is None or row[0] == sha256:
        return None
    versions = versions_of(db.execute, document_id)
    (text,) = db.execute("SELECT text FROM documents WHERE document_id = ?", (document_id,)).fetchone()
    if not versions or sha256_text(text) != row[0] or versions[-1].sha256 != row[0]:
        raise _damaged(document_id)
    before = next((one for one in reversed(versions) if one.sha256 == sha256), None)
    return Change(before=before, now=versions[-1], text=text)


def _damaged(document_id: str) -> CatalogDamagedError:
    return CatalogDamagedError(
        f"the versions of document {document_id!r} have changed; restore the catalog from a backup, or move "
        "it away and index the documents again"
    )

"""Who may read what, as the catalog says at this moment.

The rules are read from the record of truth itself, by every request: there is no copy to be stale and
nothing to rebuild. What cannot be read lets nobody in.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from index.access import AccessRule, Viewer, read_rule
from index.catalog import next_version, store_access
from index.errors import (
    AccessChangedError,
    AccessRuleError,
    AccessUnreadableError,
    IndexMismatchError,
)
from index.failpoints import failpoint
from index.schema import access_seal, connect_to
from index.storage import storage_error

_REMEMBERED_RULES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed since a version: `rules` by document id, `None` for a document that was removed.

    `before` are rules of replaced texts: (document id, rule, last generation that may hold it); all of them
    where `before_anew`. `whole` says that nothing from before counts any more: another file is there.
    """

    version: int
    rules: dict[str, AccessRule | None]
    before: tuple[tuple[str, AccessRule, int], ...]
    before_anew: bool
    whole: bool


class Rules:
    """The rules in one catalog; for several threads. Opened when first needed, and again if the file is another.

    Every method raises:
        AccessUnreadableError: the catalog is missing, damaged or locked, or a rule is not the stored one.
    """

    def __init__(self, catalog: Path) -> None:
        self._path = catalog
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._opened = 0

    def changes(self, version: int, opened: int) -> tuple[Changes, int] | None:
        """Return what has changed since `version` of the file that was `opened`; `None` where nothing has.

        With it comes the number of the opened file, for the next call; begin with 0 and 0.
        """
        with self._reading() as db:
            now, purged = db.execute("SELECT version, purged FROM access_state").fetchone()
            if (now, self._opened) == (version, opened):
                return None
            whole = self._opened != opened or now < version
            since = 0 if whole else version
            rows = db.execute(
                "SELECT document_id, rule, removed_at, seal FROM access WHERE changed > ?", (since,)
            )
            rules = {row[0]: _rule_of(*row) for row in rows}
            before = tuple(
                (document_id, _sealed_rule(document_id, text, generation, seal), generation)
                for document_id, text, generation, seal in db.execute(
                    "SELECT document_id, rule, generation, seal FROM access_before WHERE changed > ?",
                    (0 if purged > since else since,),
                )
            )
            found = Changes(version=now, rules=rules, before=before, before_anew=purged > since, whole=whole)
            return found, self._opened

    def refuse_unreadable(self, viewer: Viewer, document_ids: Collection[str], generation: int) -> None:
        """Look each of these documents up anew, as the last thing before they are shown.

        Raises:
            AccessChangedError: one is not, or not any more, for this viewer.
        """
        if viewer.everything or not document_ids:
            return
        with self._reading() as db:
            for document_id in set(document_ids):
                rules = [_current(db, document_id)]
                rules += [
                    _sealed_rule(document_id, text, last, seal)
                    for text, last, seal in db.execute(
                        "SELECT rule, generation, seal FROM access_before "
                        "WHERE document_id = ? AND generation >= ?",
                        (document_id, generation),
                    )
                ]
                if not all(rule is not None and viewer.may_read(rule) for rule in rules):
                    # Without the id: this may reach the one who may not read it.
                    raise AccessChangedError(
                        "who may read what was changed while this was answered; ask again"
                    )

    def withheld(self, viewer: Viewer, document_ids: Collection[str]) -> frozenset[str]:
        """Return those of these documents of which nothing may be shown to a viewer.

        They were removed, or are not theirs to read. For whoever reads everything, only what was removed:
        a document that was never here is not known to be gone.
        """
        found: set[str] = set()
        if not document_ids or (viewer.everything and not self._path.exists()):
            return frozenset()
        with self._reading() as db:
            for document_id in set(document_ids):
                rule = _current(db, document_id)
                known = rule is not None or _is_tombstone(db, document_id)
                if rule is None:
                    if known or not viewer.everything:
                        found.add(document_id)
                elif not viewer.may_read(rule):
                    found.add(document_id)
        return frozenset(found)

    def rule_of(self, document_id: str) -> AccessRule | None:
        """Return the rule of a document; `None` where there is no such document."""
        with self._reading() as db:
            return _current(db, document_id) if _can_be_stored(document_id) else None

    def source_of(self, document_id: str) -> str | None:
        """Return where a stored document came from; `None` where there is no such document.

        Raises:
            AccessUnreadableError: the catalog cannot be read.
        """
        if not _can_be_stored(document_id):
            return None
        with self._reading() as db:
            row = db.execute(
                "SELECT d.source FROM documents d JOIN access a ON a.document_id = d.document_id "
                "WHERE d.document_id = ? AND a.removed_at IS NULL",
                (document_id,),
            ).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give one state of the rules."""
        with self._lock:
            try:
                db = self._open()
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    db.execute("ROLLBACK")
            except (
                OSError,
                sqlite3.Error,
                UnicodeDecodeError,
                TypeError,
                AccessRuleError,
                IndexMismatchError,
            ) as error:
                self._close()
                raise AccessUnreadableError(
                    f"who may read what cannot be read from {self._path}: {error}; see `verse doctor`"
                ) from error

    def _open(self) -> sqlite3.Connection:
        # A file that was put in the place of ours goes unnoticed by an open connection.
        found = self._path.stat()
        here = (found.st_dev, found.st_ino)
        if self._db is None or here != self._file:
            self._close()
            db = connect_to(self._path, across_threads=True)
            self._db, self._file = db, here
            self._opened += 1
            self._end = weakref.finalize(self, db.close)
        return self._db

    def _close(self) -> None:
        if self._db is not None:
            self._end()
            self._db = self._file = None


def set_access(catalog: Path, document_id: str, rule: AccessRule) -> bool:
    """Make this the rule of a document, on the disk when this returns; return whether there is such a document.

    It needs no writer's lock and no look at the rest of the catalog: rights are taken away while
    documents are being indexed too.

    Raises:
        StateFolderError: it cannot be written.
    """
    return _changed(catalog, document_id, lambda db: store_access(db, document_id, rule))


def _changed(catalog: Path, document_id: str, change: Callable[[sqlite3.Connection], bool]) -> bool:
    """Make a change of rules in one synced transaction; return whether it concerned anything."""
    if not _can_be_stored(document_id):
        return False
    try:
        # Not made where it is missing.
        catalog.stat()
        db = connect_to(catalog, across_threads=True)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            try:
                there = change(db)
                failpoint("catalog.access.written")
                db.execute("COMMIT" if there else "ROLLBACK")
                failpoint("catalog.access.committed")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return there
        finally:
            db.close()
    except FileNotFoundError:
        return False
    except (OSError, sqlite3.Error) as error:
        raise storage_error("the rule was not changed", catalog.parent, error) from error


def withdraw(catalog: Path, document_id: str) -> bool:
    """Let nobody read a document from now on, durably; return whether there was such a document.

    Its text is still stored: whoever holds the writer's lock removes it. Like `set_access`, this waits for nobody.

    Raises:
        StateFolderError: it cannot be written.
    """

    def tombstone(db: sqlite3.Connection) -> bool:
        row = db.execute(
            "SELECT rule FROM access WHERE document_id = ? AND removed_at IS NULL", (document_id,)
        ).fetchone()
        if row is None:
            return False
        at = time.time_ns() // 1_000_000
        db.execute(
            "UPDATE access SET removed_at = ?, changed = ?, seal = ? WHERE document_id = ?",
            (at, next_version(db), access_seal(document_id, row[0], at), document_id),
        )
        return True

    return _changed(catalog, document_id, tombstone)


def _can_be_stored(document_id: str) -> bool:
    """Tell whether an id is UTF-8: what a terminal sends need not be, and no document has such an id."""
    return document_id.encode("utf-8", "replace").decode("utf-8") == document_id


def _current(db: sqlite3.Connection, document_id: str) -> AccessRule | None:
    row = db.execute(
        "SELECT document_id, rule, removed_at, seal FROM access WHERE document_id = ?", (document_id,)
    ).fetchone()
    return None if row is None else _rule_of(*row)


def _is_tombstone(db: sqlite3.Connection, document_id: str) -> bool:
    return (
        db.execute(
            "SELECT 1 FROM access WHERE document_id = ? AND removed_at IS NOT NULL", (document_id,)
        ).fetchone()
        is not None
    )


def _rule_of(document_id: str, text: str, removed_at: int | None, seal: str) -> AccessRule | None:
    rule = _sealed_rule(document_id, text, removed_at or 0, seal)
    return rule if removed_at is None else None


def _sealed_rule(document_id: str, text: str, number: int, seal: str) -> AccessRule:
    if seal != access_seal(document_id, text, number):
        raise AccessRuleError(f"the rule of document {document_id!r} is not the one that was stored")
    return _parsed(text)


@lru_cache(_REMEMBERED_RULES)
def _parsed(text: str) -> AccessRule:
    """Return the one object of each rule: few rules stand over many documents."""
    try:
        return read_rule(json.loads(text))
    except ValueError as error:
        raise AccessRuleError(f"a stored rule is no JSON: {error}") from error

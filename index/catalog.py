"""The record of truth: documents with all that was derived from their text, in SQLite.

Each change of a document is one transaction, synced before it returns. Vectors are kept here too,
by the hash of what was embedded, so that a lost generation costs no inference and an interrupted
run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from index.access import PUBLIC, AccessRule, rule_text
from index.clean import Fingerprint
from index.errors import CatalogDamagedError, DuplicateIdError, IndexBusyError, SpanError
from index.failpoints import failpoint
from index.layout import check_layout, pack_layout, unpack_layout
from index.schema import access_seal, migrate
from index.signatures import Signatures
from index.storage import is_storage_failure, storage_error
from index.types import UPLOAD, Document, ExcludedSpan, FloatArray, Passage, Sentence, sha256_text
from index.versions import add_version, forget_hashes, with_version

Change = Literal["added", "replaced", "access", "unchanged"]
""""access": the same document, of which its source now says another rule."""

_COLUMNS = "document_id, title, source, root, publisher, author, published_at, url, language, labels"
_SEAL_BYTES = 8
_EMPTYING_S = 10.0
_SENTENCE_KINDS: tuple[Literal["text", "heading", "list_item"], ...] = ("text", "heading", "list_item")


class Catalog:
    """One open connection to the record of truth; for one thread of one process.

    Raises:
        CatalogDamagedError: the file fails SQLite's own check.
        IndexMismatchError: another format version.
        StateFolderError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, *, verify: bool = True) -> None:
        self._path = path
        if path.is_file() and not path.stat().st_size and path.with_name("CURRENT").exists():
            # SQLite takes it for a new one, and whatever is published would be published anew without documents.
            raise self._damaged("it is empty")
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        except sqlite3.OperationalError as error:
            raise storage_error("the catalog cannot be opened", path.parent, error) from error
        try:
            with self._reporting_damage():
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                if verify:
                    self._refuse_damage()
                migrate(self._db)
                self._db.create_function("access_seal", 3, access_seal, deterministic=True)
                # Last, because it is written into the file: one that is not ours stays as it was.
                self._db.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            self._db.close()
            raise
        self.signatures = Signatures(self._db, self._transaction, self._read)

    def close(self) -> None:
        """Close the connection, which also folds the write-ahead log into the file."""
        self._db.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Documents

    def put(
        self,
        document: Document,
        own_excluded: Sequence[ExcludedSpan],
        prints: Sequence[Fingerprint],
    ) -> Change:
        """Store a document durably, or find that it is stored just so already.

        Its rule is stored in the same transaction, see `_set_stated_rule`; so is, for a text that is new
        under its id, the next version.

        A new or changed document is left for `derive` to split; so is every document that shares
        a paragraph with it, since which copy counts as the first may have changed.

        Raises:
            DuplicateIdError: the id belongs to a document from another source.
        """
        digest, layout = document_digest(document), pack_layout(document.layout)
        with self._transaction("put"):
            row = self._db.execute(
                "SELECT seq, source, record_sha256, text = ? FROM documents WHERE document_id = ?",
                (document.text, document.document_id),
            ).fetchone()
            if row is not None:
                _refuse_other_source(document, row[1])
                if row[2] == digest and row[3]:
                    # The file may have moved; its old place must not go on holding the id.
                    self._db.execute(
                        "UPDATE documents SET source = ?, root = ? "
                        "WHERE seq = ? AND (source, root) <> (?, ?)",
                        (document.source, document.root, row[0], document.source, document.root),
                    )
                    return "access" if self._set_stated_rule(document, same_text=True) else "unchanged"
                self._unsettle_sharers(row[0])
                self.signatures.forget(row[0])
                self._db.execute("DELETE FROM fingerprints WHERE document_seq = ?", (row[0],))
                self._db.execute("DELETE FROM excluded WHERE document_seq = ?", (row[0],))
                self._db.execute("DELETE FROM passages WHERE document_seq = ?", (row[0],))
                self._db.execute(
                    f"UPDATE documents SET ({_COLUMNS}, sha256, record_sha256, derivation, derived_sha256, text, "
                    "layout) = (?,?,?,?,?,?,?,?,?,?,?,?,'','',?,?) WHERE seq = ?",
                    (*row_of(document), document.sha256, digest, document.text, layout, row[0]),
                )
                seq = int(row[0])
            else:
                cursor = self._db.execute(
                    f"INSERT INTO documents ({_COLUMNS}, sha256, record_sha256, derivation, derived_sha256, text, "
                    "layout) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,'','',?,?)",
                    (*row_of(document), document.sha256, digest, document.text, layout),
                )
                seq = int(cursor.lastrowid or 0)
            if row is None or not row[3]:
                add_version(self._db, document, time.time_ns() // 1_000_000)
            self._insert_excluded(seq, own_excluded)
            self._db.executemany(
                "INSERT INTO fingerprints (digest, document_seq) VALUES (?, ?)",
                [(mark.digest, seq) for mark in prints],
            )
            self._unsettle_sharers(seq)
            self._set_stated_rule(document, same_text=False, new=row is None)
        return "added" if row is None else "replaced"

    def remove(self, document_id: str) -> None:
        """Remove a document and all that was derived from it, durably; what stays is a tombstone.

        From then on its rule lets nobody read it, whatever a generation still holds. The rule is kept for
        a document that comes back under this id and states none.
        """
        with self._transaction("remove"):
            row = self._db.execute(
                "SELECT seq FROM documents WHERE document_id = ?", (document_id,)
            ).fetchone()
            if row is None:
                return
            self._unsettle_sharers(row[0])
            self._db.execute(
                "DELETE FROM vectors WHERE key IN "
                "(SELECT vector_key FROM passages WHERE document_seq = :seq) AND NOT EXISTS "
                "(SELECT 1 FROM passages WHERE vector_key = vectors.key AND document_seq <> :seq)",
                {"seq": row[0]},
            )
            self._db.execute("DELETE FROM documents WHERE seq = ?", (row[0],))
            forget_hashes(self._db, document_id)
            declared, rule, _ = self._stored_rule(document_id) or (None, rule_text(AccessRule()), None)
            self._store_rule(document_id, declared, rule, removed_at=time.time_ns() // 1_000_000)

    # Who may read it

    def set_access(self, document_id: str, rule: AccessRule) -> bool:
        """Make this the rule of a document, durably; return whether there is such a document.

        It holds at once and until its source states another one than it did before.
        """
        with self._transaction("access"):
            return store_access(self._db, document_id, rule)

    def publishing(self, generation: int) -> None:
        """Note the number of the generation that is about to be published.

        A text that is replaced from here on may stand in a generation of up to that number.
        """
        with self._transaction("publishing"):
            self._db.execute("UPDATE access_state SET generation = ?", (generation,))

    def published(self, generation: int, before: int) -> None:
        """Forget rules of replaced texts that no open generation can hold any more.

        `before` is the number of the generation that was current until now, which a server may still have open.
        """
        with self._transaction("published"):
            self._db.execute("DELETE FROM access_before WHERE generation < ?", (before,))
            # Numbers begin anew where the generations were deleted; the new one holds no replaced text.
            self._db.execute(
                "UPDATE access_before SET generation = :last, seal = access_seal(document_id, rule, :last) "
                "WHERE generation > :last",
                {"last": generation - 1},
            )
            self._db.execute("UPDATE access_state SET purged = ?", (next_version(self._db),))

    def _set_stated_rule(self, document: Document, *, same_text: bool, new: bool = False) -> bool:
        """Store the rule that follows from what a document's source says; return whether it is another one.

        A source that states what it stated before, or nothing, changes nothing: a rule that was set since
        stays. Of a new document nothing stated means public. While a generation may still hold the text
        that this one replaces, that text's rule is kept too, also where it is the same: another rule may
        follow before the new text is published.
        """
        stated = None if document.access is None else rule_text(document.access)
        stored = self._stored_rule(document.document_id)
        if stored is None and not new:
            raise self._damaged(f"the access rule of document {document.document_id!r} is missing")
        if stored is None:
            self._store_rule(document.document_id, stated, stated or rule_text(PUBLIC))
            return True
        declared, before, removed_at = stored
        rule = before if stated in (None, declared) else stated
        assert rule is not None
        if not same_text and before != rule_text(PUBLIC):
            generation, version = self._db.execute("SELECT generation, version FROM access_state").fetchone()
            self._db.execute(
                "INSERT OR REPLACE INTO access_before (document_id, rule, generation, changed, seal) "
                "VALUES (?,?,?,?,?)",
                (
                    document.document_id,
                    before,
                    generation,
                    # Nobody needs to hear of it before the next change of a rule, which has this number.
                    version + 1,
                    access_seal(document.document_id, before, generation),
                ),
            )
        if (rule, removed_at) != (before, None) or stated not in (None, declared):
            self._store_rule(document.document_id, stated or declared, rule)
        return rule != before

    def _stored_rule(self, document_id: str) -> tuple[str | None, str, int | None] | None:
        row: tuple[str | None, str, int | None, str] | None = self._db.execute(
            "SELECT declared, rule, removed_at, seal FROM access WHERE document_id = ?", (document_id,)
        ).fetchone()
        if row is None:
            return None
        if row[3] != access_seal(document_id, row[1], row[2] or 0):
            raise self._damaged(f"the access rule of document {document_id!r} has changed")
        return row[:3]

    def _store_rule(
        self, document_id: str, declared: str | None, rule: str, removed_at: int | None = None
    ) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO access (document_id, declared, rule, removed_at, changed, seal) "
            "VALUES (?,?,?,?,?,?)",
            (
                document_id,
                declared,
                rule,
                removed_at,
                next_version(self._db),
                access_seal(document_id, rule, removed_at or 0),
            ),
        )

    def documents_of_roots(self, roots: Collection[str]) -> dict[str, str]:
        """Return {document id: source} of the documents that came from these paths.

        A file below a folder came from it, also when it was last indexed by its own name.
        """
        found: dict[str, str] = {}
        for root in roots:
            below = root.rstrip("/") + "/"
            found.update(
                self._read(
                    "SELECT document_id, source FROM documents WHERE root = ? OR substr(source, 1, ?) = ?",
                    (root, len(below), below),
                )
            )
        return found

    def find(self, document_id: str) -> tuple[int, str] | None:
        """Return (seq, source) of a document; `None` where there is none of that id."""
        for seq, source in self._read(
            "SELECT seq, source FROM documents WHERE document_id = ?", (document_id,)
        ):
            return int(seq), str(source)
        return None

    def count(self) -> int:
        """Number of documents."""
        return int(next(self._read("SELECT count(*) FROM documents"))[0])

    # Compacting

    def compact(self) -> None:
        """Write the file anew without what was deleted, and empty the log beside it.

        Raises:
            IndexBusyError: somebody reads an older state for so long that the log cannot be emptied.
        """
        with self._reporting_damage():
            self._db.execute("VACUUM")
            failpoint("catalog.compacted")
            until = time.monotonic() + _EMPTYING_S
            while self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > until:
                    raise IndexBusyError(
                        f"the log of {self._path} cannot be emptied, since a program keeps reading an older "
                        "state; end it (perhaps a backup), and run this again"
                    )
                time.sleep(0.05)
            failpoint("catalog.log_emptied")

    def removed(self) -> frozenset[str]:
        """Return the ids of which only a tombstone is left."""
        return frozenset(
            str(document_id)
            for (document_id,) in self._read("SELECT document_id FROM access WHERE removed_at IS NOT NULL")
        )

    def withdrawn(self) -> list[str]:
        """Return the ids of documents that nobody may read any more, whose text is still stored."""
        return [
            str(document_id)
            for (document_id,) in self._read(
                "SELECT document_id FROM documents JOIN access USING (document_id) WHERE removed_at IS NOT NULL"
            )
        ]

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Read one state of the catalog, whatever others write meanwhile; nothing can be written inside."""
        with self._reporting_damage():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def seqs(self) -> list[int]:
        """Return the numbers of all documents, unread."""
        return [int(seq) for (seq,) in self._read("SELECT seq FROM documents ORDER BY seq")]

    def is_derived(self, seq: int) -> bool:
        """Tell whether a document was split, with whatever settings."""
        return bool(next(self._read("SELECT derived_sha256 <> '' FROM documents WHERE seq = ?", (seq,)))[0])

    def verify_rules(self) -> int:
        """Check the seal of every rule, and that every document has one; return how many there are.

        The rule of a document that was withdrawn and is not removed yet is a tombstone.

        Raises:
            CatalogDamagedError: naming the document.
        """
        count = 0
        for document_id, rule, removed_at, seal in self._read(
            "SELECT document_id, rule, removed_at, seal FROM access"
        ):
            if seal != access_seal(document_id, rule, removed_at or 0):
                raise self._damaged(f"the access rule of document {document_id!r} has changed")
            count += 1
        for (document_id,) in self._read(
            "SELECT document_id FROM documents EXCEPT SELECT document_id FROM access"
        ):
            raise self._damaged(f"the access rule of document {document_id!r} is missing")
        return count

    def document_by_id(self, document_id: str) -> Document | None:
        """Return a document, checked; `None` where there is none of this id."""
        found = next(self._documents("WHERE document_id = ?", (document_id,)), None)
        return None if found is None else found[1]

    # Derivation

    def underived(self, derivation: str) -> list[int]:
        """Return the documents whose passages were not made with these settings, in order."""
        return [
            int(seq)
            for (seq,) in self._read(
                "SELECT seq FROM documents WHERE derivation <> ? ORDER BY seq", (derivation,)
            )
        ]

    def document(self, seq: int) -> Document:
        """Read one document and check it against its hashes.

        Raises:
            CatalogDamagedError: its text or what is known of it is not what was stored.
        """
        (found,) = self._documents("WHERE seq = ?", (seq,))
        return found[1]

    def earlier_holders(self, seq: int, prints: Iterable[Fingerprint]) -> dict[bytes, str]:
        """Map each digest to the first document before `seq` that holds that paragraph."""
        holders: dict[bytes, str] = {}
        for mark in prints:
            for (document_id,) in self._read(
                "SELECT d.document_id FROM fingerprints f JOIN documents d ON d.seq = f.document_seq "
                "WHERE f.digest = ? AND f.document_seq < ? ORDER BY f.document_seq LIMIT 1",
                (mark.digest, seq),
            ):
                holders[mark.digest] = document_id
        return holders

    def derive(
        self,
        seq: int,
        derivation: str,
        excluded: Sequence[ExcludedSpan],
        passages: Sequence[tuple[Passage, bytes]],
    ) -> None:
        """Replace a document's exclusions and passages (each with its vector's key)."""
        with self._transaction("derive"):
            self._db.execute("DELETE FROM excluded WHERE document_seq = ?", (seq,))
            self._db.execute("DELETE FROM passages WHERE document_seq = ?", (seq,))
            self._insert_excluded(seq, excluded)
            self._db.executemany(
                "INSERT INTO passages (document_seq, start, end, sentences, repeats_document_id, vector_key) "
                "VALUES (?,?,?,?,?,?)",
                [
                    (seq, p.start, p.end, pack_sentences(p.sentences), p.repeats_document_id, key)
                    for p, key in passages
                ],
            )
            digest = _derived_digest(excluded, passages)
            self._db.execute(
                "UPDATE documents SET derivation = ?, derived_sha256 = ? WHERE seq = ?",
                (derivation, digest, seq),
            )

    # Vectors

    def count_without_vectors(self) -> int:
        """Number of vectors that are still to be made."""
        return int(
            next(
                self._read(
                    "SELECT count(DISTINCT p.vector_key) FROM passages p WHERE NOT EXISTS "
                    "(SELECT 1 FROM vectors v WHERE v.key = p.vector_key)"
                )
            )[0]
        )

    def passages_without_vectors(
        self, limit: int = -1, after: tuple[int, int] = (-1, -1)
    ) -> list[tuple[bytes, int, int, int]]:
        """Return (key, document seq, start, end), once a key, in the order of the documents.

        Of those that come `after` a document's seq and a start, at most `limit` passages (below 0: all).
        """
        rows = self._read(
            "SELECT p.vector_key, p.document_seq, p.start, p.end FROM passages p "
            "WHERE (p.document_seq, p.start) > (?, ?) "
            "AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.key = p.vector_key) "
            "ORDER BY p.document_seq, p.start LIMIT ?",
            (*after, limit),
        )
        return list({row[0]: row for row in reversed(list(rows))}.values())[::-1]

    def add_vectors(self, keys: Sequence[bytes], vectors: FloatArray) -> None:
        """Store vectors under their keys."""
        with self._transaction("vectors"):
            self._db.executemany(
                "INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)",
                [
                    (key, _sealed(key, v.astype("<f4").tobytes()))
                    for key, v in zip(keys, vectors, strict=True)
                ],
            )

    def drop_unused_vectors(self) -> None:
        """Forget vectors that no passage needs any more."""
        with self._transaction("unused_vectors"):
            self._db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT vector_key FROM passages)")

    def vectors(self, keys: Sequence[bytes], dimension: int) -> FloatArray:
        """Return the vectors of these keys, in order.

        Raises:
            CatalogDamagedError: one is missing, or is not what was stored.
        """
        found = np.empty((len(keys), dimension), dtype=np.float32)
        for number, key in enumerate(keys):
            row = next(self._read("SELECT vector FROM vectors WHERE key = ?", (key,)), None)
            stored = b"" if row is None else row[0]
            raw = stored[:-_SEAL_BYTES]
            if len(raw) != 4 * dimension or stored != _sealed(key, raw):
                raise self._damaged("a stored vector is missing or changed")
            found[number] = np.frombuffer(raw, dtype="<f4")
        return found

    def stored_vectors(self, keys: Sequence[bytes]) -> list[FloatArray | None]:
        """Return the vectors of these keys; `None` for one that was not made yet.

        Raises:
            CatalogDamagedError: one is not what was stored.
        """
        found: list[FloatArray | None] = []
        for key in keys:
            row = next(self._read("SELECT vector FROM vectors WHERE key = ?", (key,)), None)
            if row is not None and row[0] != _sealed(key, row[0][:-_SEAL_BYTES]):
                raise self._damaged("a stored vector has changed")
            found.append(None if row is None else np.frombuffer(row[0][:-_SEAL_BYTES], dtype="<f4"))
        return found

    # Reading all, for a generation

    def corpus_sha256(self) -> str:
        """Return one hash of every document's id, text and metadata."""
        digest = hashlib.sha256()
        for document_id, record in self._read(
            "SELECT document_id, record_sha256 FROM documents ORDER BY document_id"
        ):
            digest.update(f"{document_id}\0{record}\n".encode())
        return digest.hexdigest()

    def versions_sha256(self) -> str:
        """Return one hash of every document's version and times: they may change while the corpus does not."""
        digest = hashlib.sha256()
        for row in self._read(
            "SELECT d.document_id, max(v.version), min(v.stored_at), max(v.stored_at) FROM documents d "
            "JOIN versions v ON v.document_id = d.document_id GROUP BY d.document_id ORDER BY d.document_id"
        ):
            digest.update(f"{row!r}\n".encode())
        return digest.hexdigest()

    def states(self) -> Iterator[tuple[int, bytes]]:
        """Yield (seq, digest of all that a generation holds of it) of every document, by seq."""
        for seq, *parts in self._read(
            # The records have the layout in them; what was derived, the exclusions.
            "SELECT d.seq, d.record_sha256, d.derived_sha256, d.source, d.root, "
            "max(v.version), min(v.stored_at), max(v.stored_at) FROM documents d "
            "LEFT JOIN versions v ON v.document_id = d.document_id GROUP BY d.seq ORDER BY d.seq"
        ):
            yield int(seq), hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()

    def seq_of(self, document_id: str) -> int:
        """Return the number of a document that a passage repeats.

        Raises:
            CatalogDamagedError: there is none.
        """
        row = next(self._read("SELECT seq FROM documents WHERE document_id = ?", (document_id,)), None)
        if row is None:
            raise self._damaged(f"the document {document_id!r}, which another repeats, is missing")
        return int(row[0])

    def count_passages(self, seqs: Iterable[int] | None = None) -> int:
        """Number of passages, of these documents (`None`: all)."""
        if seqs is None:
            return int(next(self._read("SELECT count(*) FROM passages"))[0])
        return int(
            next(
                self._read(
                    "SELECT count(*) FROM passages WHERE document_seq IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(seqs)),),
                )
            )[0]
        )

    def documents_of(self, seqs: Iterable[int]) -> Iterator[tuple[int, Document]]:
        """Yield (seq, document) of these documents, each checked."""
        for seq in seqs:
            yield from self._documents("WHERE seq = ?", (seq,))

    def all_documents(self) -> Iterator[tuple[int, Document]]:
        """Yield (seq, document) in the order in which they were first stored, each checked."""
        yield from self._documents("ORDER BY seq")

    def derived_of(
        self, seq: int, document: Document
    ) -> tuple[list[ExcludedSpan], list[tuple[Passage, bytes]]]:
        """Return a document's excluded spans and its passages with their vectors' keys, in order.

        Raises:
            CatalogDamagedError: they are not what was derived.
        """
        excluded, passages = self.excluded_of(seq), self.passages_of(seq, document)
        (digest,) = next(self._read("SELECT derived_sha256 FROM documents WHERE seq = ?", (seq,)))
        if digest != _derived_digest(excluded, passages):
            raise self._damaged(f"the passages of document {document.document_id!r} have changed")
        return excluded, passages

    def _documents(self, clause: str, values: Sequence[object] = ()) -> Iterator[tuple[int, Document]]:
        for row in self._read(
            f"SELECT seq, {_COLUMNS}, text, sha256, record_sha256, layout FROM documents {clause}", values
        ):
            document = document_of(row[1:11], row[11], row[12], row[14])
            if document_digest(document) != row[13]:
                raise self._damaged(f"what is known of document {document.document_id!r} has changed")
            yield int(row[0]), with_version(self._read, document)

    def excluded_of(self, seq: int) -> list[ExcludedSpan]:
        """Return a document's excluded spans in order."""
        return [
            ExcludedSpan(start=start, end=end, reason=reason, repeats_document_id=repeats)
            for start, end, reason, repeats in self._read(
                "SELECT start, end, reason, repeats_document_id FROM excluded "
                "WHERE document_seq = ? ORDER BY start",
                (seq,),
            )
        ]

    def passages_of(self, seq: int, document: Document) -> list[tuple[Passage, bytes]]:
        """Return a document's passages in order, each with its vector's key."""
        return [
            (passage_of(document.document_id, document.text, start, end, packed, repeats), key)
            for start, end, packed, repeats, key in self._read(
                "SELECT start, end, sentences, repeats_document_id, vector_key FROM passages "
                "WHERE document_seq = ? ORDER BY start",
                (seq,),
            )
        ]

    # Helpers

    def _read(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            # Not `yield from`: that would close the cursor, which may outlive the connection.
            for row in self._db.execute(statement, values):  # noqa: UP028
                yield row
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # no page, or no UTF-8
            if isinstance(error, sqlite3.Error) and is_storage_failure(error):
                raise storage_error("the catalog cannot be read", self._path.parent, error) from error
            raise self._damaged(str(error)) from error

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        """Do all of it, synced, or nothing; `what` is its part in the names of failpoints."""
        with self._reporting_damage():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                failpoint(f"catalog.{what}.written")
                self._db.execute("COMMIT")
                failpoint(f"catalog.{what}.committed")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _reporting_damage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise storage_error("the catalog cannot be written", self._path.parent, error) from error
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            # Of a damaged schema even SQLite's own message may be no UTF-8.
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> CatalogDamagedError:
        return CatalogDamagedError(
            f"the catalog {self._path} is damaged ({what}); restore it from a backup, or move it "
            "away and index the documents again"
        )

    def _refuse_damage(self) -> None:
        result = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise self._damaged(str(result))

    def _insert_excluded(self, seq: int, spans: Iterable[ExcludedSpan]) -> None:
        self._db.executemany(
            "INSERT INTO excluded (document_seq, start, end, reason, repeats_document_id) VALUES (?,?,?,?,?)",
            [(seq, s.start, s.end, s.reason, s.repeats_document_id) for s in spans],
        )

    def _unsettle_sharers(self, seq: int) -> None:
        self._db.execute(
            "UPDATE documents SET derivation = '' WHERE seq > :seq AND seq IN ("
            " SELECT o.document_seq FROM fingerprints f JOIN fingerprints o ON o.digest = f.digest"
            " WHERE f.document_seq = :seq)",
            {"seq": seq},
        )


def next_version(db: sqlite3.Connection) -> int:
    """Count the version of all rules up, inside the caller's transaction."""
    (version,) = db.execute("UPDATE access_state SET version = version + 1 RETURNING version").fetchone()
    return int(version)


def store_access(db: sqlite3.Connection, document_id: str, rule: AccessRule) -> bool:
    """Set the rule of a document inside the caller's transaction; return whether there is such a document."""
    text = rule_text(rule)
    done = db.execute(
        "UPDATE access SET rule = ?, changed = ?, seal = ? WHERE document_id = ? AND removed_at IS NULL",
        (text, next_version(db), access_seal(document_id, text, 0), document_id),
    )
    return done.rowcount == 1


def document_of(row: Sequence[Any], text: str, sha256: str, layout: str) -> Document:
    """Make a document from the columns of a table, checking its text against its hash.

    Raises:
        CatalogDamagedError: the text is not the one that was stored, or the layout does not fit it.
    """
    document_id, title, source, root, publisher, author, published_at, url, language, labels = row
    try:
        known = json.loads(labels)
    except ValueError as error:
        raise CatalogDamagedError(f"the labels of document {document_id!r} are damaged") from error
    if sha256_text(text) != sha256:
        raise CatalogDamagedError(
            f"the text of document {document_id!r} does not match its sha256; index it again"
        )
    try:
        form = unpack_layout(layout)
        check_layout(form, len(text))
    except (ValueError, SpanError) as error:
        raise CatalogDamagedError(f"the layout of document {document_id!r} is damaged: {error}") from error
    return Document(
        document_id=document_id,
        title=title,
        text=text,
        source=source,
        root=root,
        publisher=publisher,
        author=author,
        published_at=published_at,
        url=url,
        language=language,
        labels=known,
        media_type=form.media_type,
        pages=form.pages,
        sections=form.sections,
        marked=form.marked,
    )


def passage_of(
    document_id: str, text: str, start: int, end: int, packed: str, repeats: str | None
) -> Passage:
    """Make a passage from a document's text and a table's columns.

    Raises:
        CatalogDamagedError: the columns do not fit the text.
    """
    try:
        return Passage(
            document_id=document_id,
            start=start,
            end=end,
            text=text[start:end],
            sentences=tuple(
                Sentence(start=s, end=e, kind=_SENTENCE_KINDS[kind]) for s, e, kind in json.loads(packed)
            ),
            repeats_document_id=repeats,
        )
    except (SpanError, ValueError, TypeError, IndexError) as error:
        raise CatalogDamagedError(f"passage {start}-{end} of document {document_id!r} is damaged") from error


def pack_sentences(sentences: Iterable[Sentence]) -> str:
    """Return sentences as the text that `passage_of` reads."""
    rows = [[s.start, s.end, _SENTENCE_KINDS.index(s.kind)] for s in sentences]
    return json.dumps(rows, separators=(",", ":"))


def row_of(document: Document) -> tuple[Any, ...]:
    """Return what is known of a document as catalogs and snapshots store it, in the order of their columns."""
    return (
        document.document_id,
        document.title,
        document.source,
        document.root,
        document.publisher,
        document.author,
        document.published_at,
        document.url,
        document.language,
        _labels(document.labels),
    )


def _labels(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), ensure_ascii=False, sort_keys=True)


def document_digest(document: Document) -> str:
    """Hash the id, the text and everything that is known of it, but not where the file lies."""
    return record_digest(
        document.document_id,
        document.sha256,
        document.title,
        document.publisher,
        document.author,
        document.published_at,
        document.url,
        document.language,
        _labels(document.labels),
        layout=pack_layout(document.layout),
    )


def record_digest(*parts: str | None, layout: str) -> str:
    """Hash a document's id, the sha256 of its text, title, publisher, author, date, url, language and labels.

    A layout counts only where there is one: plain texts keep the digest that they have always had.

    Its rule is not in it: who may read a document changes nothing of what it says.
    """
    known = (*parts, layout) if layout else parts
    return hashlib.sha256(json.dumps(known, ensure_ascii=False).encode("utf-8")).hexdigest()


def _derived_digest(excluded: Iterable[ExcludedSpan], passages: Iterable[tuple[Passage, bytes]]) -> str:
    """Hash all that was derived from a document's text."""
    digest = hashlib.sha256()
    for span in sorted(excluded, key=lambda s: s.start):
        digest.update(f"{span.start} {span.end} {span.reason} {span.repeats_document_id!r}\n".encode())
    for passage, key in sorted(passages, key=lambda item: item[0].start):
        digest.update(f"{passage.start} {passage.end} {passage.repeats_document_id!r}".encode())
        digest.update(pack_sentences(passage.sentences).encode() + key)
    return digest.hexdigest()


def _sealed(key: bytes, vector: bytes) -> bytes:
    """Return a vector's bytes with a short hash behind them: floats have no wrong values of their own."""
    return vector + hashlib.blake2b(key + vector, digest_size=_SEAL_BYTES).digest()


def _refuse_other_source(document: Document, source: str) -> None:
    """Refuse an id that a file elsewhere still uses; a file that moved takes its ids along."""
    if source == document.source or (source != UPLOAD and not os.path.exists(source)):
        return
    known = source != UPLOAD and document.source != UPLOAD and os.path.exists(document.source)
    if known and os.path.samefile(source, document.source):
        return
    raise DuplicateIdError(
        document.source,
        f"id {document.document_id!r} already belongs to a document of {source}; "
        "rename one of them, or remove the other and index with --prune",
    )

"""The catalog's tables of sketches and of pairs of documents that tell the same story."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from index.errors import CatalogDamagedError

Same = Literal["text", "words", "near"]
"""What is the same: the whole text; all but case and white space; most shingles of words."""

# Of a text with more copies than these, each is compared with the first of them, so that a corpus made of
# one template costs no more than any other. They are one group all the same.
_MOST_OF_A_KEY = 32
_MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two documents that tell the same story, the first stored first; `jaccard` is exact, in [0, 1]."""

    one: str
    other: str
    jaccard: float
    same: Same


class Signatures:
    """Reads and writes these tables over the catalog's own connection."""

    def __init__(
        self,
        db: sqlite3.Connection,
        transaction: Callable[[str], AbstractContextManager[None]],
        read: Callable[[str, Sequence[object]], Iterator[tuple[Any, ...]]],
    ) -> None:
        self._db, self._transaction, self._read = db, transaction, read

    def waiting(self, made_with: str) -> list[int]:
        """Return the documents that have no signature made so, in order."""
        return [
            int(seq)
            for (seq,) in self._read(
                "SELECT d.seq FROM documents d LEFT JOIN signatures s ON s.document_seq = d.seq "
                "WHERE s.made_with IS NULL OR s.made_with <> ? ORDER BY d.seq",
                (made_with,),
            )
        ]

    def candidates(self, seq: int, keys: Sequence[bytes]) -> list[int]:
        """Return the documents that share a key, those that share most first; a bounded number."""
        shared: Counter[int] = Counter()
        for key in keys:
            rows = self._read(
                "SELECT document_seq FROM signature_bands WHERE key = ? AND document_seq <> ? "
                "ORDER BY document_seq LIMIT ?",
                (key, seq, _MOST_OF_A_KEY),
            )
            shared.update(int(found) for (found,) in rows)
        return sorted(shared, key=lambda found: (-shared[found], found))[:_MOST_CANDIDATES]

    def sign(
        self, seq: int, made_with: str, keys: Sequence[bytes], pairs: Sequence[tuple[int, float, Same]]
    ) -> None:
        """Store a document's keys and the documents that it pairs with, in the place of those before."""
        with self._transaction("signature"):
            self.forget(seq)
            self._db.execute(
                "INSERT INTO signatures (document_seq, made_with) VALUES (?,?)", (seq, made_with)
            )
            self._db.executemany(
                "INSERT INTO signature_bands (key, document_seq) VALUES (?,?)",
                [(key, seq) for key in dict.fromkeys(keys)],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO same_story (one, other, jaccard, same, seal) VALUES (?,?,?,?,?)",
                [
                    (min(seq, other), max(seq, other), value, same, _seal(seq, other, value, same))
                    for other, value, same in pairs
                ],
            )

    def forget(self, seq: int) -> None:
        """Forget what was found of a document whose text changes, inside the caller's transaction."""
        self._db.execute("DELETE FROM signatures WHERE document_seq = ?", (seq,))
        self._db.execute("DELETE FROM signature_bands WHERE document_seq = ?", (seq,))
        self._db.execute("DELETE FROM same_story WHERE one = ?", (seq,))
        self._db.execute("DELETE FROM same_story WHERE other = ?", (seq,))

    def pairs(self) -> Iterator[Pair]:
        """Yield all pairs, in the order in which their documents were first stored.

        Raises:
            CatalogDamagedError: one is not what was found.
        """
        for _, _, pair in self.numbered():
            yield pair

    def numbered(self) -> Iterator[tuple[int, int, Pair]]:
        """Yield all pairs, each after the `seq` of its two documents.

        Raises:
            CatalogDamagedError: one is not what was found.
        """
        rows = self._read(
            "SELECT s.one, s.other, a.document_id, b.document_id, s.jaccard, s.same, s.seal FROM same_story s "
            "JOIN documents a ON a.seq = s.one JOIN documents b ON b.seq = s.other ORDER BY s.one, s.other",
            (),
        )
        for one, other, first, second, value, same, seal in rows:
            if seal != _seal(one, other, value, same):
                raise CatalogDamagedError(
                    f"the pair {first!r}, {second!r} is not what was found; index with another "
                    "VERSE_STATE_DIR, or restore the catalog from a backup"
                )
            yield int(one), int(other), Pair(one=first, other=second, jaccard=value, same=same)


def _seal(seq: int, other: int, value: float, same: str) -> str:
    text = f"{min(seq, other)} {max(seq, other)} {value!r} {same}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]

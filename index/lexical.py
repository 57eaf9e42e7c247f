"""BM25 over title, publisher, date and body, by tantivy.

The words arrive analysed (`index.terms`), so the index only splits them at spaces.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.errors import GenerationDamagedError, IndexStoreError
from index.storage import storage_error
from index.terms import terms
from index.types import BoolArray, RowFilter

FIELDS = ("title", "publisher", "date", "body")
# A word that no analysis makes; see `index.lexical_update`.
FILLER = "\x01"
FILLER_DOCUMENT = 2**62
_ANALYZER = "analysed"
HEAP_BYTES = 64_000_000
_MAX_QUERY_TERMS = 256
_TIES = 16
# Up to so many documents are named to tantivy; of more, what it finds is sifted.
_NAMED_DOCUMENTS = 1024
# Rows of words that are remembered for every row of the index, four bytes each: those of some hundred common words. With
# a fixed number, the common words of a large index push each other out, and reading one again takes seconds.
_REMEMBERED_PER_ROW = 40
_REMEMBERED_ROWS = 4_000_000
_REMEMBERED_TERMS = 50_000
_REMEMBERED_PREFIXES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalRow:
    """What the lexical index knows of one passage; `repeats` as in `Passage`.

    `row`, `document` and `repeats` are any numbers that stay with them: see `Places`.
    """

    row: int
    document: int
    repeats: int | None
    title: str
    publisher: str
    date: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How the numbers in the files lead to those of a generation.

    `row_of` gives the passage's row for the number that the files hold (-1: no more of this generation);
    `document_of` the number in the files for a document's ordinal, rising.
    """

    row_of: NDArray[np.int32]
    document_of: NDArray[np.int64]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field("row", stored=False, indexed=False, fast=True)
    builder.add_unsigned_field("document", stored=False, indexed=True, fast=False)
    builder.add_unsigned_field("repeats", stored=False, indexed=True, fast=True)
    return builder.build()


def with_analyzer(index: tantivy.Index) -> tantivy.Index:
    """Teach an open index to split at spaces."""
    index.register_tokenizer(_ANALYZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


def entry_of(row: LexicalRow, tokens: dict[str, int]) -> tantivy.Document:
    """Return what the index is given for a passage; the words of each field are added to `tokens`."""
    document = tantivy.Document()
    for field in FIELDS:
        words = terms(getattr(row, field))
        tokens[field] = tokens.get(field, 0) + len(words)
        document.add_text(field, " ".join(words))
    document.add_unsigned("row", row.row)
    document.add_unsigned("document", row.document)
    if row.repeats is not None:
        document.add_unsigned("repeats", row.repeats)
    return document


class TantivyIndex:
    """A read-only BM25 index of one generation.

    What was taken out of its files still counts in tantivy's own numbers: here it does not.
    """

    def __init__(
        self, index: tantivy.Index, weights: Mapping[str, float], places: Places | None = None
    ) -> None:
        self._index = index
        self._places = places
        self._schema = index.schema
        self._searcher = index.searcher()
        self._weights = {field: weight for field, weight in weights.items() if weight > 0}
        self._rows: OrderedDict[tuple[str, str], NDArray[np.int32]] = OrderedDict()
        self._remembered = 0
        self._lock = threading.Lock()
        self._prefixed = lru_cache(_REMEMBERED_PREFIXES)(self._terms_with_prefix)
        # Where nothing was ever taken out there are none, and tantivy's numbers are ours.
        self._fillers = fillers_of(self._searcher, self._schema)
        self._counted = self._total() if self._fillers else len(self)
        self._holding = lru_cache(_REMEMBERED_TERMS)(self._count_holding)

    @classmethod
    def build(
        cls,
        folder: Path,
        rows: Iterable[LexicalRow],
        weights: Mapping[str, float],
        tokens: dict[str, int] | None = None,
    ) -> TantivyIndex:
        """Write a new index into an empty folder and open it; the words of each field are added to `tokens`."""
        folder.mkdir(parents=True)
        tokens = {} if tokens is None else tokens
        try:
            index = with_analyzer(tantivy.Index(_schema(), path=str(folder), reuse=False))
            # One thread and no merging in the background: the same rows give the same files.
            writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
            for row in rows:
                writer.add_document(entry_of(row, tokens))
            writer.commit()
            writer.wait_merging_threads()
            index.reload()  # which makes a lock file
        except ValueError as error:
            raise storage_error("the lexical index cannot be written", folder, error) from error
        return cls(index, weights)

    @classmethod
    def load(cls, folder: Path, weights: Mapping[str, float], places: Places | None = None) -> TantivyIndex:
        """Open a folder whose files the caller has checked.

        Raises:
            GenerationDamagedError: tantivy cannot read it all the same.
            StateFolderError: no file can be opened for writing in the folder.
        """
        try:
            index = with_analyzer(tantivy.Index.open(str(folder)))
            return cls(index, weights, places)
        except ValueError as error:
            if "Lockfile" in str(error):
                # Whoever opens it makes a lock file: what is wrong then is the disk, and nothing is to be rebuilt.
                raise storage_error("the lexical index cannot be opened", folder, error) from error
            raise GenerationDamagedError(f"the lexical index cannot be read: {error}") from error

    def __len__(self) -> int:
        return int(self._searcher.num_docs) - self._fillers

    def document_frequency(self, term: str, known: BoolArray | None = None) -> int:
        """Return how many passages hold `term` in their body, of the `known` ones."""
        return self._frequency("body", term, known)

    def has_term(self, term: str, known: BoolArray | None = None) -> bool:
        """Tell whether any field of any passage holds `term`, of the `known` ones."""
        return any(self._frequency(field, term, known) for field in FIELDS)

    def count_of(self, term: str, known: BoolArray | None = None) -> int:
        """Return how many passages hold a term in their body or in their title, of the `known` ones."""
        return max(self._frequency(field, term, known) for field in ("title", "body"))

    def _frequency(self, field: str, term: str, known: BoolArray | None) -> int:
        if known is None:
            return self._holding(field, term)
        return int(np.count_nonzero(known[self._rows_with(field, term)]))

    def _count_holding(self, field: str, term: str) -> int:
        count = int(self._searcher.doc_freq(field, term))
        if count and self._fillers:
            query = tantivy.Query.term_query(self._schema, field, term, "basic")
            count = int(self._searcher.search(query, 1, count=True).count)  # type: ignore[attr-defined]
        return count

    def _total(self) -> int:
        """Return how many entries tantivy reckons with, those that were taken out among them."""
        return round(statistics_of(self._searcher, self._schema, "body")[0])

    def _rows_with(self, field: str, term: str) -> NDArray[np.int32]:
        """Return the rows that hold a term in a field, remembered while there is room."""
        key = (field, term)
        with self._lock:
            rows = self._rows.get(key)
            if rows is not None:
                self._rows.move_to_end(key)
                return rows
        count = int(self._searcher.doc_freq(field, term))
        rows = np.empty(0, dtype=np.int32)
        if count:
            query = tantivy.Query.term_query(self._schema, field, term, "basic")
            found = self._searcher.search(query, count, count=False).hits
            rows = self._rows_at([address for _, address in found])
        with self._lock:
            if key not in self._rows:
                self._rows[key] = rows
                self._remembered += len(rows)
            most = max(_REMEMBERED_ROWS, _REMEMBERED_PER_ROW * len(self))
            while self._remembered > most or len(self._rows) > _REMEMBERED_TERMS:
                _, gone = self._rows.popitem(last=False)
                self._remembered -= len(gone)
        return rows

    def terms_with_prefix(self, prefix: str) -> tuple[tuple[str, int], ...]:
        """Return the terms of all bodies and titles that begin so, with how many entries hold them.

        Entries that were taken out count too: `count_of` has the number of passages. Remembered: to somebody who may read little, most words are new ones.
        """
        return self._prefixed(prefix)

    def _terms_with_prefix(self, prefix: str) -> tuple[tuple[str, int], ...]:
        counts: dict[str, int] = {}
        for field in ("title", "body"):
            for term, count in self._searcher.terms_with_prefix(field, prefix):
                counts[term] = max(count, counts.get(term, 0))
        return tuple(sorted(counts.items()))

    def search(
        self, terms: Sequence[str], k: int, allowed: RowFilter | None = None
    ) -> list[tuple[int, float]]:
        wanted = list(dict.fromkeys(terms))[:_MAX_QUERY_TERMS]
        if not wanted or k < 1:
            return []
        known = None if allowed is None else allowed.known
        clauses = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(self._schema, field, term, "freq"), weight * rarity
                ),
            )
            for term in wanted
            for field, weight in self._weights.items()
            if (rarity := self._rarity(field, term, known)) > 0
        ]
        if not clauses:
            return []
        query = tantivy.Query.boolean_query(clauses)
        # Ties are ordered by row, so ask for a few more than wanted: a tie at the edge of the
        # list would otherwise be cut by tantivy's order.
        enough = min(k, len(self)) + _TIES
        if allowed is None or allowed.documents is None or len(allowed.documents) <= _NAMED_DOCUMENTS:
            within = self._within(query, allowed)
            hits = self._hits(within, enough)
            while len(hits) == enough and hits[k - 1][1] == hits[-1][1]:
                enough *= 4
                hits = self._hits(within, enough)
        else:
            # A restriction changes no score, so the best of what is allowed come in the same order.
            depth = 2 * enough
            while True:
                found = self._hits(query, depth)
                hits = [hit for hit in found if allowed.rows[hit[0]]]
                if (len(hits) >= enough and hits[k - 1][1] > hits[-1][1]) or len(found) < depth:
                    break
                depth = min(4 * depth, len(self) + self._fillers + 1)
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _hits(self, query: tantivy.Query, limit: int) -> list[tuple[int, float]]:
        found = self._searcher.search(query, limit, count=False).hits
        rows = self._rows_at([address for _, address in found])
        return [(row, float(score)) for row, (score, _) in zip(rows.tolist(), found, strict=True)]

    def _rows_at(self, addresses: list[tantivy.DocAddress]) -> NDArray[np.int32]:
        rows = np.array(self._searcher.fast_field_values("row", addresses), dtype=np.int32)
        return rows if self._places is None else self._places.row_of[rows]

    def _rarity(self, field: str, term: str, known: BoolArray | None) -> float:
        """Return how much rarer a term is among the known passages than in the files: what its score is off by.

        tantivy weighs a term by how many of all passages hold it; whoever knows a part of them would learn
        from scores and order which words the others have. 0 where no known passage holds it.
        """
        if known is None and not self._fillers:
            return 1.0
        here = self._frequency(field, term, known)
        if not here:
            return 0.0
        everywhere = int(self._searcher.doc_freq(field, term))
        passages = len(self) if known is None else int(np.count_nonzero(known))
        return _idf(passages, here) / _idf(self._counted, everywhere)

    def _within(self, query: tantivy.Query, allowed: RowFilter | None) -> tantivy.Query:
        """Restrict a query; restrictions are constants, so that they change no score."""
        if allowed is None or allowed.documents is None:
            return query.and_must_not_match(tantivy.Query.exists_query("repeats"))
        documents = sorted(allowed.documents)
        if self._places is not None:
            documents = self._places.document_of[documents].tolist()
        inside = tantivy.Query.const_score_query(
            tantivy.Query.term_set_query(self._schema, "document", documents), 0.0
        )
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, query),
                (tantivy.Occur.Must, inside),
                (
                    tantivy.Occur.MustNot,
                    tantivy.Query.term_set_query(self._schema, "repeats", documents),
                ),
            ]
        )


def fillers_of(searcher: tantivy.Searcher, schema: tantivy.Schema) -> int:
    """Return how many entries are fillers."""
    query = tantivy.Query.term_query(schema, "document", FILLER_DOCUMENT, "basic")
    return int(searcher.search(query, 1, count=True).count)  # type: ignore[attr-defined]


def statistics_of(searcher: tantivy.Searcher, schema: tantivy.Schema, field: str) -> tuple[float, float]:
    """Return what tantivy reckons with: the number of entries, and the mean number of words of a field.

    It says so only where it explains a score; every filler holds the same word in every field.
    """
    query = tantivy.Query.term_query(schema, field, FILLER, "freq")
    found = searcher.search(query, 1, count=False).hits
    _, idf, saturation = json.loads(query.explain(searcher, found[0][1]).to_json())["details"]
    total = _detail(idf, "N, ")
    return total, _detail(saturation, "avgdl, ")


def _detail(explanation: Mapping[str, Any], name: str) -> float:
    for detail in explanation["details"]:
        if detail["description"].startswith(name):
            return float(detail["value"])
    raise IndexStoreError(f"tantivy explains no {name!r}: {explanation!r}")


def _idf(passages: int, holding: int) -> float:
    """Return BM25's weight of a term, as tantivy reckons it."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))

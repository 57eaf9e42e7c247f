"""BM25 over title, publisher, date and body, by tantivy.

The words arrive analysed (`index.terms`), so the index only splits them at spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy

from index.errors import GenerationDamagedError, IndexStoreError
from index.terms import terms
from index.types import RowFilter

FIELDS = ("title", "publisher", "date", "body")
_ANALYZER = "analysed"
_HEAP_BYTES = 64_000_000
_MAX_QUERY_TERMS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalRow:
    """What the lexical index knows of one passage; `repeats` as in `Passage`, as an ordinal."""

    row: int
    document: int
    repeats: int | None
    title: str
    publisher: str
    date: str
    body: str


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field("row", stored=False, indexed=False, fast=True)
    builder.add_unsigned_field("document", stored=False, indexed=True, fast=False)
    builder.add_unsigned_field("repeats", stored=False, indexed=True, fast=True)
    return builder.build()


def _with_analyzer(index: tantivy.Index) -> tantivy.Index:
    index.register_tokenizer(_ANALYZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


class TantivyIndex:
    """A read-only BM25 index of one generation."""

    def __init__(self, index: tantivy.Index, weights: Mapping[str, float]) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()
        self._weights = {field: weight for field, weight in weights.items() if weight > 0}

    @classmethod
    def build(cls, folder: Path, rows: Iterable[LexicalRow], weights: Mapping[str, float]) -> TantivyIndex:
        """Write a new index into an empty folder, in one segment, and open it."""
        folder.mkdir(parents=True)
        try:
            index = _with_analyzer(tantivy.Index(_schema(), path=str(folder), reuse=False))
            # One thread and no merging in the background: the same rows give the same files.
            writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
            for row in rows:
                document = tantivy.Document()
                for field in FIELDS:
                    document.add_text(field, " ".join(terms(getattr(row, field))))
                document.add_unsigned("row", row.row)
                document.add_unsigned("document", row.document)
                if row.repeats is not None:
                    document.add_unsigned("repeats", row.repeats)
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
        except ValueError as error:
            raise IndexStoreError(f"the lexical index cannot be written: {error}") from error
        index.reload()
        return cls(index, weights)

    @classmethod
    def load(cls, folder: Path, weights: Mapping[str, float]) -> TantivyIndex:
        """Open a folder whose files the caller has checked.

        Raises:
            GenerationDamagedError: tantivy cannot read it all the same.
        """
        try:
            index = _with_analyzer(tantivy.Index.open(str(folder)))
            return cls(index, weights)
        except ValueError as error:
            raise GenerationDamagedError(f"the lexical index cannot be read: {error}") from error

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def document_frequency(self, term: str) -> int:
        """Return how many passages hold `term` in their body."""
        return int(self._searcher.doc_freq("body", term))

    def has_term(self, term: str) -> bool:
        """Tell whether any field of any passage holds `term`."""
        return any(self._searcher.doc_freq(field, term) for field in FIELDS)

    def terms_with_prefix(self, prefix: str) -> list[tuple[str, int]]:
        """Return the terms of all bodies and titles that begin so, with how many passages hold them."""
        counts: dict[str, int] = {}
        for field in ("title", "body"):
            for term, count in self._searcher.terms_with_prefix(field, prefix):
                counts[term] = max(count, counts.get(term, 0))
        return sorted(counts.items())

    def search(
        self, terms: Sequence[str], k: int, allowed: RowFilter | None = None
    ) -> list[tuple[int, float]]:
        wanted = list(dict.fromkeys(terms))[:_MAX_QUERY_TERMS]
        if not wanted or k < 1:
            return []
        query = tantivy.Query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    tantivy.Query.boost_query(
                        tantivy.Query.term_query(self._schema, field, term, "freq"), weight
                    ),
                )
                for term in wanted
                for field, weight in self._weights.items()
            ]
        )
        # Ties are ordered by row, so ask for a few more than wanted: a tie at the edge of the
        # list would otherwise be cut by tantivy's order.
        found = self._searcher.search(self._within(query, allowed), min(k, len(self)) + 16, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        hits = [
            (int(row), float(score)) for row, (score, _) in zip(rows, found, strict=True) if row is not None
        ]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _within(self, query: tantivy.Query, allowed: RowFilter | None) -> tantivy.Query:
        """Restrict a query; restrictions are constants, so that they change no score."""
        if allowed is None or allowed.documents is None:
            return query.and_must_not_match(tantivy.Query.exists_query("repeats"))
        documents = sorted(allowed.documents)
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

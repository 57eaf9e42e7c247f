"""Dense and BM25 search in one ranking, inside the documents that may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from index.generation import Generation
from index.types import Embedder, FloatArray, RowFilter, ScoredPassage
from rag.settings import RagSettings
from rag.spelling import corrected
from rag.types import Filters, Question

# Two passages that share this much of their words say the same; the better one is kept.
_SAME = 0.85
_DEEPEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage found, with both of its scores: `bm25` in BM25 units, `cosine` in [-1, 1]."""

    row: int
    score: float
    bm25: float
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """Hits best first, with what the search knew: the question's vector and corrected terms."""

    hits: tuple[Hit, ...]
    vector: FloatArray
    terms: tuple[str, ...]
    corrections: dict[str, str]


class Retriever:
    """Searches one generation; make a new one when another is published."""

    def __init__(self, generation: Generation, embedder: Embedder, settings: RagSettings) -> None:
        self.generation = generation
        self._embedder = embedder
        self._settings = settings

    def allowed(self, filters: Filters) -> tuple[RowFilter | None, bool]:
        """Return the row filter for these filters, and whether they leave anything at all."""
        if filters.is_empty:
            return self.generation.row_filter(None), len(self.generation) > 0
        documents = self.generation.select(lambda row: _accepts(filters, row))
        row_filter = self.generation.row_filter(documents)
        return row_filter, row_filter is None or bool(row_filter.rows.any())

    def retrieve(self, question: Question, k: int, allowed: RowFilter | None) -> Retrieved:
        """Return at most `k` passages, best first, ties by row.

        The score is `lexical_weight` times BM25 divided by the best BM25 of this question, plus
        `dense_weight` times the cosine: BM25 has no scale of its own, and a ranking needs only the order.
        """
        generation, settings = self.generation, self._settings
        depth = max(k, settings.candidates_k)
        vector = self._embedder.embed_queries([question.standalone])
        corrections = corrected(question.terms, generation.lexical)
        wanted = tuple(dict.fromkeys(corrections.get(term, term) for term in question.terms))
        lexical = dict(generation.lexical.search(wanted, depth, allowed)) if settings.lexical_weight else {}
        mask = None if allowed is None else allowed.rows
        dense = dict(generation.vectors.search(vector, depth, mask)[0]) if settings.dense_weight else {}
        best = max(lexical.values(), default=1.0)
        rows = sorted(set(lexical) | set(dense))
        cosines = self._cosines(vector, rows, dense)
        hits = [
            Hit(
                row=row,
                score=settings.lexical_weight * lexical.get(row, 0.0) / best
                + settings.dense_weight * cosines[row],
                bm25=lexical.get(row, 0.0),
                cosine=cosines[row],
            )
            for row in rows
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.row))
        return Retrieved(hits=tuple(hits[:k]), vector=vector, terms=wanted, corrections=corrections)

    def _cosines(self, vector: FloatArray, rows: list[int], known: dict[int, float]) -> dict[int, float]:
        """Fill in the cosines of passages that only the lexical search found."""
        missing = [row for row in rows if row not in known]
        if not missing:
            return known
        values = self.generation.vectors.reconstruct(missing) @ vector[0]
        return known | {row: float(value) for row, value in zip(missing, values, strict=True)}

    def search(self, question: Question, k: int, allowed: RowFilter | None) -> list[ScoredPassage]:
        """Return the ranking that `POST /v1/search` shows, repeats of one text collapsed."""
        depth = 2 * k + 10
        while True:
            hits = self.retrieve(question, min(depth, _DEEPEST), allowed).hits
            kept = self._without_repeats(hits, k)
            if len(kept) == k or len(hits) < depth:
                return kept
            depth *= 4  # a text with many near copies took the places

    def _without_repeats(self, hits: Sequence[Hit], k: int) -> list[ScoredPassage]:
        """Rank at most `k` of these hits, the best of each group that says the same."""
        kept: list[ScoredPassage] = []
        seen: list[frozenset[str]] = []
        for hit in hits:
            passage = self.generation.passage(hit.row)
            words = frozenset(passage.text.casefold().split())
            if any(_overlap(words, other) >= _SAME for other in seen):
                continue
            seen.append(words)
            kept.append(ScoredPassage(passage=passage, score=hit.score, rank=len(kept) + 1))
            if len(kept) == k:
                break
        return kept


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity of two sets of words."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def _accepts(filters: Filters, row: dict[str, Any]) -> bool:
    if filters.document_ids is not None and row["document_id"] not in filters.document_ids:
        return False
    if filters.publishers is not None and row["publisher"] not in filters.publishers:
        return False
    if filters.languages is not None and row["language"] not in filters.languages:
        return False
    if filters.published_from is None and filters.published_to is None:
        return True
    if row["published_at"] is None:
        return False
    day = _day(row["published_at"])
    return (filters.published_from is None or _day(filters.published_from) <= day) and (
        filters.published_to is None or day <= _day(filters.published_to)
    )


def _day(value: str) -> date:
    return datetime.fromisoformat(value).date()

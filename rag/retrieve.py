"""Dense and BM25 search in one ranking, inside the documents that may be used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from index.generation import Generation
from index.sight import Sight
from index.terms import content_terms, terms
from index.types import BoolArray, Embedder, FloatArray, RowFilter, ScoredPassage
from rag.closest_sentence import closest_sentence
from rag.filtering import FilterColumns
from rag.languages import languages_of
from rag.parts import parts_of, speaks_of_several_reports
from rag.reader_model import TokenScores
from rag.recent import Recent
from rag.settings import RagSettings
from rag.signals import rarity
from rag.source_hints import SourceHints, SourceNames
from rag.spelling import corrected, respelt
from rag.turns import ScoreArray, in_turns
from rag.types import Filters, Question

# Two passages that share this much of their words say the same; the better one is kept.
_SAME = 0.85
_DEEPEST = 1000
_LANGUAGE_SAMPLE = 300
_SPELLING_PASSAGES = 20
_LANGUAGES_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage found, with both of its scores: `bm25` in BM25 units, `cosine` in [-1, 1].

    `fused` is its score before turns were taken, `turns` are the named sources or the part that it belongs to, and
    `tokens` what the reader made of it, if it was read.
    """

    row: int
    score: float
    bm25: float
    cosine: float
    fused: float
    turns: tuple[int, ...] = ()
    tokens: TokenScores | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """Hits best first, with what the search knew: corrected terms, and vectors of the question and of its parts.

    `vector` has a row for the whole question, and one more for each part that was searched for by itself.

    `asked` is the standalone question, its misspelt words put right: what a model should read.
    `parts` is how many things the question asks for, where that is more than one (see `rag.parts`); two where it
    names two sources or speaks of two reports.
    """

    hits: tuple[Hit, ...]
    asked: str
    vector: FloatArray
    terms: tuple[str, ...]
    corrections: dict[str, str]
    parts: int = 0


class Retriever:
    """Searches one generation; make a new one when another is published."""

    def __init__(self, generation: Generation, embedder: Embedder, settings: RagSettings) -> None:
        self.generation = generation
        self._embedder = embedder
        self._settings = settings
        self._languages_known: Recent[bytes, frozenset[str]] = Recent(_LANGUAGES_REMEMBERED)

    def allowed(self, filters: Filters, sight: Sight) -> tuple[RowFilter | None, bool]:
        """Return the row filter for these filters and this viewer, and whether they leave anything at all."""
        documents = None if filters.is_empty else self._catalogue[1].select(filters)
        row_filter = sight.within(documents)
        if row_filter is None:
            return None, len(self.generation) > 0
        return row_filter, bool(row_filter.rows.any())

    def retrieve(
        self, question: Question, k: int, allowed: RowFilter | None, *, across: bool = False
    ) -> Retrieved:
        """Return at most `k` passages, best first, ties by row.

        `across` languages only vectors count: the words of one are not those of the other.

        The score of a text is `lexical_weight` times BM25 divided by the best BM25 of that text, plus
        `dense_weight` times the cosine: BM25 has no scale of its own, and a ranking needs only the
        order. To that of the question is added `part_weight` times the best of its parts, if it asks
        for several things; what its sources count (see `_preferred`); and, of a question for several things,
        for the first `worded_k` passages how closely one sentence has its words (see
        `rag.closest_sentence`; of a question or claim for one thing it hurts, see
        `eval/results/reading.json`). Passages of two named sources or more then take turns; where
        fewer are named, the parts of the question do, each with the passages that fit it best.
        """
        generation, settings = self.generation, self._settings
        depth = max(k, settings.candidates_k)
        corrections = corrected(question.terms, generation.lexical, known_rows(allowed))
        asked = self._respelt(question, corrections, allowed)
        texts = [asked, *(parts_of(asked) if settings.part_weight else ())]
        vectors = self._embedder.embed_queries(texts)
        wanted = [_in_place(question.terms, corrections)]
        wanted += [_in_place(content_terms(text), corrections) for text in texts[1:]]
        if across:
            wanted = [() for _ in wanted]
        found = [self._found(terms, vectors[n], depth, allowed) for n, terms in enumerate(wanted)]
        hints = self._hints(question, allowed)
        lexical = [dict(one) for one, _ in found]
        rows = {row for one, dense in found for row in (*one, *dense)}
        for group in hints.named:
            # What a named source says may lie below everybody else's.
            within = generation.row_filter(group)
            if within is not None:
                within = replace(within, known=known_rows(allowed))
            bm25, dense = self._found(wanted[0], vectors[0], k, within)
            lexical[0] |= bm25
            rows |= {*bm25, *dense}
        ordered = sorted(rows)
        cosines = self._cosines(vectors, ordered)
        scores = _fused(lexical[0], cosines[:, 0], ordered, settings)
        # The part of the question that each passage fits best.
        fits: list[tuple[int, ...]] = []
        if len(texts) > 1:
            parts = [_fused(lexical[n], cosines[:, n], ordered, settings) for n in range(1, len(texts))]
            scores = scores + settings.part_weight * np.max(parts, axis=0)
            fits = [(int(part),) for part in np.argmax(parts, axis=0)]
        scores, turns = self._preferred(scores, ordered, hints)
        turns = turns or fits
        things = len(texts) - 1
        if not things and (len(hints.named) > 1 or speaks_of_several_reports(asked)):
            things = 2
        if things and not across:
            scores = scores + self._worded(asked, wanted[0], ordered, scores, known_rows(allowed))
        hits = [
            Hit(
                row=ordered[n],
                score=score,
                bm25=lexical[0].get(ordered[n], 0.0),
                cosine=float(cosines[n, 0]),
                fused=float(scores[n]),
                turns=turns[n] if turns else (),
            )
            for n, score in in_turns(scores, turns, settings.turn_penalty)
        ]
        return Retrieved(
            hits=tuple(hits[:k]),
            asked=asked,
            vector=vectors,
            terms=wanted[0],
            corrections=corrections,
            parts=things,
        )

    def _respelt(self, question: Question, corrections: Mapping[str, str], allowed: RowFilter | None) -> str:
        """Return the standalone question with its misspelt words as the passages write them."""
        if not corrections:
            return question.standalone
        found = self.generation.lexical.search(
            _in_place(question.terms, corrections), _SPELLING_PASSAGES, allowed
        )
        texts = (self.generation.passage(row).text for row, _ in found)
        return respelt(question.standalone, corrections, texts)

    def _found(
        self, terms: Sequence[str], vector: FloatArray, depth: int, allowed: RowFilter | None
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Return BM25 and cosine by row, of the searches that count for anything."""
        lexical: dict[int, float] = {}
        dense: dict[int, float] = {}
        if self._settings.lexical_weight and terms:
            lexical = dict(self.generation.lexical.search(terms, depth, allowed))
        if self._settings.dense_weight:
            mask = None if allowed is None else allowed.rows
            dense = dict(self.generation.vectors.search(vector[None], depth, mask)[0])
        return lexical, dense

    def _cosines(self, vectors: FloatArray, rows: list[int]) -> FloatArray:
        """Return the cosine of every passage and every text, `(rows, texts)`."""
        if not rows:
            return np.zeros((0, len(vectors)), dtype=np.float32)
        cosines: FloatArray = self.generation.vectors.reconstruct(rows) @ vectors.T
        return cosines

    def _hints(self, question: Question, allowed: RowFilter | None) -> SourceHints:
        """Return what the question says of its sources, of those that may be used."""
        if not (self._settings.source_weight or self._settings.date_weight):
            return SourceHints()
        return self._catalogue[0].hints(question.standalone, None if allowed is None else allowed.documents)

    def languages(self, known: BoolArray | None = None) -> frozenset[str]:
        """Return the languages that are sure in a sample of the passages, of the `known` ones."""
        if known is None:
            return self._languages
        key = hashlib.blake2b(np.packbits(known).tobytes(), digest_size=16).digest()
        found = self._languages_known.get(key)
        if found is None:
            rows = np.flatnonzero(known)
            step = max(1, len(rows) // _LANGUAGE_SAMPLE)
            found = languages_of(self.generation.passage(int(row)).text for row in rows[::step])
            self._languages_known.put(key, found)
        return found

    @cached_property
    def _languages(self) -> frozenset[str]:
        step = max(1, len(self.generation) // _LANGUAGE_SAMPLE)
        return languages_of(self.generation.passage(row).text for row in range(0, len(self.generation), step))

    @cached_property
    def _catalogue(self) -> tuple[SourceNames, FilterColumns]:
        """What is known of all documents, read once for both."""
        columns = FilterColumns()
        return SourceNames(columns.reading(self.generation.documents(start=0, limit=-1))), columns

    def _preferred(
        self, scores: ScoreArray, rows: Sequence[int], hints: SourceHints
    ) -> tuple[ScoreArray, list[tuple[int, ...]]]:
        """Add what a named source and a named day count; return also whose turn each passage takes."""
        if not (hints.named or hints.dated):
            return scores, []
        documents = [self.generation.document_ordinal(row) for row in rows]
        turns = [tuple(n for n, group in enumerate(hints.named) if one in group) for one in documents]
        preferred = scores + self._settings.source_weight * np.array([bool(turn) for turn in turns])
        preferred = preferred + self._settings.date_weight * np.array(
            [one in hints.dated for one in documents]
        )
        return preferred, turns if len(hints.named) > 1 else []

    def _worded(
        self,
        question: str,
        wanted: Sequence[str],
        rows: Sequence[int],
        scores: ScoreArray,
        known: BoolArray | None,
    ) -> ScoreArray:
        """Return what the wording of the closest sentence adds, by row; nothing below `worded_k`."""
        settings = self._settings
        added = np.zeros(len(rows), dtype=np.float64)
        if not (settings.coverage_weight or settings.pair_weight):
            return added
        weight = rarity_within(self.generation, known)
        weights = {term: weight(term) for term in wanted}
        asked = terms(question)
        for n in np.argsort(-scores, kind="stable")[: settings.worded_k]:
            covered, pairs = closest_sentence(asked, weights, self.generation.passage(rows[n]))
            added[n] = settings.coverage_weight * covered + settings.pair_weight * pairs
        return added

    def search(
        self,
        question: Question,
        k: int,
        allowed: RowFilter | None,
        rerank: Callable[[Retrieved], Retrieved] | None = None,
        *,
        across: bool = False,
    ) -> list[ScoredPassage]:
        """Return the ranking that `POST /v1/search` shows, repeats of one text collapsed.

        `rerank` puts the passages that are left in another order.
        """
        wanted = max(k, self._settings.reordered if rerank else 0)
        depth = 2 * wanted + 10
        while True:
            retrieved = self.retrieve(question, min(depth, _DEEPEST), allowed, across=across)
            kept = self._without_repeats(retrieved.hits, wanted)
            if len(kept) == wanted or len(retrieved.hits) < depth:
                break
            depth *= 4  # a text with many near copies took the places
        if rerank:
            kept = list(rerank(replace(retrieved, hits=tuple(kept))).hits)
        return [
            ScoredPassage(passage=self.generation.passage(hit.row), score=hit.score, rank=rank)
            for rank, hit in enumerate(kept[:k], start=1)
        ]

    def _without_repeats(self, hits: Sequence[Hit], wanted: int) -> list[Hit]:
        """Return at most so many of these hits, the best of each group that says the same."""
        kept: list[Hit] = []
        seen: list[frozenset[str]] = []
        for hit in hits:
            words = frozenset(self.generation.passage(hit.row).text.casefold().split())
            if any(_overlap(words, other) >= _SAME for other in seen):
                continue
            seen.append(words)
            kept.append(hit)
            if len(kept) == wanted:
                break
        return kept


def rarity_within(generation: Generation, known: BoolArray | None) -> Callable[[str], float]:
    """Return how rare a term is among the `known` passages (see `rag.signals.rarity`)."""
    lexical = generation.lexical
    if known is None:
        return rarity(lexical.document_frequency, len(generation))
    return rarity(lambda term: lexical.document_frequency(term, known), int(np.count_nonzero(known)))


def known_rows(allowed: RowFilter | None) -> BoolArray | None:
    """Return the passages whose words may be counted; `None`: all."""
    return None if allowed is None else allowed.known


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity of two sets of words."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def _in_place(terms: Sequence[str], corrections: Mapping[str, str]) -> tuple[str, ...]:
    """Return the terms, misspelt ones put right, each once."""
    return tuple(dict.fromkeys(corrections.get(term, term) for term in terms))


def _fused(
    lexical: Mapping[int, float], cosines: FloatArray, rows: Sequence[int], settings: RagSettings
) -> ScoreArray:
    """Return both scores in one, by row."""
    best = max(lexical.values(), default=1.0)
    bm25 = np.array([lexical.get(row, 0.0) for row in rows], dtype=np.float64)
    return settings.lexical_weight * bm25 / best + settings.dense_weight * cosines

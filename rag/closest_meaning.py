"""Puts the first passages found in the order in which one sentence of each comes closest in meaning.

A vector of a whole passage is one of everything that it speaks of; the question is mostly of one sentence.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np

from index.generation import Generation
from index.terms import bigrams, content_terms, remembered_terms, terms
from index.types import Passage
from rag.reorder import reordered
from rag.retrieve import Retrieved
from rag.sentence_vectors import SentenceVectors
from rag.settings import RagSettings

_SENTENCES = 2
"""Sentences of a passage that are compared: those that share most words with the question. A vector takes as long as reading."""


def by_meaning(
    retrieved: Retrieved,
    generation: Generation,
    vectors: SentenceVectors,
    settings: RagSettings,
) -> Retrieved:
    """Return the same hits, the first `meaning_k` of them in a new order.

    To a passage's score, before turns, is added `meaning_weight` times the highest cosine of one of its sentences with the
    question, and of a question that asks for several things as much again for the part that comes closest. What
    all of them have alike is taken off, so that nothing below gains or loses by it. Turns are as in the search.
    """
    first, weight = retrieved.hits[: settings.meaning_k], settings.meaning_weight
    if not weight or len(first) < 2:
        return retrieved
    wanted, pairs = frozenset(content_terms(retrieved.asked)), bigrams(terms(retrieved.asked))
    chosen = [_likeliest(generation.passage(hit.row), wanted, pairs) for hit in first]
    made = vectors.of([text for texts in chosen for text in texts])
    added = np.zeros(len(first))
    start = 0
    for place, texts in enumerate(chosen):
        cosines = made[start : start + len(texts)] @ retrieved.vector.T
        start += len(texts)
        if len(texts):
            of_parts = cosines[:, 1:]
            added[place] = weight * (cosines[:, 0].max() + (of_parts.max() if of_parts.size else 0.0))
    scores = np.array([hit.fused for hit in first]) + added - added.min()
    hits = [replace(hit, fused=float(score)) for hit, score in zip(first, scores, strict=True)]
    return reordered(retrieved, hits, scores, settings.turn_penalty)


def _likeliest(passage: Passage, wanted: frozenset[str], pairs: Set[tuple[str, str]]) -> list[str]:
    """Return the sentences that share most of these words and pairs of words."""

    def shared(text: str) -> int:
        found = remembered_terms(text)
        return len(wanted.intersection(found)) + 2 * len(pairs & bigrams(found))

    texts = [passage.sentence_text(one) for one in passage.sentences if one.kind != "heading"]
    return sorted(texts, key=shared, reverse=True)[:_SENTENCES]

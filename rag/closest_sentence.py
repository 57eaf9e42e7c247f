"""How much of a question's wording the closest sentence of a passage has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.terms import bigrams, remembered_terms
from index.types import Passage
from rag.signals import coverage


def closest_sentence(
    asked: Sequence[str], weights: Mapping[str, float], passage: Passage
) -> tuple[float, float]:
    """Return (coverage, pairs), each of the sentence that has most, both in [0, 1].

    Coverage is the share of `weights` (rarity by content term) that stands in one sentence, pairs the
    share of the adjacent pairs of `asked` (all terms of the question, in order). BM25 and a vector of a
    whole passage cannot tell whether the question's words stand together or are strewn over it.
    Headings count as little as a title would: not at all. (0, 0) for a passage without a sentence.
    """
    best_coverage, most_pairs = 0.0, 0
    wanted = bigrams(asked)
    for sentence in passage.sentences:
        if sentence.kind == "heading":
            continue
        found = remembered_terms(passage.sentence_text(sentence))
        best_coverage = max(best_coverage, coverage(weights, frozenset(found)))
        most_pairs = max(most_pairs, len(wanted & bigrams(found)))
    return best_coverage, most_pairs / len(wanted) if wanted else 0.0

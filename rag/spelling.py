"""Puts right the question's misspelt words, by the words that the documents use."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from index.lexical import TantivyIndex

_MIN_LENGTH = 5
_LONG = 8


def corrected(terms: Iterable[str], lexical: TantivyIndex) -> dict[str, str]:
    """Map each term that no document holds to the nearest one that some do.

    One edit for words of five letters and up, two from eight on; the first letter is taken to be
    right. Shorter words and numbers are left alone: "Iran" is no misspelt "Iraq".
    """
    found: dict[str, str] = {}
    for term in terms:
        if len(term) < _MIN_LENGTH or not term.isalpha() or lexical.has_term(term):
            continue
        limit = 2 if len(term) >= _LONG else 1
        choices = {
            word: count
            for word, count in lexical.terms_with_prefix(term[0])
            if abs(len(word) - len(term)) <= limit and word.isalpha()
        }
        near = process.extract(
            term, choices.keys(), scorer=DamerauLevenshtein.distance, score_cutoff=limit, limit=None
        )
        if near:
            best = min(near, key=lambda match: (match[1], -choices[match[0]], match[0]))
            found[term] = best[0]
    return found

"""Puts right the question's misspelt words, by the words that the documents use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from index.lexical import TantivyIndex
from index.terms import remembered_terms
from index.types import BoolArray

_MIN_LENGTH = 5
_LONG = 8
_WORD = re.compile(r"\w+")


def corrected(terms: Iterable[str], lexical: TantivyIndex, known: BoolArray | None = None) -> dict[str, str]:
    """Map each term that no document holds to the nearest one that some do, of the `known` passages.

    One edit for words of five letters and up, two from eight on; the first letter is taken to be
    right. Shorter words and numbers are left alone: "Iran" is no misspelt "Iraq".
    """
    found: dict[str, str] = {}
    for term in terms:
        if len(term) < _MIN_LENGTH or not term.isalpha() or lexical.has_term(term, known):
            continue
        limit = 2 if len(term) >= _LONG else 1
        choices = [
            word
            for word, _ in lexical.terms_with_prefix(term[0])
            if abs(len(word) - len(term)) <= limit and word.isalpha()
        ]
        near = process.extract(
            term, choices, scorer=DamerauLevenshtein.distance, score_cutoff=limit, limit=None
        )
        counts = {word: lexical.count_of(word, known) for word, *_ in near}
        held = [match for match in near if counts[match[0]]]
        if held:
            best = min(held, key=lambda match: (match[1], -counts[match[0]], match[0]))
            found[term] = best[0]
    return found


def respelt(text: str, corrections: Mapping[str, str], passages: Iterable[str]) -> str:
    """Return a question with its misspelt words as the passages write the ones that were meant.

    `corrections` are of terms (see `corrected`), and a model reads words: each gets the form that is most
    frequent in the passages, the one met first where several are. A word that no passage has stays.
    """
    wanted = set(corrections.values())
    forms: dict[str, Counter[str]] = {}
    for passage in passages:
        for word in _WORD.findall(passage):
            for term in wanted.intersection(remembered_terms(word)):
                forms.setdefault(term, Counter())[word] += 1

    def meant(word: re.Match[str]) -> str:
        found = [
            forms[term]
            for given in remembered_terms(word.group())
            if (term := corrections.get(given)) in forms and term is not None
        ]
        return found[0].most_common(1)[0][0] if found else word.group()

    return _WORD.sub(meant, text) if forms else text

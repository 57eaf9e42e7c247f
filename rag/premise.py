"""Does the sentence that comes closest say of somebody else what is asked of the one that the question names?

"When did Uzbekistan join the Abraham Accords?" shares all its other words with "Kazakhstan joined the Abraham
Accords on 6 November": the nearer such a sentence comes, the more it looks like an answer, and the less it is one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from rapidfuzz import fuzz

from index.terms import content_terms, remembered_terms, terms
from rag.disagree_values import TITLES
from rag.support.date_words import CALENDAR
from rag.support.number_words import ORDINALS, SMALL
from rag.support.text import stems

_OTHER_WORDS = 0.8
"""From which share of the question's other words on a sentence says what is asked."""
_NAME = re.compile(r"\b[A-ZА-ЯЁ][\w’'-]*")
_NUMBER = re.compile(r"\b\d[\w.,]*")
_POINTS_BACK = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|this|these|он|она|оно|они|его|её|ее|их|этот|эта|это|эти)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_SMALL = re.compile(r"\b[a-zа-яё][\w’'-]*")
_DAYS = stems(CALENDAR)
_WRITTEN_NAME = re.compile(r"\w[\w.’'-]*\w|\w")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_WRITTEN = {str(number): word for word, number in SMALL.items() if word.isascii() and number <= 20} | {
    f"{number}{_ENDINGS.get(number, 'th')}": word for word, number in ORDINALS.items() if 1 <= number <= 10
}
_MEASURES = frozenset({"mani", "much", "often", "long"})  # of "how many", which no answer repeats
_SHARED_LETTERS = 4
_ALIKE = 83.0
_ALIKE_FROM = 6
_LONGEST_ACRONYM = 6


def unsaid_names(
    names: Collection[str], asked: Collection[str], sentence: str, around: str, passage: str
) -> frozenset[str]:
    """Return the names of which a sentence does not say what it says of others; none where it may answer.

    `names` are the question's names and numbers, `asked` all its words that count, both as `index.terms` writes
    them. Such a name stands neither in the sentence nor `around` it (which begins with the title and headings that it stands under),
    while the question's other words stand in the sentence, and so does another name, or another number for a number.
    A name in another spelling or form is no other name, and a sentence that points back ("she …") may speak of
    one that stands further up in the `passage`. What somebody is called by office ("President …") is no name.
    """
    near = frozenset(remembered_terms(around))
    missing = frozenset(
        name
        for name in names
        if name not in near and name not in TITLES and not _written_otherwise(name, around, near)
    )
    others = frozenset(asked) - missing - _MEASURES
    if not missing or len(others) < 2:
        return frozenset()
    if _POINTS_BACK.search(sentence) and not missing.isdisjoint(remembered_terms(passage)):
        return frozenset()
    said = frozenset(remembered_terms(sentence))
    if len(others & said) < _OTHER_WORDS * len(others):
        return frozenset()
    small = frozenset(remembered_terms(" ".join(_SMALL.findall(passage))))
    held: dict[bool, set[str]] = {True: set(), False: set()}  # by whether they are numbers
    for pattern in (_NAME, _NUMBER):
        for match in pattern.finditer(sentence):
            # The word that opens a sentence may be any word.
            opens = not _WORD.search(sentence[: match.start()])
            held[pattern is _NUMBER].update(
                term
                for term in content_terms(match.group())
                if term not in asked and term not in _DAYS and not (opens and term in small)
            )
    return frozenset(name for name in missing if held[name.isdecimal()])


def as_written(names: Collection[str], question: str) -> tuple[str, ...]:
    """Return the words of a question that stand for these names, in its own writing and order."""
    return tuple(
        dict.fromkeys(
            word.group()
            for word in _WRITTEN_NAME.finditer(question)
            if not set(terms(word.group())).isdisjoint(names)
        )
    )


def _written_otherwise(name: str, text: str, words: frozenset[str]) -> bool:
    """Tell whether a text has a name in another form: misspelt, shortened, lengthened, by its initials, a number in words."""
    if _WRITTEN.get(name) in words:
        return True
    if len(name) >= _ALIKE_FROM and any(
        word[0] == name[0] and fuzz.ratio(name, word) >= _ALIKE for word in words if word
    ):
        return True
    shortest = _SHARED_LETTERS if len(name) >= _SHARED_LETTERS else len(name) + 1
    if any(
        len(word) >= shortest and (word.startswith(name) or name.startswith(word))
        for word in words
        if not word.isdigit()
    ):
        return True
    return 2 <= len(name) <= _LONGEST_ACRONYM and name.isalpha() and name in _initials(text)


def _initials(text: str) -> frozenset[str]:
    """Return the first letters of every few words that follow each other; what is all capitals ("II") counts whole."""
    parts = [word if word.isupper() and len(word) > 1 else word[0] for word in _WORD.findall(text)]
    return frozenset(
        "".join(parts[start : start + length]).casefold()
        for start in range(len(parts))
        for length in range(2, _LONGEST_ACRONYM)
    )

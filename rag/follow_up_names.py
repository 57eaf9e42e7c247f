"""Full names of what a follow-up names in part: "Bench" of Johnny Bench, "VMs", "he"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from rag.follow_up_phrases import Word, is_filler, is_name, words_of
from rag.follow_up_words import FUNCTION, NO_PERSON, PEOPLE

_LAST_TEXTS = 12
_LAST_FOR_PERSON = 6
# A question names a few things; a pasted page would take seconds.
_MOST_NAMES = 6
_SHORTEST = 4
_LONGEST_ACRONYM = 7
_NAME_WORD = r"[A-Z][\w’'-]+"
_PERSON = re.compile(
    r"(?<!the )(?<!The )(?<![\w-])[A-Z][a-z]+(?:-[A-Z][a-z]+)*(?: [A-Z]\.)? [A-Z][a-zA-Z-]+(?![\w-])"
)


def full_names(question: str, texts: Sequence[str]) -> list[str]:
    """Return the names from earlier turns that the question shortens, or means by "he" or "she"."""
    words = words_of(question)
    parts = dict.fromkeys(
        (word.text, place > 0 and words[place - 1].low == "the")
        for place, word in enumerate(words)
        if len(word.text) >= _SHORTEST and is_name(word) and not _beside_a_name(words, place)
    )
    found: list[str] = []
    for part, definite in islice(parts, _MOST_NAMES):
        found += _longer(part, texts[-_LAST_TEXTS:], definite=definite)
    if not found and any(word.low.split("'")[0] in PEOPLE for word in words):
        found += _person(texts)
    return list(dict.fromkeys(found))


def spelt_out(question: str, asked: Sequence[str]) -> Iterator[str]:
    """Yield the words of earlier questions that an acronym in this one is made of."""
    for word in words_of(question):
        letters = word.text.rstrip("s")
        if not (is_name(word) and letters.isalpha() and letters.isupper()):
            continue
        if 1 < len(letters) <= _LONGEST_ACRONYM:
            yield from _with_initials(letters.casefold(), asked)


def _with_initials(letters: str, asked: Sequence[str]) -> Iterator[str]:
    for text in reversed(asked):
        words = words_of(text)
        for start in range(len(words) - len(letters) + 1):
            run = words[start : start + len(letters)]
            if all(w.low.startswith(letter) for w, letter in zip(run, letters, strict=True)) and not any(
                is_filler(w) or len(w.low) < 3 for w in run
            ):
                yield " ".join(word.text for word in run)
                return


def _beside_a_name(words: Sequence[Word], place: int) -> bool:
    beside = [words[other] for other in (place - 1, place + 1) if 0 <= other < len(words)]
    return any(is_name(other) for other in beside)


def _longer(part: str, texts: Sequence[str], *, definite: bool) -> list[str]:
    """Return the longer name that ends in this one; after "the" it may stand anywhere in it.

    Of several, the most frequent in the nearest turn that has one. "South Africa" is not meant by "Africa".
    """
    word = re.escape(part)
    ending = rf"\b(?:{_NAME_WORD} ){{1,2}}{word}\b"
    anywhere = (
        rf"\b(?:{_NAME_WORD} (?:of |on |the )?){{0,3}}{word}\b(?: (?:of |on |for )?{_NAME_WORD}){{0,3}}"
    )
    pattern = re.compile(anywhere if definite else ending)
    for text in reversed(texts):
        found = (match.group() for match in pattern.finditer(text))
        names = Counter(name for name in found if name != part and not _is_no_name(name))
        if names:
            return [names.most_common(1)[0][0]]
    return []


def _is_no_name(found: str) -> bool:
    first = found.split()[0].casefold()
    return first in FUNCTION or first in NO_PERSON - {"new", "national", "united", "american"}


def _person(texts: Sequence[str]) -> list[str]:
    """Return the person whom the last turns named most often."""
    names = Counter(
        match.group()
        for text in reversed(texts[-_LAST_FOR_PERSON:])
        for match in _PERSON.finditer(text)
        if not any(word.casefold() in FUNCTION | NO_PERSON for word in match.group().split())
    )
    return [name for name, _ in names.most_common(1)]

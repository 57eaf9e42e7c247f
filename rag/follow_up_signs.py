"""Signs that a question leans on what was said before."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Literal

from index.terms import content_terms
from rag.follow_up_phrases import Word, is_filler, is_name, is_relational, is_verb, opens, words_of
from rag.follow_up_words import (
    AUXILIARIES,
    COMPLEMENTS,
    CONJUNCTIONS,
    DEMONSTRATIVES,
    FRAGMENT_OPENINGS,
    FUNCTION,
    KNOWN_TO_ALL,
    POLITE,
    POSSESSIVES,
    RUSSIAN,
    STANDS_FOR_NOUN,
    SUPERLATIVES,
    THIRD_PERSON,
    VERBS,
)

Lean = Literal["ellipsis", "pronoun", "demonstrative", "definite", "bare"]
# More words than these, and a question says enough by itself.
_FEW = 2
_FEW_IN_FRAGMENT = 4
_SHORT = 3
_OPENING = r"^\W*(?:(?:ok|okay|oh|ah|wow|hmm|cool|interesting|no|yes|and|but|so|then|now)\b\W*)*"
_ELLIPSIS = re.compile(
    _OPENING + r"(?:(?:what|how) about\b|why(?: not)?\W*$|how (?:so|come)\W*$|i meant?\b|почему\W*$)",
    re.IGNORECASE,
)
_ELSE = re.compile(_OPENING + r"(?:what|who|where|how) else\b", re.IGNORECASE)
_CONTINUES = re.compile(r"^\W*(?:and|but|or|а|и|но)\b", re.IGNORECASE)
_DEFINES = re.compile(
    _OPENING + r"(?:(?:what|who)(?:\s+(?:is|are|was|were)|['’]s)|(?:please\s+|can you\s+|could you\s+)?"
    r"(?:tell me(?: more)? about|describe|explain|define))\s+(?:(?:a|an|the)\s+)?[^?.,]+\W*$",
    re.IGNORECASE,
)
_INDEFINITE = re.compile(_OPENING + r"(?:what|who)(?:\s+(?:is|was)|['’]s)\s+an?\b", re.IGNORECASE)


def lean_of(question: str, known: Collection[str], asked: Collection[str], partial_name: bool) -> Lean | None:
    """Return how a question leans on the conversation, or `None`."""
    words = words_of(question)
    specific = [word for word in words if not is_filler(word)]
    mine = {term for word in specific for term in content_terms(word.text)}
    if all(word.low in POLITE for word in words):
        return None  # nothing is asked, or there are no words at all
    if _ELLIPSIS.search(question) or (_ELSE.search(question) and len(mine) <= _FEW):
        return "ellipsis"
    if found := _pronoun(words):
        return found
    if _is_fragment(question, words) and len(mine) <= _FEW_IN_FRAGMENT:
        return "ellipsis"
    if all(word.low in FUNCTION or word.low in VERBS for word in words):
        return "bare" if any(word.low in VERBS for word in words) else "ellipsis"
    if partial_name:
        return "definite"
    if _superlative(words) or (len(mine) <= _FEW and _definite(words, asked)):
        return "definite"
    if mine & set(known) or relates(words):
        return None
    if defines(question) and specific:
        return None
    if any(map(is_name, words)) or _asks_why_of_itself(words) or _points_inside(words):
        return None
    few = len(mine) <= (_FEW if any(map(is_relational, words)) else 1)
    return "bare" if few and not (mine and _INDEFINITE.match(question)) else None


def defines(text: str) -> bool:
    """Tell whether it asks what something is, or to be told of it, and so names its own topic."""
    return _DEFINES.match(text) is not None and not any(map(is_relational, words_of(text)))


def relates(words: Sequence[Word]) -> bool:
    """Tell whether a relational noun has what it relates to: "side effects of long use"."""
    return any(
        is_relational(word)
        and words[place + 1].low in ("of", "for", "between")
        and any(not is_filler(other) for other in words[place + 2 :])
        for place, word in enumerate(words[:-2])
    )


def _pronoun(words: Sequence[Word]) -> Lean | None:
    """Return the kind of the first pronoun that nothing before it in the same text explains."""
    for place, word in enumerate(words):
        low = word.low.split("'")[0]
        kind = "pronoun" if low in RUSSIAN else _kind(words, place, low)
        if kind is not None and not _explained(words, place):
            return kind
    return None


def _points_inside(words: Sequence[Word]) -> bool:
    """Tell whether it has a pronoun that its own words explain."""
    return any(
        _kind(words, place, word.low.split("'")[0]) is not None and _explained(words, place)
        for place, word in enumerate(words)
    )


def _kind(words: Sequence[Word], place: int, low: str) -> Lean | None:
    word = words[place]
    following = words[place + 1] if place + 1 < len(words) else None
    after = following.low if following is not None else ""
    before = words[place - 1].low if place else ""
    if low in THIRD_PERSON and not (low == "it" and word.text == "IT"):
        return "pronoun"
    if low in DEMONSTRATIVES:
        # "the man that came", "I heard that women came"
        relative = low == "that" and place > 0 and before not in FUNCTION and following is not None
        remark = (
            low in ("that", "this") and opens(word) and ("'" in word.low or after in ("is", "was", "sounds"))
        )
        return None if relative or remark or (low == "such" and after == "as") else "demonstrative"
    if low in STANDS_FOR_NOUN and place:
        noun_follows = following is not None and not is_filler(following)
        if low in ("one", "both", "either", "neither", "another") and (
            noun_follows or before in ("no", "at", "in")
        ):
            return None
        return "demonstrative"
    if (
        low == "there"
        and after not in ("is", "are", "was", "were", "be", "been", "has", "have")
        and before
        not in ("is", "are", "was", "were", "has", "have", "had", "be", "will", "would", "can", "could")
    ):
        return "pronoun"
    return None


def _explained(words: Sequence[Word], place: int) -> bool:
    """Tell whether the words before the pronoun name what it may stand for.

    For "its", as in "Did Kazakhstan sell its shares?", any of them; for "it" those of an earlier clause.
    """
    if words[place].low in POSSESSIVES:
        return any(not is_filler(word) for word in words[:place])
    ends = [
        end
        for end in range(1, place + 1)
        if words[end].low in CONJUNCTIONS or any(char in ".?!;," for char in words[end].gap)
    ]
    return bool(ends) and any(not is_filler(word) for word in words[: ends[-1]])


def _definite(words: Sequence[Word], asked: Collection[str]) -> bool:
    """Tell whether "the" stands before a noun that nothing in the question explains."""
    for place, word in enumerate(words):
        if word.low != "the":
            continue
        noun: list[Word] = []
        rest = words[place + 1 :]
        for other in rest:
            if other.low in FUNCTION or (noun and (other.gap.strip() or other.low in VERBS)):
                break
            noun.append(other)
        after = rest[len(noun)].low if len(rest) > len(noun) and not rest[len(noun)].gap.strip() else ""
        if not noun or after in COMPLEMENTS or any(is_name(w) or w.low in KNOWN_TO_ALL for w in noun):
            continue
        if not is_filler(noun[-1]) and set(content_terms(noun[-1].text)) <= set(asked):
            continue
        return True
    return False


def _is_fragment(question: str, words: Sequence[Word]) -> bool:
    """Tell whether it goes on from another question and has no verb: "And in 2024?", "How much of it?"."""
    of_what = len(words) <= _SHORT or any(word.low == "of" for word in words)
    goes_on = _CONTINUES.search(question) or (words[0].low in FRAGMENT_OPENINGS and of_what)
    return bool(goes_on) and not any(
        word.low in AUXILIARIES or "'" in word.low or is_verb(words, place)
        for place, word in enumerate(words)
    )


def _asks_why_of_itself(words: Sequence[Word]) -> bool:
    """Tell whether a statement comes first, and only "Why?" or the like after it."""
    starts = [place for place, word in enumerate(words) if place and opens(word)]
    if not starts:
        return False
    said, question = words[: starts[-1]], words[starts[-1] :]
    return all(word.low in FUNCTION for word in question) and not all(map(is_filler, said))


def _superlative(words: Sequence[Word]) -> bool:
    """Tell whether the best or the largest of something is meant that is not named."""
    # "Which language is the easiest" names it.
    if any(one.low in ("which", "what") and two.low not in FUNCTION for one, two in pairwise(words)):
        return False
    return any(
        word.low in SUPERLATIVES
        and (place + 1 == len(words) or words[place + 1].low in FUNCTION or words[place + 1].low in VERBS)
        and (
            word.low not in ("most", "first", "best")
            or (place > 0 and words[place - 1].low in ("the", "be", "is", "are", "second"))
        )
        for place, word in enumerate(words)
    )

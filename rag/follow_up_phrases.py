"""Words of a question and the noun phrases that can be its topic, found by rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.terms import content_terms
from rag.follow_up_words import DETERMINERS, FUNCTION, LOOSE, RELATIONAL, VERBS

_WORD = re.compile(r"[^\W_]+(?:[’'./&+-][^\W_]+)*(?:\+\+|#)?")
_POSSESSIVE = re.compile(r"[’']s?$")
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of a text: `text[start:end]`, its lower case, and the gap before it."""

    text: str
    low: str
    start: int
    end: int
    gap: str

    @property
    def capital(self) -> bool:
        """True for a name's spelling."""
        return self.text[0].isupper() or any(char.isupper() for char in self.text[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A run of words that may name a topic."""

    text: str
    words: tuple[Word, ...]
    terms: frozenset[str]


def words_of(text: str) -> list[Word]:
    """Return the words in order."""
    found: list[Word] = []
    last = 0
    for match in _WORD.finditer(text):
        low = match.group().casefold().replace("’", "'")
        found.append(
            Word(
                text=match.group(),
                low=low,
                start=match.start(),
                end=match.end(),
                gap=text[last : match.start()],
            )
        )
        last = match.end()
    return found


def opens(word: Word) -> bool:
    """Tell whether a word opens a sentence, where a capital says nothing."""
    return word.start == 0 or any(char in ".?!:\n" for char in word.gap)


@lru_cache(maxsize=4096)
def singular(low: str) -> str:
    """Return an English noun without its plural ending, roughly."""
    low = low.removesuffix("'s").removesuffix("'")
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    if len(low) > 4 and low.endswith(("ches", "shes", "sses", "xes")):
        return low[:-2]
    if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")):
        return low[:-1]
    return low


def is_name(word: Word) -> bool:
    """Tell whether it is spelt as a name inside a sentence; "US" is one, "us" is a pronoun."""
    if word.low in FUNCTION:
        return word.text in ("US", "IT") and not opens(word)
    return word.capital and (not opens(word) or any(char.isupper() for char in word.text[1:]))


def is_verb(words: Sequence[Word], place: int) -> bool:
    """Guess whether a word is a verb or adverb, by a list, by its place after "to", by its ending."""
    word = words[place]
    if is_noun_by_place(words, place):
        return False
    if word.low in VERBS or (len(word.low) > 5 and word.low.endswith("ly")):
        return True
    following = words[place + 1] if place + 1 < len(words) else None
    if place and words[place - 1].low == "to" and not word.low.endswith("s"):
        return following is not None and following.low in FUNCTION
    ends = following is None or following.low in FUNCTION or bool(following.gap.strip())
    return len(word.low) > 4 and word.low.endswith("ed") and ends


def is_noun_by_place(words: Sequence[Word], place: int) -> bool:
    """Tell whether a word that may be a verb stands between an article and a noun: "the travel policy"."""
    if not 0 < place < len(words) - 1 or words[place].low not in VERBS:
        return False
    before, word, after = words[place - 1 : place + 2]
    return (
        before.low in DETERMINERS
        and not (word.gap.strip() or after.gap.strip() or word.low.endswith(("ed", "ing")))
        and not is_name(after)
        and after.low not in FUNCTION
        and after.low not in VERBS
    )


def is_relational(word: Word) -> bool:
    """Tell whether it is a noun that says little without another."""
    return singular(word.low) in RELATIONAL


def is_filler(word: Word) -> bool:
    """Tell whether a word names no topic by itself."""
    if is_name(word):
        return False
    return word.low in FUNCTION or word.low in VERBS or word.low in LOOSE or is_relational(word)


def phrases_of(text: str, *, fillers: bool = False) -> list[Phrase]:
    """Return the noun phrases that name something, in order; with `fillers`, vague ones too."""
    found = (_phrase(text, run, fillers) for run in _runs(words_of(text)))
    return [phrase for phrase in found if phrase is not None]


def _runs(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Cut at function words, verbs and punctuation; "of" joins two names."""
    run: list[Word] = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else None
        joins = (
            bool(run)
            and word.low in ("of", "de", "du", "da", "del", "la", "al", "&")
            and run[-1].capital
            and following is not None
            and following.capital
            and word.gap.strip() == following.gap.strip() == ""
        )
        if run and word.gap.strip(" \t\n") not in ("", '"', "“", "‘", "«"):
            yield run
            run = []
        if joins or is_name(word) or not (is_verb(words, place) or word.low in FUNCTION):
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _phrase(text: str, run: list[Word], fillers: bool) -> Phrase | None:
    """Trim what names nothing: at the front what describes or is relational, at the end what describes."""
    while run and not fillers and (run[0].low in LOOSE or is_relational(run[0])) and is_filler(run[0]):
        run = run[1:]
    # A relational noun stays at the end, where another leads: "Milgram experiment".
    while run and run[-1].low in LOOSE and is_filler(run[-1]):
        run = run[:-1]
    # What of the verbs' list is in a run is a noun there.
    if not run or (not fillers and all(is_filler(word) and word.low not in VERBS for word in run)):
        return None
    shown = unicodedata.normalize("NFC", " ".join(text[run[0].start : run[-1].end].split()))
    shown = _POSSESSIVE.sub("", shown)
    terms = frozenset(content_terms(shown))
    if not terms or len(shown) > _LONGEST:
        return None
    return Phrase(text=shown, words=tuple(run), terms=terms)

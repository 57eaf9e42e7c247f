"""The amounts, dates and names of a quote, as it writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.disagree_places import country_of
from rag.support.amounts import Amount
from rag.support.sentence import Item, Sentence, parse
from rag.support.text import clean, fold, stem, stems, word_set
from rag.support.words import canonical

ValueKind = Literal["amount", "date", "name"]

_REACH = 80
# What somebody is called by office or family, as stems.
TITLES = stems(
    "mr mrs ms miss dr prof professor sir lord lady president premier chancellor minister secretary senator governor mayor king "
    "queen prince princess pope chairman chairwoman chair director general colonel captain prime foreign deputy vice chief "
    "executive ceo leader representative sister brother father mother judge ambassador "
    "господин госпожа президент министр председатель премьер глава"
)
# Words that say the same of a quantity or an event; those of `rag.support.words` come on top.
_ALIKE = """
worth value valued cost price priced costing spend spent
die dies died kill killed dead death deaths fatality
injure injured wound wounded hurt
employ employs employed employee staff worker
order ordered buy
find found
occur place held hold host hosted
rise increase grow climb jump
fall drop decrease decline shrink
visit travel trip
invite invitation
open opened launch launched inaugurate inaugurated
стоимость стоит стоила стоит стоят цена
погиб погибли погибло умер умерли
""".strip().splitlines()
_ALIKE_KEYS = {canonical(stem(fold(word))): f"~{line.split()[0]}" for line in _ALIKE for word in line.split()}
_MARKS = {"-": "[-‐‑‒–—―−]", "'": "['’‘`´]", '"': '["“”„«»]'}
_NOT_NAMES = word_set("i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of a quote: `text` is the quote's from `start` to `end`.

    `place` and `width` are the items of `sentence` that say it.
    """

    kind: ValueKind
    text: str
    start: int
    end: int
    sentence: Sentence
    place: int
    width: int

    @property
    def items(self) -> Sentence:
        """The items that say it: the words of a name, both ends of a range of dates."""
        return self.sentence[self.place : self.place + self.width]

    @property
    def amount(self) -> Amount | None:
        """The amount of the first item."""
        return self.items[0].amount

    @property
    def nouns(self) -> frozenset[str]:
        """What a bare count counts: keys of the first two words after it, in its clause."""
        found: list[str] = []
        for item in self.sentence[self.place + self.width :]:
            if item.clause != self.items[-1].clause or len(found) == 2:
                break
            if item.content and not item.is_value:
                found.append(key_of(item))
        return frozenset(found)

    @property
    def rank(self) -> str:
        """Key of the rank nearest to it in its sentence, "" for none: the first summit is not the second."""
        ranks = [
            (abs(n - self.place), i.key)
            for n, i in enumerate(self.sentence)
            if i.amount and i.amount.unit == "ordinal"
        ]
        return min(ranks)[1] if ranks else ""

    @property
    def substances(self) -> frozenset[str]:
        """What an amount is of ("3 million tonnes of wheat"); empty where it is not said."""
        rest = self.sentence[self.place + self.width :][:5]
        if not rest or rest[0].low != "of":
            return frozenset()
        return frozenset([key_of(item) for item in rest[1:] if item.content and not item.is_value][:2])


def key_of(item: Item) -> str:
    """Return one key for words that say the same, here more loosely than in judging support."""
    country = country_of(item.low) if item.capital else ""
    key = canonical(item.key)  # "met" is "meet", which is "gather"
    return f"={country}" if country else _ALIKE_KEYS.get(key, key)


@lru_cache(maxsize=1_000)
def parsed(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of a text as items; remembered, because every rule looks at them."""
    return tuple(parse(clean(text)))


@lru_cache(maxsize=1_000)
def values_in(text: str) -> tuple[Value, ...]:
    """Return the values of a quote in order; one whose characters cannot be found again is left out."""
    found: list[Value] = []
    cursor = 0
    for sentence in parsed(text):
        spans: list[tuple[int, int] | None] = []
        for n, item in enumerate(sentence):
            if n and item.place == sentence[n - 1].place:
                spans.append(spans[-1])  # "16–18 June" is two items of one stretch
                continue
            spans.append(_span(item.said, text, cursor))
            last = spans[-1]
            cursor = last[1] if last is not None else cursor
        for kind, place, width in _stretches(sentence):
            first, last = spans[place], spans[place + width - 1]
            if first is not None and last is not None:
                said = text[first[0] : last[1]]
                found.append(
                    Value(
                        kind=kind,
                        text=said,
                        start=first[0],
                        end=last[1],
                        sentence=sentence,
                        place=place,
                        width=width,
                    )
                )
    return tuple(found)


def _span(said: str, text: str, cursor: int) -> tuple[int, int] | None:
    """Find an item's words in the text that it was read from, where they may be written otherwise."""
    for start, end in _occurrences(said, text, cursor):
        if start == end or start - cursor > _REACH:
            return None
        if _stands_alone(said, text, start, end):
            return start, end
    return None


def _occurrences(said: str, text: str, cursor: int) -> Iterator[tuple[int, int]]:
    if not any(c in _MARKS or c.isspace() for c in said):
        # Nearly every item is one plain word, and compiling a pattern for each takes longer than all else.
        start = text.find(said, cursor)
        while start >= 0:
            yield start, start + len(said)
            start = text.find(said, start + 1)
        return
    pattern = re.compile(
        r"\s+".join("".join(_MARKS.get(c, re.escape(c)) for c in word) for word in said.split())
    )
    match = pattern.search(text, cursor)
    while match is not None:
        yield match.span()
        match = pattern.search(text, match.start() + 1)


def _stands_alone(said: str, text: str, start: int, end: int) -> bool:
    """Tell whether the words found there are no part of a longer word or number."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if said[:1].isalnum() and (before.isalnum() or before == "_"):
        return False
    if said[-1:].isdigit():
        return not (after.isdecimal() or (after in (".", ",") and text[end + 1 : end + 2].isdecimal()))
    return not (said[-1:].isalnum() and (after.isalnum() or after == "_"))


def _stretches(sentence: Sentence) -> Iterator[tuple[ValueKind, int, int]]:
    """Yield (kind, place, width) of the amounts, dates and names of a sentence."""
    headline = _is_headline(sentence)
    n = 0
    while n < len(sentence):
        item, width = sentence[n], 1
        if item.date is not None:
            while n + width < len(sentence) and sentence[n + width].place == item.place:
                width += 1
            # "Thursday" and "last week" are other days in every report.
            if any(
                (d.year, d.month, d.day) != (None, None, None)
                for i in sentence[n : n + width]
                if (d := i.date)
            ):
                yield "date", n, width
        elif item.amount is not None and not _is_loose(sentence, n):
            yield "amount", n, 1
        elif not headline and _may_be_name(sentence, n):
            while n + width < len(sentence) and _continues(sentence, n + width):
                width += 1
            yield "name", n, width
        n += width


def _is_loose(sentence: Sentence, n: int) -> bool:
    """Tell amounts that compare with nothing: "millions", ranks, times of day, the five of "one in five"."""
    amount, before = sentence[n].amount, sentence[n - 1].low if n else ""
    assert amount is not None
    held = sentence[n - 2] if n > 1 and before in ("in", "of", "из") else None
    in_so_many = held is not None and (held.amount is not None or held.low in ("one", "один", "одна"))
    return amount.vague or "clock" in amount.unit or amount.unit == "ordinal" or in_so_many


def _may_be_name(sentence: Sentence, n: int) -> bool:
    item = sentence[n]
    if not item.capital or not item.content or item.is_value or is_title(item):
        return False
    if item.low in _NOT_NAMES:
        return False
    # The capital of a first word says nothing, unless the name goes on.
    return not item.opens or (n + 1 < len(sentence) and _continues(sentence, n + 1))


def _continues(sentence: Sentence, n: int) -> bool:
    item, before = sentence[n], sentence[n - 1]
    adjacent = item.place == before.place + 1 and item.clause == before.clause
    return adjacent and item.capital and item.content and not item.is_value and not item.opens


def _is_headline(sentence: Sentence) -> bool:
    words = [item for item in sentence if item.content and not item.is_value]
    return len(words) > 3 and all(item.capital for item in words)


def is_title(item: Item) -> bool:
    """Tell whether a word is an office or a form of address, which is no part of a name."""
    return stem(item.low) in TITLES

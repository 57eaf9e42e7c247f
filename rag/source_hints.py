"""What a question says of its sources: publishers, titles and dates, as the catalogue has them.

"According to The Verge … after the TechCrunch report of October 7" prefers what The Verge and
TechCrunch published, and what was published on that day. A preference only: a name may be part of
the story, and a date may be that of the event.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from index.dates import days_in

_WORD = re.compile(r"[^\W_]+")
# "The Independent - Travel" and "CNBC | World Business News" are called by what stands first.
_SECTION = re.compile(r"\s+[-–—|:]\s+")
_LEAST_TITLE_WORDS = 4
_MOST_WORDS = 40
# A date speaks of publishing only where the question speaks of a source.
_SOURCE_WORD = re.compile(
    r"\b(?:report(?:s|ed|ing)?|article|piece|story|coverage|publish(?:ed|es)?|according to|wrote|writes|"
    r"interview|review|column|editorial|post|сообщил[аио]?|стать[яеию]|публикаци[яиюей]+|по данным)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHints:
    """Documents by what the question names: one group a publisher or title, and those of its dates."""

    named: tuple[frozenset[int], ...] = ()
    dated: frozenset[int] = frozenset()


class SourceNames:
    """The publishers, titles and days of one generation, looked up by the words of a question."""

    def __init__(self, documents: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        names: dict[tuple[str, ...], set[int]] = defaultdict(set)
        # "Fortune" is a publisher, "fortune" is not; of longer names, case says nothing.
        self._cased: dict[tuple[str, ...], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._days: dict[date, set[int]] = defaultdict(set)
        for ordinal, row in documents:
            for name in _called(row["publisher"]):
                words = _words(name)
                names[words].add(ordinal)
                if len(words) == 1:
                    self._cased[words][name].add(ordinal)
            title = _words(row["title"] or "")
            if _LEAST_TITLE_WORDS <= len(title) <= _MOST_WORDS:
                names[title].add(ordinal)
            if row["published_at"] is not None:
                self._days[datetime.fromisoformat(row["published_at"]).date()].add(ordinal)
        self._names = {words: frozenset(found) for words, found in names.items() if words}
        self._longest = max(map(len, self._names), default=0)

    def hints(self, question: str, seen: frozenset[int] | None = None) -> SourceHints:
        """Return what a question names, each group once, in the order of first mention.

        Names that no document in sight has are no names; `seen` are their numbers, `None`: all.
        """
        named = tuple(dict.fromkeys(self._named(question, seen)))
        dated: set[int] = set()
        if named or _SOURCE_WORD.search(question):
            for day in days_in(question):
                for published, ordinals in self._days.items():
                    if day.matches(published):
                        dated |= ordinals
        return SourceHints(named=named, dated=frozenset(dated) if seen is None else seen & dated)

    def _named(self, question: str, seen: frozenset[int] | None) -> Iterable[frozenset[int]]:
        found = list(_WORD.finditer(question))
        words = [match.group().casefold() for match in found]
        place = 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                key = tuple(words[place : place + length])
                group = self._group(key, found[place].group(), seen)
                if group:
                    yield group
                    place += length
                    break
            else:
                place += 1

    def _group(self, key: tuple[str, ...], written: str, seen: frozenset[int] | None) -> frozenset[int]:
        """Return the documents in sight that these words name."""
        group = self._names.get(key, frozenset())
        if key in self._cased:
            of_case = self._cased[key].get(written, set())
            if not (of_case if seen is None else of_case & seen):
                return frozenset()
        return group if seen is None else group & seen


def _called(publisher: str | None) -> tuple[str, ...]:
    """Return the names that a publisher goes by."""
    if not publisher:
        return ()
    short = _SECTION.split(publisher, maxsplit=1)[0]
    return tuple(dict.fromkeys(name.strip() for name in (publisher, short) if name.strip()))


def _words(text: str) -> tuple[str, ...]:
    return tuple(match.group().casefold() for match in _WORD.finditer(text))

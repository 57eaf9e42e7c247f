"""Two names, amounts or dates of a quoted sentence in each other's places, or one in another's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from rag.support.align import Alignment
from rag.support.replaced import alike, kind_of, unit_of
from rag.support.sentence import Item, Sentence
from rag.support.types import Problem, ProblemKind
from rag.support.view import View

_WIDTH = 3
_MAX_COMPARED = 24
_LITTLE = frozenset(
    {
        "the",
        "a",
        "an",
        "of",
        "and",
        "is",
        "was",
        "are",
        "were",
        "be",
        "been",
        "has",
        "have",
        "had",
        "that",
        "which",
        "it",
        "its",
    }
)
_KIND = {"amount": ProblemKind.NUMBER, "date": ProblemKind.DATE, "name": ProblemKind.NAME}


def exchange_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for every name, amount or date in the place of another."""
    for alignment in view.best():
        yield from _exchanged(alignment)
        yield from _misattached(alignment)
        yield from _beside(alignment.statement, alignment.quote)


def _beside(statement: Sentence, quote: Sentence) -> Iterator[Problem]:
    """Find a name or value where the quote has another, right beside three items that are the quote's.

    Alignment keeps one order; this sees what was exchanged in a part that moved.
    """
    for step in (1, -1):
        ours, theirs = statement[::step], quote[::step]
        places: dict[tuple[str, ...], list[int]] = {}
        for m in range(1, len(theirs) - 2):
            places.setdefault(tuple(i.key for i in theirs[m : m + 3]), []).append(m)
        for n in range(1, len(ours) - 2):
            run = ours[n : n + 3]
            found = places.get(tuple(i.key for i in run), [])
            one = ours[n - 1]
            if len(found) != 1 or sum(i.content for i in run) < 2 or not kind_of(one):
                continue
            two = theirs[found[0] - 1]
            joined = one.clause == run[0].clause and two.clause == theirs[found[0]].clause
            if _listed(theirs[max(0, found[0] - 6) : found[0] - 1], one):
                continue  # "Clinton and Gates spoke" says that Clinton spoke
            if (
                joined
                and kind_of(one) == kind_of(two)
                and unit_of(one) == unit_of(two)
                and not alike(one, two)
                and one.key != two.key
            ):
                kind = {"amount": ProblemKind.NUMBER, "date": ProblemKind.DATE, "name": ProblemKind.NAME}[
                    kind_of(one)
                ]
                yield Problem(kind=kind, said=one.said, found=two.said)


def _listed(before: Sentence, item: Item) -> bool:
    keys = [i.key for i in before]
    return item.key in keys and any(
        i.low in ("and", "or", "и", "или") for i in before[keys.index(item.key) :]
    )


def _exchanged(alignment: Alignment) -> Iterator[Problem]:
    """Find two names, amounts or dates that stand in each other's places."""
    statement, quote = alignment.statement, alignment.quote
    once = _unique(quote)
    for kind in ("amount", "date", "name"):
        places = [
            n
            for n, item in enumerate(statement)
            if item.key in once and kind_of(item) == kind and _unique(statement).get(item.key) == n
        ][:_MAX_COMPARED]
        for one, other in combinations(places, 2):
            first, second = once[statement[one].key], once[statement[other].key]
            if unit_of(statement[one]) != unit_of(statement[other]):
                continue
            skip = {statement[one].key, statement[other].key}
            around = [_around(statement, n, skip) for n in (one, other)]
            there = [_around(quote, n, skip) for n in (first, second)]
            kept = _shared(around[0], there[0]) + _shared(around[1], there[1])
            crossed = _shared(around[0], there[1]) + _shared(around[1], there[0])
            beside = kind == "amount" and other - one == 1 == first - second  # a score turned round
            if beside or (
                crossed > kept
                and crossed >= 2
                and min(_shared(around[0], there[1]), _shared(around[1], there[0])) > 0
            ):
                yield Problem(
                    kind={"amount": ProblemKind.NUMBER, "date": ProblemKind.DATE, "name": ProblemKind.NAME}[
                        kind
                    ],
                    said=f"{statement[one].said} … {statement[other].said}",
                    found=f"{quote[min(first, second)].said} … {quote[max(first, second)].said}",
                )


def _unique(sentence: Sentence) -> dict[str, int]:
    counts: dict[str, list[int]] = {}
    for n, item in enumerate(sentence):
        counts.setdefault(item.key, []).append(n)
    return {key: places[0] for key, places in counts.items() if len(places) == 1}


def _around(sentence: Sentence, n: int, skip: set[str]) -> tuple[set[str], set[str]]:
    left = [
        i.key for i in reversed(sentence[max(0, n - 8) : n]) if i.low not in _LITTLE and i.key not in skip
    ]
    right = [i.key for i in sentence[n + 1 : n + 9] if i.low not in _LITTLE and i.key not in skip]
    return set(left[:_WIDTH]), set(right[:_WIDTH])


def _shared(one: tuple[set[str], set[str]], other: tuple[set[str], set[str]]) -> int:
    return len(one[0] & other[0]) + len(one[1] & other[1])


def _misattached(alignment: Alignment) -> Iterator[Problem]:
    """Find an amount whose surroundings are those of another: "copper fell 5 %" of "steel rose 5 %, copper fell 3 %"."""
    statement, quote = alignment.statement, alignment.quote
    once, said = _unique(quote), {item.key for item in statement}
    for n, item in enumerate(statement):
        if item.amount is None or item.key not in once or alignment.closeness == 1.0:
            continue
        here = _around(statement, n, {item.key})
        own = _shared(here, _around(quote, once[item.key], {item.key}))
        for j, other in enumerate(quote):
            if other.amount is None or other.amount.unit != item.amount.unit or other.key in said:
                continue
            if own == 0 and _shared(here, _around(quote, j, {other.key})) >= 2:
                yield Problem(kind=ProblemKind.NUMBER, said=item.said, found=other.said)
                break

"""Finds quotes of different documents that answer one question with values that cannot both be true.

Rules alone, and careful ones: a disagreement that is shown must be one. Kinds and units must agree,
the sentences be about the same by the question's words, times and names not differ; rounding, bounds
and less precise words are no difference; a plan and what then came is an order in time
(`rag.disagree_time`). Several values of one document never disagree with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from index.types import Document
from rag.disagree_align import asks_the_same, in_one_slot, likeness
from rag.disagree_found import Asked, Found, is_asked_name
from rag.disagree_same import comparable, may_be_same
from rag.disagree_time import Dated, TimeOrder, asks_of_time, in_time_order
from rag.disagree_values import ValueKind, key_of, parsed, values_in
from rag.types import AnswerText, Question, Quote

_REPEATED = 0.9
_MAX_SHOWN = 3

NO_COPIES: Mapping[int, str] = MappingProxyType({})
"""Every quote is its own document's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A quote, by its number in the draft, with what is known of its document.

    `answer` is the reader's short answer within the quote, where there is one. `source` is whose word it
    is, where that is not its own document's: of copies of one story the first of them (`rag.same_story`).
    """

    number: int
    document_id: str
    text: str
    title: str
    publisher: str | None
    published_at: str | None
    answer: str | None = None
    source: str | None = None

    @property
    def speaker(self) -> str:
        """Whose word it is."""
        return self.document_id if self.source is None else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A value as its first quote writes it, and the numbers of the quotes that say so."""

    value: str
    quotes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two or more sides, in the order of the quotes: never by which is later."""

    kind: ValueKind
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    one: Found
    other: Found
    same: bool


def told_by(
    quotes: Mapping[int, Quote],
    document_of: Callable[[str], Document],
    answers: Sequence[AnswerText] = (),
    sources: Mapping[int, str] = NO_COPIES,
) -> list[Told]:
    """Return verified quotes, by their numbers in the draft, with their documents and the answers in them.

    `sources` says whose word a quote is where that is not its document's.
    """
    found: list[Told] = []
    for number, quote in quotes.items():
        document = document_of(quote.document_id)
        inside = [answer for answer in answers if quote.holds(answer)]
        best = max(inside, key=lambda a: a.score, default=None)
        found.append(
            Told(
                number=number,
                document_id=quote.document_id,
                text=quote.text,
                title=document.title,
                publisher=document.publisher,
                published_at=document.published_at,
                source=sources.get(number),
                answer=None if best is None else document.text[best.start : best.end],
            )
        )
    return found


def find_disagreements(question: Question, told: Sequence[Told]) -> list[Disagreement]:
    """Return what the quotes disagree on, at most three things; a repeated story counts once."""
    asked = Asked(question=question)
    quotes = _told_once(told)
    found: list[Disagreement] = []
    for kind in asked.kinds:
        held = {t.number: _found(t, kind, asked) for t in quotes}
        taken: set[int] = set()
        for first in quotes:
            if first.number in taken:
                continue
            pairs = {
                other.number: pair
                for other in quotes
                if other.speaker != first.speaker
                and other.number > first.number
                and (pair := _compared(held[first.number], held[other.number], asked)) is not None
            }
            sides = _sides(first.number, pairs, {t.number: t.speaker for t in quotes})
            if len(sides) > 1:
                found.append(Disagreement(kind=kind, sides=sides))
                taken |= {number for side in sides for number in side.quotes}
    return found[:_MAX_SHOWN]


def plans_and_events(question: Question, told: Sequence[Told]) -> TimeOrder | None:
    """Return the order in time of plans and of what came of them; see `rag.disagree_time`."""
    dated = [Dated(number=t.number, document_id=t.speaker, text=t.text) for t in told]
    published = {t.speaker: t.published_at for t in reversed(told)}  # of copies the first counts
    keys = Asked(question=question).keys
    return in_time_order(dated, published, keys, is_asked=asks_of_time(question.standalone))


def _told_once(told: Sequence[Told]) -> list[Told]:
    """Leave out a quote that repeats an earlier one of another document."""
    kept: list[tuple[Told, frozenset[str], frozenset[str]]] = []
    for quote in told:
        items = [item for sentence in parsed(quote.text) for item in sentence if item.content]
        words = frozenset(key_of(item) for item in items)
        values = frozenset(item.key for item in items if item.is_value or item.capital)
        repeats = any(
            quote.document_id != other.document_id
            and values == theirs
            and len(words & seen) >= _REPEATED * max(len(words | seen), 1)
            for other, seen, theirs in kept
        )
        if not repeats:
            kept.append((quote, words, values))
    return [quote for quote, _, _ in kept]


def _found(told: Told, kind: ValueKind, asked: Asked) -> list[Found]:
    """Return the values of one kind, those that the reader took for the answer marked."""
    values = [v for v in values_in(told.text) if v.kind == kind and not is_asked_name(v, asked)]
    start = told.text.find(told.answer) if told.answer else -1
    end = start + len(told.answer or "")
    around, title = parsed(told.text), parsed(told.title)
    return [
        Found(value=v, around=around, title=title, certain=start >= 0 and v.start < end and start < v.end)
        for v in values
    ]


def _compared(ours: Sequence[Found], theirs: Sequence[Found], asked: Asked) -> _Pair | None:
    """Return the values by which two quotes answer the question, and whether they may be the same.

    What the reader took for the answers is compared first. Where that shows nothing, it may have taken
    another value of the sentence, and all are compared.
    """
    certain = [[f for f in found if f.certain] or found for found in (ours, theirs)]
    pair = _compared_values(certain[0], certain[1], asked)
    return pair if pair is not None and not pair.same else _compared_values(ours, theirs, asked) or pair


def _compared_values(ours: Sequence[Found], theirs: Sequence[Found], asked: Asked) -> _Pair | None:
    every = [(a, b) for a in ours for b in theirs if comparable(a.value, b.value)]
    on_it = [(a, b) for a, b in every if asks_the_same(a, b, asked)]
    if not on_it:
        return None
    same = [(a, b) for a, b in every if may_be_same(a.value, b.value)]
    # What the other quote says as well is no difference, wherever it stands there.
    shared = {id(found) for pair in same for found in pair}
    apart = [(a, b) for a, b in on_it if id(a) not in shared and id(b) not in shared]
    agreed = [(a, b) for a, b in on_it if may_be_same(a.value, b.value)]
    if agreed:
        apart = [(a, b) for a, b in apart if in_one_slot(a.value, b.value)]
    if apart:
        one, other = max(apart, key=lambda pair: _closeness(pair[0], pair[1], asked))
        return _Pair(one=one, other=other, same=False)
    return _Pair(one=agreed[0][0], other=agreed[0][1], same=True) if agreed else None


def _closeness(one: Found, other: Found, asked: Asked) -> tuple[int, int, float]:
    """Order pairs by what stands right beside the values, so that the asked one of several is taken."""
    beside = len(one.near & asked.keys) + len(other.near & asked.keys)
    return beside, len(one.near & other.near), likeness(one, other)


def _sides(first: int, pairs: dict[int, _Pair], source: dict[int, str]) -> tuple[Side, ...]:
    """Group the quotes by value, around the first of them."""
    differing = [pair for pair in pairs.values() if not pair.same]
    if not differing:
        return ()
    groups: list[tuple[Found, list[int]]] = [(differing[0].one, [first])]
    for number, pair in pairs.items():
        place = 0
        if not pair.same:
            holding = (n for n, (f, _) in enumerate(groups) if n and may_be_same(f.value, pair.other.value))
            place = next(holding, len(groups))
        of_it = {
            n for n, (_, numbers) in enumerate(groups) if any(source[m] == source[number] for m in numbers)
        }
        if of_it - {place}:
            continue  # several values of one document, or of its copies, are no disagreement
        if place == len(groups):
            groups.append((pair.other, []))
        groups[place][1].append(number)
    return tuple(Side(value=found.value.text, quotes=tuple(numbers)) for found, numbers in groups)

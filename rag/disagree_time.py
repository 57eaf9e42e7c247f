"""Reports of what is to come and of what came: an order in time, and no disagreement.

They are put in order of publication only where every date is known. A source without a date has
no place in that order, and the answer says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise

from rag.disagree_same import may_be_same
from rag.disagree_values import key_of, parsed, values_in
from rag.support.sentence import Sentence
from rag.support.text import stems, word_set

_FORMAL = word_set("would will'll going may might could будет будут")
# What a rule says as well: "applicants shall pay", "refunds will be made within 14 days". Of a thing with a name
# "will" tells what is to come: "the Aurora Star will be 310 metres long".
_RULING = word_set("will shall")
# Forms of the present and of the past alike: whether "it cost" tells what came is not known.
_EITHER = word_set("cost put set cut hit let read spread shut bid beat")
_PRESENT = word_set("is are")
_BETWEEN = word_set("now not also still only usually always normally currently already never")
_PLANNING = stems(
    "plan plans planned planning expect expects expected expecting intend intends intended intending schedule scheduled due "
    "aim aims aimed aiming forecast forecasts predict predicts predicted prediction project projected projects propose proposed "
    "upcoming planned hope hopes hoped ahead preparing prepare prepared prospective target targets targeted anticipate "
    "anticipated anticipates likely планирует планируют планируется ожидается ожидают намерен намерена намерены предстоящий "
    "предстоящем предстоящая запланирован запланирована собирается собираются прогноз прогнозирует"
)
_PAST = word_set(
    "was were had did has have became began came met held said took made gave got won lost paid bought sold rose fell grew went "
    "saw left led brought built spent sent told wrote spoke drew struck был была было были стал стала стало прошел прошла "
    "состоялся состоялась состоялось"
)
_IS_TO = frozenset({("is", "to"), ("are", "to")})
_PAST_RU = ("лся", "лась", "лось", "лись", "ал", "ала", "ало", "али", "ил", "ила", "или", "ел", "ела", "ели")
_NO = word_set("not no never neither nor without deny denied denies false не нет ни никогда")
_WINDOW = 8
_NEAR = 4
_SHARED = 2
_ALIKE = 0.5
_ASKS_OF_TIME = re.compile(
    r"\b(?:plann?\w*|expect\w*|predict\w*|hop(?:e|es|ed|ing)|forecast\w*|actual\w*|in the end|afterwards|ahead of|beforehand|turn(?:s|ed) out|"
    r"outcome|in the event|c[oa]me true|bears? (?:that )?out|promis\w+|preview\w*|ожида\w+|план\w*|прогноз\w*|в итоге|на самом деле|обеща\w+)\b",
    re.IGNORECASE,
)


class Stage(StrEnum):
    """Whether a sentence tells what is to come, what came, or neither.

    `WILL` is told by "shall", or "will" and no name, alone: a plan beside what came of it, a rule beside what is.
    """

    PLAN = "plan"
    WILL = "will"
    EVENT = "event"
    OPEN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A quote as far as time goes: its number in the draft, its words, and when it was published."""

    number: int
    document_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOrder:
    """Plans and what came of them. `order` is by publication, or as it was where a date is unknown.

    `undated` are those of `order` whose date is unknown; where there are any, nothing was moved.
    """

    order: tuple[int, ...]
    undated: tuple[int, ...]


def stage_of(sentence: Sentence, place: int | None = None) -> Stage:
    """Tell what a sentence, or the part of it around one item, says of time."""
    near = sentence
    if place is not None:
        clause = sentence[place].clause
        near = tuple(
            item
            for n, item in enumerate(sentence)
            if item.clause == clause or (abs(n - place) <= _WINDOW and abs(item.clause - clause) == 1)
        )
    if any(item.low in _FORMAL or item.key in _PLANNING for item in near if not item.is_value):
        return Stage.PLAN
    if any((a.low, b.low) in _IS_TO for a, b in pairwise(near)):
        return Stage.PLAN
    if ruling := {item.low for item in near} & _RULING:
        named = any(item.capital and not item.opens and not item.is_value for item in sentence)
        return Stage.PLAN if named and "shall" not in ruling else Stage.WILL
    before = ""
    for item in near:
        # "is paid", "are now closed" tell what is.
        passive = before in _PRESENT
        if not passive and (
            item.low in _PAST or (not item.capital and len(item.low) > 4 and item.low.endswith("ed"))
        ):
            return Stage.EVENT
        if not item.low.isascii() and len(item.low) > 4 and item.low.endswith(_PAST_RU):
            return Stage.EVENT
        if item.low not in _BETWEEN:
            before = item.low
    return Stage.OPEN


def is_ahead(stage: Stage) -> bool:
    """Tell whether something is said to come."""
    return stage in (Stage.PLAN, Stage.WILL)


def apart_in_time(one: tuple[Sentence, Stage], other: tuple[Sentence, Stage]) -> bool:
    """Tell whether one tells what is to come and the other does not, so that both may be true."""
    stages = {one[1], other[1]}
    if stages == {Stage.WILL, Stage.OPEN}:
        # A rule and a rule, unless the other may tell of the past.
        told = next(sentence for sentence, stage in (one, other) if stage is Stage.OPEN)
        return stage_of(told) is Stage.EVENT or any(item.low in _EITHER for item in told)
    return is_ahead(one[1]) != is_ahead(other[1])


def is_denied(sentence: Sentence, place: int) -> bool:
    """Tell whether a negation stands shortly before an item, in its clause."""
    before = sentence[max(0, place - _NEAR) : place]
    return any(item.low in _NO for item in before if item.clause == sentence[place].clause)


def asks_of_time(question: str) -> bool:
    """Tell whether a question sets what was expected against what came."""
    return _ASKS_OF_TIME.search(question) is not None


def in_time_order(
    quotes: Sequence[Dated], published: Mapping[str, str | None], asked: frozenset[str], *, is_asked: bool
) -> TimeOrder | None:
    """Find a plan and the event that followed it among quotes of different documents; `None` if none.

    They tell of one thing where they share two of the question's words (`asked`, as
    `rag.disagree_values.key_of` gives them) and half of the shorter sentence; one of the question's
    words is enough where it asks of before and after itself (`is_asked`). `published` maps a document
    to its ISO 8601 date.
    """
    told = [(quote, _stages(quote.text)) for quote in quotes]
    plans = [(quote, keys) for quote, stages in told for stage, keys in stages if is_ahead(stage)]
    events = [(quote, keys) for quote, stages in told for stage, keys in stages if stage is Stage.EVENT]
    concerned: set[int] = set()
    for plan, planned in plans:
        for event, happened in events:
            shared = planned & happened
            of_one = (is_asked and bool(shared & asked)) or (
                len(shared & asked) >= _SHARED and len(shared) >= _ALIKE * min(len(planned), len(happened))
            )
            if of_one and plan.document_id != event.document_id:
                concerned |= {plan.number, event.number}
    if not concerned:
        return None
    kept = [quote for quote in quotes if quote.number in concerned]
    undated = tuple(q.number for q in kept if published[q.document_id] is None)
    if not undated:
        kept.sort(key=lambda quote: _day(published[quote.document_id] or ""))
    return TimeOrder(order=tuple(q.number for q in kept), undated=undated)


def _stages(text: str) -> list[tuple[Stage, frozenset[str]]]:
    return [
        (stage_of(sentence), frozenset(key_of(i) for i in sentence if i.content and not i.is_value))
        for sentence in parsed(text)
    ]


def _day(published_at: str) -> date:
    # Times are written in many zones or none; two reports of one day stay as they were.
    return datetime.fromisoformat(published_at).date()


def tells_otherwise(one: str, other: str) -> bool:
    """Tell whether two texts in nearly the same words say different things: both must then be seen.

    Each has a value of a kind that the other lacks, or one tells of a plan and one does not. A text
    that only adds a value says the same and more.
    """
    if any(is_ahead(stage_of(s)) for s in parsed(one)) != any(is_ahead(stage_of(s)) for s in parsed(other)):
        return True
    ours, theirs = values_in(one), values_in(other)
    more = [a for a in ours if not any(a.kind == b.kind and may_be_same(a, b) for b in theirs)]
    back = [b for b in theirs if not any(a.kind == b.kind and may_be_same(a, b) for a in ours)]
    return any(a.kind == b.kind for a in more for b in back)

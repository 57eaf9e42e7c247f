"""A question as values are compared by it, and a value with what stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.disagree_same import same_names
from rag.disagree_time import Stage, stage_of
from rag.disagree_values import Value, ValueKind, is_title, key_of, parsed
from rag.support.sentence import Item, Sentence
from rag.support.text import stems
from rag.types import AnswerType, Question

# What a question says about the kind of its answer, not about its subject.
_GENERIC = stems(
    "many much number amount total year date day month time name figure long far old say report accord article source differ "
    "city town country state place region location person man woman "
    "agree percentage share many сколько каком какой году"
)
SAYING = stems(
    "say said tell told report reported announce announced accord according state stated write wrote"
)
_PLURAL = re.compile(
    r"\b(?:who|which|what|where)\b(?:\s+(?:(?!was\b|is\b|has\b|does\b|the\b)\w+\s+)?(?!was\b|is\b|has\b|does\b|this\b|its\b)(\w+s)\b(?<!ss))?"
    r"\s*(are|were|have)?\b",
    re.IGNORECASE,
)
NEAR = 3
"""Content words on each side that count as beside a value."""
_FRAME = 5
_KINDS: dict[AnswerType, tuple[ValueKind, ...]] = {
    AnswerType.NUMBER: ("amount",),
    AnswerType.DATE: ("date",),
    AnswerType.PERSON: ("name",),
    AnswerType.PLACE: ("name",),
    AnswerType.OTHER: ("amount", "date", "name"),
}
# "What was the revenue of …" wants a number as much as "how much" does.
_QUANTITY = stems(
    "revenue income profit loss turnover budget salary wage height length width weight speed distance temperature area age "
    "worth value price cost population capacity depth turnout"
)
_STRICT_KINDS: tuple[ValueKind, ...] = ("amount", "date")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as values are compared by it."""

    question: Question

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The question's items."""
        return parsed(self.question.standalone)

    @cached_property
    def keys(self) -> frozenset[str]:
        """What it is about."""
        items = [i for s in self.sentences for i in s if i.content and not i.is_value]
        keys = frozenset(key_of(i) for i in items if i.key not in _GENERIC)
        # "Who is it?" is about nothing else.
        return keys or frozenset(key_of(i) for i in items)

    @cached_property
    def names(self) -> tuple[Item, ...]:
        """Its words with a capital that does not come from their place."""
        return tuple(i for s in self.sentences for i in s if i.capital and not i.opens and i.content)

    @cached_property
    def dates(self) -> tuple[Item, ...]:
        """The dates that it names."""
        return tuple(i for s in self.sentences for i in s if i.date is not None)

    @property
    def kinds(self) -> tuple[ValueKind, ...]:
        """The kinds of values that may answer it."""
        kinds = _KINDS.get(self.question.answer_type, _STRICT_KINDS)
        if len(kinds) == 1:
            return kinds
        if self._wants_quantity:
            return ("amount",)
        return tuple(kind for kind in kinds if kind != "date" or not self.dates)

    @cached_property
    def _wants_quantity(self) -> bool:
        opening = [item for sentence in self.sentences[-1:] for item in sentence[:8]]
        return self.question.answer_type is AnswerType.OTHER and any(i.key in _QUANTITY for i in opening)

    @property
    def is_sure_of_kind(self) -> bool:
        """True where it says itself what kind of value it wants."""
        return len(_KINDS.get(self.question.answer_type, _STRICT_KINDS)) == 1 or self._wants_quantity

    @cached_property
    def wants_several(self) -> bool:
        """True for "which officials": two names that differ are then two parts of one answer."""
        match = _PLURAL.search(self.question.standalone)
        return match is not None and any(match.groups())


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value, and what stands around it: the sentences of its quote (`around`) and of its title.

    `certain` is true where the reader took it for the answer.
    """

    value: Value
    around: Sequence[Sentence]
    title: Sequence[Sentence]
    certain: bool

    @cached_property
    def keys(self) -> frozenset[str]:
        """The words of its sentence."""
        return frozenset(key_of(i) for i in self.value.sentence if i.content and not i.is_value)

    @cached_property
    def wide_keys(self) -> frozenset[str]:
        """The words of its quote and title."""
        return frozenset(
            key_of(i) for s in (*self.around, *self.title) for i in s if i.content and not i.is_value
        )

    @cached_property
    def near(self) -> frozenset[str]:
        """The content words right beside it."""
        return frozenset(key_of(item) for side in self.beside(NEAR) for item in side)

    def beside(self, reach: int) -> tuple[list[Item], list[Item]]:
        """Return so many content words before it, and after it."""
        place, after = self.value.place, self.value.place + self.value.width
        words = [i if i.content and not i.is_value else None for i in self.value.sentence]
        return [i for i in words[:place] if i][-reach:], [i for i in words[after:] if i][:reach]

    @cached_property
    def names(self) -> tuple[Item, ...]:
        """The names of its sentence, without those of whoever is quoted and without itself."""
        own = range(self.value.place, self.value.place + self.value.width)
        sentence = self.value.sentence
        return tuple(
            item
            for n, item in enumerate(sentence)
            if item.capital
            and not item.opens
            and item.content
            and not item.is_value
            and not is_title(item)
            and not (self.value.kind == "name" and n in own)
            and not any(o.key in SAYING for o in sentence[max(0, n - 3) : n + 4])
        )

    @cached_property
    def stage(self) -> Stage:
        """Whether it is a plan's or an event's."""
        return stage_of(self.value.sentence, self.value.place)

    @cached_property
    def frame(self) -> Item | None:
        """The date that its sentence gives it: the nearest, if there are several."""
        if self.value.kind == "date":
            return None
        place = self.value.place
        dates = [(n, i) for n, i in enumerate(self.value.sentence) if i.date is not None]
        near = [
            (abs(n - place - (n < place)), i) for n, i in dates if len(dates) == 1 or abs(n - place) <= _FRAME
        ]
        return min(near, key=lambda pair: pair[0])[1] if near else None


def is_asked_name(value: Value, asked: Asked) -> bool:
    """Tell whether a name is one of the question's own."""
    return value.kind == "name" and any(
        same_names(value.items, (name,)) for name in asked.names if not is_title(name)
    )

"""What the judgement of a statement says: supported or not, and the words at which it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ProblemKind(StrEnum):
    """What about a statement the quotes do not back."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    UNIT = "unit"
    NEGATION = "negation"
    QUANTIFIER = "quantifier"
    UNRELATED = "unrelated"
    READER = "reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: `said` are words of the statement, `found` what the quotes have.

    Either may be empty: a word that was left out is not said, one that was added is not found.
    """

    kind: ProblemKind
    said: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whether quotes back a statement; `supported` is true exactly when there are no problems.

    `score` is the reader's probability, `None` where the reader was not asked: there was none, the
    rules had found a problem already, or the statement is a quoted sentence word for word.
    """

    supported: bool
    problems: tuple[Problem, ...]
    score: float | None


class SupportReader(Protocol):
    """A model's opinion, asked only about statements that the rules let pass."""

    def __call__(self, sentence: str, quotes: Sequence[str]) -> float:
        """Return the probability, in [0, 1], that the quotes together entail the sentence."""

"""What happens between a question and its answer, in the order in which it happens.

The texts of all `DeltaEvent`s joined are the answer's text. A failure is raised, never an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.types import Answer, Citation

Stage = Literal["retrieve", "read", "write", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """A stage begins; of several questions in one message each is searched and read in turn."""

    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaEvent:
    """The next piece of the answer's text, markers included; nothing of it is ever taken back."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CitationEvent:
    """A numbered citation, before the first piece that holds its marker.

    Its `answer_spans` may still grow; those of the `AnswerEvent` are the last word.
    """

    citation: Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent:
    """The whole answer: the last event, once."""

    answer: Answer


Event: TypeAlias = StatusEvent | DeltaEvent | CitationEvent | AnswerEvent

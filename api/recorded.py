"""An answer as it comes, its turn stored with it: begun before, complete before the last event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from api.conversations import Recording
from api.schemas import AnswerOut, answer_out
from rag.answer import Ask, Stages
from rag.events import AnswerEvent, CitationEvent, DeltaEvent, StatusEvent
from rag.stream import stream_answer
from rag.types import Answer

Unwanted = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """The whole answer, and the record of it that every transport sends: the last event, once.

    Whoever has seen it finds the turn complete, where the answer is part of a conversation.
    """

    answer: Answer
    record: AnswerOut


RecordedEvent: TypeAlias = StatusEvent | DeltaEvent | CitationEvent | RecordEvent


def recorded(
    wanted: Ask, stages: Stages, recording: Recording
) -> Callable[[Unwanted], Iterator[RecordedEvent]]:
    """Return the work that makes the events of an answer.

    A turn that is not brought to its end, for whatever reason, is interrupted.
    """

    def work(unwanted: Unwanted) -> Iterator[RecordedEvent]:
        with recording:
            asked = recording.asked(wanted)
            for event in stream_answer(asked, stages, unwanted):
                if isinstance(event, AnswerEvent):
                    record = recording.complete(answer_out(event.answer, asked))
                    yield RecordEvent(answer=event.answer, record=record)
                else:
                    yield event

    return work

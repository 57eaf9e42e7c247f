"""An answer as it comes: stages, pieces of text, citations, and at the end the whole record."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise

from rag.answer import Ask, Stages, answer_steps
from rag.errors import AskCancelledError, StreamBrokenError
from rag.events import AnswerEvent, CitationEvent, DeltaEvent, Event
from rag.types import Answer

# Where one piece ends: after a sentence with its closing marks and markers, or after markers alone.
# Only the pace depends on it; a wrong cut ("U.S. |officials") costs nothing.
_PIECE_END = re.compile(r"(?:[.!?…][\"”»’)]*(?:\s\[\d+\])*|(?:\s\[\d+\])+)(?=\s)")
_MARKER = re.compile(r"\[(\d+)\]")


def never() -> bool:
    """Say that nobody has cancelled."""
    return False


def stream_answer(ask: Ask, stages: Stages, cancelled: Callable[[], bool] = never) -> Iterator[Event]:
    """Answer as `answer_question` does, and yield what happens on the way.

    Raises:
        AskCancelledError: `cancelled()` was true between two steps; no further one is begun.
        StreamBrokenError: text was shown that the answer does not begin with.
        QAError: a stage failed.
    """
    return stream_steps(answer_steps(ask, stages, cancelled), cancelled)


def stream_steps(
    steps: Generator[Event, None, Answer], cancelled: Callable[[], bool] = never
) -> Iterator[Event]:
    """Pass on what a pipeline shows while it works, then the rest of its answer's text in pieces.

    Raises as `stream_answer` does.
    """
    shown = ""
    cited: set[int | None] = set()
    try:
        while True:
            _go_on(cancelled)
            try:
                event = next(steps)
            except StopIteration as end:
                answer: Answer = end.value
                break
            if isinstance(event, DeltaEvent):
                shown += event.text
            elif isinstance(event, CitationEvent):
                cited.add(event.citation.number)
            yield event
    finally:
        steps.close()
    if not answer.text.startswith(shown):
        # What somebody has read cannot be taken back: better no answer than two.
        raise StreamBrokenError("the answer differs from what was already shown of it; ask again")
    by_number = {citation.number: citation for citation in answer.citations}
    for piece in pieces(answer.text[len(shown) :]):
        for number in map(int, _MARKER.findall(piece)):
            if number not in cited:
                cited.add(number)
                yield CitationEvent(citation=by_number[number])
        yield DeltaEvent(text=piece)
        _go_on(cancelled)
    yield AnswerEvent(answer=answer)


def pieces(text: str) -> list[str]:
    """Cut a text into sentences, each with its markers; joined they are the text. No text: no piece."""
    cuts = [0, *(match.end() for match in _PIECE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def _go_on(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise AskCancelledError("nobody waits for this answer any more")

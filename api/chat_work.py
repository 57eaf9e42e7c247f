"""The work for one chat request: text in pieces up to where it stops, then the answer and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from api.chat_request import Chat
from api.conversations import Recording
from api.recorded import RecordEvent, recorded
from api.schemas import AnswerOut
from index.tokens import count_tokens
from rag.answer import Stages
from rag.events import CitationEvent, DeltaEvent
from rag.types import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatText:
    """The next piece of the text that the client is shown, and the documents first quoted in it."""

    text: str
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEnd:
    """The answer and its record, the text of it that was shown, and the tokens (cl100k_base) of both sides."""

    answer: Answer
    record: AnswerOut
    text: str
    prompt_tokens: int
    completion_tokens: int


ChatEvent = ChatText | ChatEnd


def chat_work(
    chat: Chat, stages: Stages, recording: Recording
) -> Callable[[Callable[[], bool]], Iterator[ChatEvent]]:
    """Return the work that answers a chat request."""
    answering = recorded(chat.asked, stages, recording)

    def work(unwanted: Callable[[], bool]) -> Iterator[ChatEvent]:
        shown = Shown(chat.stops)
        quoted: list[str] = []
        for event in answering(unwanted):
            if isinstance(event, CitationEvent):
                quoted.append(event.citation.quote.document_id)
                continue
            if isinstance(event, DeltaEvent):
                piece = shown.add(event.text)
            elif isinstance(event, RecordEvent):
                piece = shown.rest()
            else:
                continue
            if piece:
                yield ChatText(text=piece, documents=tuple(quoted))
                quoted.clear()
            if isinstance(event, RecordEvent):
                *prompt, completion = count_tokens([*chat.texts, shown.text])
                yield ChatEnd(
                    answer=event.answer,
                    record=event.record,
                    text=shown.text,
                    prompt_tokens=sum(prompt),
                    completion_tokens=completion,
                )

    return work


class Shown:
    """The text up to the first of the stops, as far as it is sure that none begins there."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self._stopped = False
        self.text = ""

    def add(self, text: str) -> str:
        """Take the next piece and return what may be shown now."""
        if self._stopped:
            return ""
        self._held += text
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            self._stopped = True
            return self._show(min(found))
        return self._show(len(self._held) - self._begun())

    def rest(self) -> str:
        """Return what was held back, once there is no more to come."""
        return "" if self._stopped else self._show(len(self._held))

    def _show(self, end: int) -> str:
        piece, self._held = self._held[:end], self._held[end:]
        self.text += piece
        return piece

    def _begun(self) -> int:
        """Return how many characters at the end may be the beginning of a stop."""
        return max(
            (
                length
                for stop in self._stops
                for length in range(1, min(len(stop), len(self._held) + 1))
                if self._held.endswith(stop[:length])
            ),
            default=0,
        )

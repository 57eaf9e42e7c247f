"""Has a model write, and lets through only the sentences that are backed; says what became of the rest.

The servers are tried in their order until one has written something that may be shown. Of what a
server wrote, the refused sentences are sent back to it once, with the reasons. All of it together has
one deadline.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Literal

from index.split import paragraphs, sentences
from rag.errors import (
    GeneratorError,
    GeneratorOutputError,
    GeneratorTimeoutError,
    OutputFault,
)
from rag.support import SupportReader
from rag.types import ModelOutcome, ModelUse, Question
from rag.write.client import Limits, ModelClient
from rag.write.guard import LOOP_TAIL, is_looping, is_refusal
from rag.write.offer import Offer
from rag.write.parse import Parser, WrittenSentence
from rag.write.prompt import PROMPT_SHA256, Message, messages, new_boundary, retry_messages
from rag.write.settings import WriteSettings
from rag.write.verify import Judged, judge

logger = logging.getLogger(__name__)

MOST_SENTENCES = 8
"""Shown of one answer."""
_MOST_WRITTEN = 40
_MOST_TEXT = 32_000
_MOST_REPEATS = 3
_LOOK_EVERY = 200


@dataclass(slots=True)
class Writing:
    """What became of one writing; whole once its sentences were all taken.

    `not_found` counts numbers that nobody offered, the other two sentences that were not shown.
    `failure` is set where no server wrote to its end; sentences may have been shown all the same.
    """

    not_found: int = 0
    misattributed: int = 0
    unsupported: int = 0
    shown: int = 0
    model: str | None = None
    uses: list[ModelUse] = field(default_factory=list)
    failure: GeneratorError | None = None


class Writer:
    """Writes by the configured servers. Thread-safe; `close` ends its connections.

    `reader` is asked about sentences that the rules let pass (see `rag.support`).
    """

    prompt_sha256 = PROMPT_SHA256

    def __init__(self, settings: WriteSettings, *, reader: SupportReader | None = None) -> None:
        self.settings = settings
        self._reader = reader
        self._clients = [ModelClient(server) for server in settings.servers]

    @property
    def name(self) -> str:
        """The models in the order in which they are tried."""
        return ", ".join(server.model for server in self.settings.servers)

    def close(self) -> None:
        """End every connection; more than once is fine."""
        for client in self._clients:
            client.close()

    def write(
        self, question: Question, offered: Offer, writing: Writing, cancelled: Callable[[], bool]
    ) -> Generator[Judged, bool | None, None]:
        """Yield the sentences that may be shown, each as soon as it was written and judged.

        `writing` is filled meanwhile. A failure of every server is its `failure`, and is not raised:
        what was yielded before may have been shown. Sending `False` after a sentence says that it was
        not shown after all.

        Raises:
            AskCancelledError: `cancelled()` became true.
            ValueError: the reader's score is no probability.
        """
        deadline = time.monotonic() + self.settings.total_timeout_s
        boundary = new_boundary()
        asked = messages(question, offered, boundary, MOST_SENTENCES)
        seen: set[WrittenSentence] = set()
        for number, client in enumerate(self._clients, 1):
            job = _Job(
                client,
                self.settings,
                deadline,
                question.language,
                offered,
                self._reader,
                writing,
                seen,
                cancelled,
            )
            try:
                yield from job.run(number, asked, "write")
                fault = job.fault
                if job.refused and job.fault != "refusal" and writing.shown < MOST_SENTENCES:
                    again = retry_messages(asked, job.refused, boundary, MOST_SENTENCES - writing.shown)
                    yield from job.run(number, again, "retry")
                if not writing.shown:
                    raise GeneratorOutputError(
                        f"the model {client.server.model!r} wrote nothing that the sources back",
                        fault=fault or job.fault or "unsupported",
                    )
            except GeneratorError as error:
                logger.warning(
                    "model_failed server=%d error=%s outcome=%s",
                    number,
                    type(error).__name__,
                    outcome_of(error),
                )
                writing.failure = error
                if writing.shown:
                    if job.retrying:
                        writing.failure = None  # what it wrote first was whole
                    return
                continue
            writing.failure = None
            return


class _Job:
    """One server's turn at one question."""

    def __init__(
        self,
        client: ModelClient,
        settings: WriteSettings,
        deadline: float,
        language: str,
        offered: Offer,
        reader: SupportReader | None,
        writing: Writing,
        seen: set[WrittenSentence],
        cancelled: Callable[[], bool],
    ) -> None:
        self._client, self._settings, self._deadline = client, settings, deadline
        self._language, self._offered, self._reader = language, offered, reader
        self._writing, self._seen, self._cancelled = writing, seen, cancelled
        self._shown: set[str] = set()
        self.refused: list[tuple[str, str]] = []
        self.fault: OutputFault | None = None
        self.retrying = False

    def run(
        self, number: int, asked: list[Message], purpose: Literal["write", "retry"]
    ) -> Generator[Judged, bool | None, None]:
        """Ask once; yield what may be shown.

        Raises:
            GeneratorError: the server failed; its use is recorded.
        """
        self.retrying = purpose == "retry"
        self.refused, self.fault = [], None
        try:
            yield from self._judged(asked)
        except GeneratorError as error:
            self._used(number, purpose, outcome_of(error))
            raise
        self._used(number, purpose, self.fault or "written")

    def _used(self, number: int, purpose: Literal["write", "retry"], outcome: ModelOutcome) -> None:
        model = self._client.server.model
        self._writing.uses.append(ModelUse(server=number, model=model, purpose=purpose, outcome=outcome))

    def _judged(self, asked: list[Message]) -> Generator[Judged, bool | None, None]:
        written = foreign = shown = 0
        first = ""
        repeats: dict[str, int] = {}
        for sentence in self._written(asked):
            written += 1
            first = first or sentence.text
            repeats[sentence.text] = repeats.get(sentence.text, 0) + 1
            if repeats[sentence.text] > _MOST_REPEATS:
                self.fault = "loop"
                break
            # The same again under other numbers is another sentence, unless it is shown already.
            if sentence in self._seen:
                continue
            self._seen.add(sentence)
            judged = judge(sentence, self._offered, self._language, self._reader)
            foreign += judged.foreign
            if judged.text in self._shown:
                continue
            self._writing.not_found += judged.unknown
            if judged.fate != "shown":
                self._writing.misattributed += judged.fate == "misattributed"
                self._writing.unsupported += judged.fate == "unsupported"
                self.refused.append((judged.text, judged.reason))
            elif (yield judged) is not False:
                shown += 1
                self._shown.add(judged.text)
                self._writing.shown += 1
                self._writing.model = self._client.server.model
            if self._writing.shown == MOST_SENTENCES or written == _MOST_WRITTEN:
                break
        if not shown and self.fault is None:
            if is_refusal(first):
                self.fault = "refusal"
            elif not written:
                self.fault = "garbled" if self._garbled else "empty"
            elif foreign == written:
                self.fault = "language"
            else:
                self.fault = "unsupported"

    def _written(self, asked: list[Message]) -> Iterator[WrittenSentence]:
        limits = Limits(
            connect_timeout_s=self._settings.connect_timeout_s,
            read_timeout_s=self._settings.read_timeout_s,
            deadline=self._deadline,
            max_tokens=self._settings.max_tokens,
        )
        parser = Parser()
        tail, length, looked = "", 0, 0
        self._garbled = False
        pieces = self._client.stream(asked, limits, self._cancelled)
        try:
            for piece in pieces:
                length += len(piece)
                for found in parser.feed(piece):
                    yield from _single(found)
                tail = (tail + piece)[-LOOP_TAIL:]
                if length >= looked + _LOOK_EVERY:
                    looked = length
                    if is_looping(tail):
                        self.fault = "loop"
                        return
                    if length > _MOST_TEXT:
                        self.fault = "too_long"
                        return
                    if time.monotonic() > self._deadline:
                        raise GeneratorTimeoutError("the time for writing is over")
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        for found in parser.finish():
            yield from _single(found)
        self._garbled = parser.garbled


def outcome_of(error: GeneratorError) -> ModelOutcome:
    """Return the word for a failure, as receipts have it."""
    if isinstance(error, GeneratorOutputError):
        return error.fault
    return "timeout" if isinstance(error, GeneratorTimeoutError) else "unavailable"


def _single(written: WrittenSentence) -> Iterator[WrittenSentence]:
    """Yield the sentences of what a model calls one: each must be backed by itself."""
    text = " ".join(written.text.split())
    for paragraph in paragraphs(text):
        for span in sentences(text, paragraph):
            yield WrittenSentence(text=text[span.start : span.end], ids=written.ids)

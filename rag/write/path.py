"""The written way from evidence to a draft: what is shown while a model writes, and what is kept.

That there is an answer was decided before, from the evidence alone. The extractive draft stands ready
beside it; of what matters in it nothing may be lost by the writing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from index.types import Document, Passage
from rag.cite import compose
from rag.events import CitationEvent, DeltaEvent, Event, StatusEvent
from rag.extract import Span, draft_from
from rag.quote import copy_quote, verify_quotes
from rag.support import supports
from rag.types import (
    AnswerText,
    Candidate,
    Draft,
    DraftSentence,
    ModelOutcome,
    Question,
    Quote,
    Withheld,
    WritingRecord,
)
from rag.write.offer import Offered, offer
from rag.write.verify import Judged
from rag.write.writer import Writer, Writing, outcome_of

MOST_QUOTES_OF_ONE = 3
"""Quotes shown after one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One question of the message that the evidence answers, with the spans chosen for it."""

    candidates: tuple[Candidate, ...]
    spans: tuple[Span, ...]
    short_answer: AnswerText | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The extractive answer, in pieces: what a written one takes over, and falls back to.

    `opening` is a yes or no that a quote says; `closing` tells of disagreements and of time. `quotes`
    are the verified ones, by their number in `spans`.
    """

    question: Question
    parts: tuple[Part, ...]
    opening: tuple[DraftSentence, ...]
    body: tuple[DraftSentence, ...]
    closing: tuple[DraftSentence, ...]
    spans: tuple[tuple[str, int, int], ...]
    quotes: Mapping[int, Quote]
    withheld: Withheld
    max_citations: int
    is_copy: Callable[[Quote, Quote], bool] = lambda _one, _other: False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft with its verified quotes, and what the receipt says of how it was made."""

    draft: Draft
    quotes: Mapping[int, Quote]
    withheld: Withheld
    record: WritingRecord


def write_steps(
    found: Found, writer: Writer, document_of: Callable[[str], Document], cancelled: Callable[[], bool]
) -> Generator[Event, None, Written]:
    """Write, yielding each sentence once it is verified; return the whole draft.

    Where no model wrote to its end, the extractive answer follows what was shown, if the settings say
    so; where a part of what matters is in no written sentence, its quotes follow in any case.

    Raises:
        GeneratorError: no model wrote to its end, and the settings make that an error.
        AskCancelledError: `cancelled()` became true.
    """
    yield StatusEvent(stage="write")
    state = _State(found, document_of)
    writing = Writing()
    offered = offer([c for part in found.parts for c in part.candidates], document_of, found.is_copy)
    sentences = writer.write(found.question, offered, writing, cancelled)
    reply: bool | None = None
    try:
        while True:
            try:
                judged = sentences.send(reply)
            except StopIteration:
                break
            reply = state.add(judged)
            if reply:
                yield from state.news()
    finally:
        sentences.close()
    failure = writing.failure
    if failure is not None and writer.settings.on_failure == "error":
        raise failure
    lost = [part for part in found.parts if not state.keeps(part)]
    fallback: ModelOutcome | Literal["lost"] | None = None
    following: tuple[DraftSentence, ...] = ()
    if failure is not None:
        fallback, following = outcome_of(failure), found.body
    elif lost:
        fallback, following = "lost", state.body_of(lost)
    base = found.withheld
    return Written(
        draft=state.draft(state.within_limit(following), closed=True),
        quotes=state.quotes,
        withheld=Withheld(
            not_found=base.not_found + writing.not_found + state.not_found,
            misattributed=base.misattributed + writing.misattributed,
            unsupported=base.unsupported + writing.unsupported,
        ),
        record=WritingRecord(
            generator=writing.model,
            prompt_sha256=writer.prompt_sha256,
            uses=tuple(writing.uses),
            fallback=fallback,
        ),
    )


class _State:
    """The answer so far: sentences shown, and quotes by number, the extractive ones first."""

    def __init__(self, found: Found, document_of: Callable[[str], Document]) -> None:
        self._found, self._document_of = found, document_of
        self._spans = list(found.spans)
        self._sentences: list[DraftSentence] = []
        self._read: list[Passage] = [c.passage for part in found.parts for c in part.candidates]
        self._told, self._cited = "", 0
        self.quotes: dict[int, Quote] = dict(found.quotes)
        self.not_found = 0
        # What is said in any case takes its places among the quotes first.
        self._used = {n for s in (*found.opening, *found.closing) for n in s.quotes if n in self.quotes}

    def add(self, judged: Judged) -> bool:
        """Take a sentence in; tell whether it was, which the most quotes allowed may forbid."""
        numbers = [n for o in judged.quotes if (n := self._number_of(o, judged.text)) is not None]
        # Those that are shown anyhow first, then the extractive ones.
        ordered = sorted(
            dict.fromkeys(numbers), key=lambda n: (n not in self._used, n >= len(self._found.spans))
        )
        kept: list[int] = []
        for number in ordered:
            if len(kept) < MOST_QUOTES_OF_ONE and self._has_room(number):
                kept.append(number)
                self._used.add(number)
        if not kept:
            return False
        self._sentences.append(
            DraftSentence(text=judged.text, quotes=tuple(kept), opens_paragraph=not self._sentences)
        )
        return True

    def _has_room(self, number: int) -> bool:
        """Tell whether one more quote leaves a place for each part that nothing shown answers yet."""
        if number in self._used:
            return True
        used = {*self._used, number}
        lost = sum(not self._is_kept(part, used) for part in self._found.parts)
        return len(used) + lost <= self._found.max_citations

    def _number_of(self, offered: Offered, text: str) -> int | None:
        place = (offered.document_id, offered.start, offered.end)
        for number, (document_id, start, end) in enumerate(self._spans):
            if number not in self.quotes or document_id != offered.document_id:
                continue
            if (start, end) == place[1:]:
                return number
            # A quote that takes in its neighbours, where it backs the sentence just as well.
            if (
                start <= offered.start
                and offered.end <= end
                and supports(text, [self.quotes[number].text]).supported
            ):
                return number
        quote = copy_quote(self._document_of(offered.document_id), offered.start, offered.end)
        verified = verify_quotes([quote], self._document_of, self._read)
        self.not_found += verified.not_found
        if not verified.quotes:
            return None
        self._spans.append(place)
        self.quotes[len(self._spans) - 1] = quote
        return len(self._spans) - 1

    def news(self) -> Generator[Event, None, None]:
        """Yield what the text has more than when this was last asked."""
        composed = compose(self.draft(()), self.quotes, self._document_of)
        for citation in composed.citations[self._cited :]:
            yield CitationEvent(citation=citation)
        self._cited = len(composed.citations)
        piece, self._told = composed.text[len(self._told) :], composed.text
        if piece:
            yield DeltaEvent(text=piece)

    def keeps(self, part: Part) -> bool:
        """Tell whether what matters of a part is in what is shown."""
        if not self._sentences:
            return False
        return self._is_kept(part, {n for s in self._sentences for n in s.quotes})

    def _is_kept(self, part: Part, numbers: set[int]) -> bool:
        """Tell whether quotes hold the reader's short answer, or without one any span chosen for the part."""
        held = [self._spans[n] for n in numbers]
        short = part.short_answer
        if short is not None:
            wanted = self._document_of(short.document_id).text[short.start : short.end]
            return any(wanted in self.quotes[n].text for n in numbers if n in self.quotes)
        return any(
            document_id == span.document_id and start < span.end and span.start < end
            for document_id, start, end in held
            for span in part.spans
        )

    def body_of(self, parts: Sequence[Part]) -> tuple[DraftSentence, ...]:
        """Return the extractive sentences of some parts, introduced anew."""
        spans = list({(s.document_id, s.start, s.end): s for part in parts for s in part.spans}.values())
        own = draft_from(spans, self._document_of)
        number_of = {place: number for number, place in enumerate(self._found.spans)}
        return tuple(
            replace(s, quotes=tuple(number_of[own.spans[n]] for n in s.quotes if own.spans[n] in number_of))
            for s in own.sentences
        )

    def within_limit(self, following: Sequence[DraftSentence]) -> tuple[DraftSentence, ...]:
        """Return the sentences that the most quotes allowed have room for."""
        kept: list[DraftSentence] = []
        opens = False
        for sentence in following:
            opens = opens or sentence.opens_paragraph
            numbers = {n for n in sentence.quotes if n in self.quotes}
            if not numbers or len(self._used | numbers) > self._found.max_citations:
                continue
            self._used |= numbers
            kept.append(replace(sentence, opens_paragraph=opens))
            opens = False
        return tuple(kept)

    def draft(self, following: Sequence[DraftSentence], *, closed: bool = False) -> Draft:
        """Return the answer so far, with what follows the written sentences."""
        sentences = [*self._found.opening, *self._sentences, *following]
        if closed:
            sentences += self._found.closing
        return Draft(sentences=tuple(sentences), spans=tuple(self._spans))

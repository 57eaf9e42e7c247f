"""The whole product, top to bottom: question → passages → sentences → verified quotes → answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

from index.access import ANYBODY, Viewer
from index.errors import AccessChangedError, SpanError
from index.generation import Generation
from index.sight import Sight
from index.types import Document, Passage, RowFilter, ScoredPassage
from rag import SOFTWARE_VERSION
from rag.calibrate import Calibration, probability_of
from rag.cite import closest, compose
from rag.disagree import Disagreement, find_disagreements, plans_and_events, told_by
from rag.disagree_sides import WIDER, with_other_sides
from rag.disagree_words import records, with_disagreements, with_time
from rag.errors import GeneratorNotConfiguredError
from rag.events import CitationEvent, Event, StatusEvent
from rag.extract import Span, draft_from, select_spans, touch
from rag.languages import foreign_to, name_of
from rag.question import read_question
from rag.quote import copy_quote, verify_quotes
from rag.read import Reader
from rag.retrieve import Retrieved, Retriever, known_rows
from rag.same_story import Stories
from rag.settings import RagSettings
from rag.sub_questions import sub_questions
from rag.types import (
    NO_ANSWER,
    NO_FILTERS,
    AbstainReason,
    Abstention,
    Answer,
    AnswerText,
    Citation,
    Draft,
    Filters,
    Question,
    Quote,
    Reading,
    Receipt,
    Turn,
    Withheld,
    WritingRecord,
)
from rag.write.path import Found, Part, Written, write_steps
from rag.write.writer import Writer
from rag.yes_no import verdict, with_verdict

Mode = Literal["auto", "extractive", "generative"]

# Below this share of the threshold the evidence is not merely weak: nothing found says it.
_NOT_SUPPORTED_SHARE = 0.5
_UNKNOWN = 0.5
_OF_OTHERS = {
    "en": "What comes closest says this of others, and nothing of {names}.",
    "ru": "То, что ближе всего, сказано о других, а про {names} не сказано ничего.",
}
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request for an answer. `viewer` is whose eyes it has: what they may not read does not exist."""

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = NO_FILTERS
    max_citations: int = 5
    mode: Mode = "auto"
    viewer: Viewer = ANYBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The parts of one pipeline over one generation."""

    retriever: Retriever
    reader: Reader
    calibration: Calibration
    settings: RagSettings
    embedder_name: str
    multilingual: bool = False
    """Whether the embedder puts a question near passages in other languages."""
    writer: Writer | None = None
    """The language model that writes; without one every answer is extractive."""

    @property
    def generation(self) -> Generation:
        return self.retriever.generation

    def search(self, question: Question, k: int, allowed: RowFilter | None) -> list[ScoredPassage]:
        """Return the ranking that `POST /v1/search` shows.

        Raises:
            QAError: a stage failed.
        """
        if self.language_problem(question, allowed) is not None:
            return []
        across = self.is_across(question, allowed)

        def rerank(retrieved: Retrieved) -> Retrieved:
            return self.reader.rerank(retrieved, self.generation, self.settings)

        reorder = self.settings.reordered and not across
        return self.retriever.search(question, k, allowed, rerank if reorder else None, across=across)

    def settled(self, question: Question, allowed: RowFilter | None) -> Question:
        """Return a follow-up with those of its topics that find what answers it.

        Raises:
            QAError: a stage failed.
        """
        return self.reader.settled(
            question, lambda one, k: self.retriever.retrieve(one, k, allowed), self.generation
        )

    def language_problem(self, question: Question, allowed: RowFilter | None) -> str | None:
        """Return why a question cannot be looked for, and what to do; `None` where it can.

        In a language that no document is in, an embedder of one language finds noise.
        """
        language = None if self.multilingual else self._foreign(question, allowed)
        if language is None:
            return None
        known = ", ".join(sorted(map(name_of, self.retriever.languages(known_rows(allowed)))))
        return (
            f"The question is in {name_of(language)} and the documents are in {known}: this service cannot "
            f"search across languages. Ask in {known}, or have the extra 'multilingual' installed and the "
            "documents indexed with VERSE_EMBEDDER=multilingual."
        )

    def is_across(self, question: Question, allowed: RowFilter | None) -> bool:
        """Tell whether a question is in a language that no document is in, and can be looked for all the same."""
        return self.multilingual and self._foreign(question, allowed) is not None

    def _foreign(self, question: Question, allowed: RowFilter | None) -> str | None:
        return foreign_to(question.text, self.retriever.languages(known_rows(allowed)))

    def short_answer(self, reading: Reading, quotes: Iterable[Quote]) -> AnswerText | None:
        """Return the best short answer that stands in a quote, if it is likely enough to be right."""
        within = list(quotes)
        return next((one for one in self.likely(reading) if any(quote.holds(one) for quote in within)), None)

    def likely(self, reading: Reading) -> list[AnswerText]:
        """Return the short answers that are likely enough to be right, best first."""
        least = self.settings.min_probability
        if least is None:
            least = self.calibration.short_threshold
        return [one for one in reading.short_answers if probability_of(one.score) >= least]

    def receipt(self, writing: WritingRecord | None = None, sight: Sight | None = None) -> Receipt:
        """Return what an answer made now would depend on, of what is in sight (`None`: everything)."""
        generator = None if writing is None else writing.generator
        manifest = self.generation.manifest
        return Receipt(
            index_version=manifest.index_version if sight is None else sight.index_version,
            corpus_sha256=manifest.corpus_sha256 if sight is None else sight.corpus_sha256,
            models={"embedder": self.embedder_name, "reader": self.reader.name, "generator": generator},
            settings_sha256=self.settings.sha256(manifest.settings),
            software=SOFTWARE_VERSION,
            writing=writing,
        )


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        # A stage that was not reached took no time; clients find every key all the same.
        self.timings: dict[str, float] = {"retrieve": 0.0, "read": 0.0, "verify": 0.0}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timings[stage] = round(self.timings.get(stage, 0.0) + (now - self._last) * 1000, 3)
        self._last = now

    def total(self) -> dict[str, float]:
        return {"total": round((time.perf_counter() - self._started) * 1000, 3), **self.timings}


def answer_question(ask: Ask, stages: Stages) -> Answer:
    """Answer from quoted evidence, or abstain and say why.

    Raises:
        QAError: a stage failed. A failure is never turned into an abstention.
    """
    steps = answer_steps(ask, stages)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer


def check_mode(ask: Ask, stages: Stages) -> None:
    """Find before any work what this configuration cannot do.

    Raises:
        GeneratorNotConfiguredError: generative mode, and no language model.
    """
    if ask.mode == "generative" and stages.writer is None:
        raise GeneratorNotConfiguredError(
            "generative answers need a language model, and none is configured; set VERSE_LLM_BASE_URL, or "
            "ask with mode auto or extractive"
        )


def answer_steps(
    ask: Ask, stages: Stages, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Event, None, Answer]:
    """Do what `answer_question` does, step by step: yield what happens, return the answer.

    Whoever drives it may stop between two steps; while a language model writes, `cancelled` is asked.
    What it yields of the answer's text, the answer begins with.

    Raises:
        AskCancelledError: `cancelled()` became true while a model was writing.
        AccessChangedError: what was found may not be shown to its viewer any more.
        QAError: a stage failed.
    """
    check_mode(ask, stages)
    clock = _Clock()
    question = read_question(ask.question, ask.history)
    sight = stages.generation.sight(ask.viewer)
    allowed, any_allowed = stages.retriever.allowed(ask.filters, sight)
    # A question of signs alone ("???") has no word that a passage could answer.
    if not any_allowed or not question.terms:
        return _abstain(question, stages, sight, clock, AbstainReason.NO_PASSAGES, 1.0, ())
    if problem := stages.language_problem(question, allowed):
        # Whether the sources answer is not known: nobody looked.
        return _abstain(
            question, stages, sight, clock, AbstainReason.NO_PASSAGES, _UNKNOWN, (), explanation=problem
        )
    across = stages.is_across(question, allowed)
    pieces = sub_questions(question.text)
    asked = [question] if len(pieces) == 1 else [read_question(piece, ask.history) for piece in pieces]
    if not across:
        asked = [stages.settled(one, allowed) for one in asked]
    if len(pieces) == 1:
        question = asked[0]
    parts: list[_Evidence] = []
    for one in asked:
        found = yield from _evidence(one, stages, allowed, clock, across, ask.max_citations)
        if found is not None:
            parts.append(found)
    if not parts:
        return _abstain(question, stages, sight, clock, AbstainReason.NO_PASSAGES, 1.0, ())
    answered = [part for part in parts if part.answers]
    yield StatusEvent(stage="verify")
    document_of = _document_of(sight)
    stories = Stories(sight, allowed)
    spans = _spans(answered or parts, ask.max_citations, stages, document_of, stories)
    draft = draft_from(spans, document_of)
    passages = [c.passage for part in parts for c in part.reading.candidates]
    # Before the first word of any of them is shown, and once more at the end.
    sight.check(passage.document_id for passage in passages)
    quotes: Mapping[int, Quote]
    quotes, withheld = _verified(draft, passages, document_of)
    clock.lap("verify")
    if not answered or not quotes:
        nearest_part = max(parts, key=lambda part: part.probability)
        probability = nearest_part.probability
        unsaid = nearest_part.reading.unsaid_names
        weak = probability < _NOT_SUPPORTED_SHARE * nearest_part.threshold or not quotes or bool(unsaid)
        reason = AbstainReason.NOT_SUPPORTED if weak else AbstainReason.BELOW_THRESHOLD
        nearest = closest(list(quotes.values())[: stages.settings.closest], document_of)
        why = _of_others(unsaid, question.language) if unsaid else None
        return _abstain(
            question, stages, sight, clock, reason, 1.0 - probability, nearest, withheld, explanation=why
        )
    short = stages.short_answer(answered[0].reading, quotes.values()) if len(asked) == 1 else None
    said = verdict(question, {number: quote.text for number, quote in quotes.items()})

    def with_copies(citation: Citation) -> Citation:
        also = stories.also_published(citation.quote)
        sight.check(found.document_id for found in also)
        return replace(citation, also_published=also)

    # Where sources differ, and reports before and after (rag.disagree).
    sources = stories.sources(quotes, document_of)
    told = told_by(quotes, document_of, sources=sources)
    differing: list[Disagreement] = []
    for part in answered:
        read = told_by(quotes, document_of, stages.likely(part.reading), sources)
        differing += find_disagreements(part.question, read)
    length = len(draft.sentences)
    draft = with_time(draft, question, plans_and_events(question, told), told)
    draft = with_disagreements(draft, question, differing, told)
    body, closing = draft.sentences[:length], draft.sentences[length:]
    if said is not None and not differing:
        draft = with_verdict(draft, *said, question.language)
    record: WritingRecord | None = None
    if stages.writer is not None and ask.mode != "extractive" and across:
        # No rule could hold what is written in one language against quotes in another.
        record = WritingRecord(
            generator=None, prompt_sha256=stages.writer.prompt_sha256, uses=(), fallback="language"
        )
    elif stages.writer is not None and ask.mode != "extractive":
        found_so_far = Found(
            question=question,
            parts=tuple(_part(part, spans, ask.max_citations, stages, quotes.values()) for part in answered),
            opening=draft.sentences[: len(draft.sentences) - len(body) - len(closing)],
            body=body,
            closing=closing,
            spans=draft.spans,
            quotes=quotes,
            withheld=withheld,
            max_citations=ask.max_citations,
            is_copy=stories.is_copy,
        )
        offered = frozenset(passage.document_id for passage in passages)
        writing = write_steps(found_so_far, stages.writer, document_of, cancelled)
        written = yield from _while_allowed(writing, lambda: sight.check(offered), with_copies)
        draft, quotes, withheld, record = written.draft, written.quotes, written.withheld, written.record
        clock.lap("write")
    composed = compose(draft, quotes, document_of)
    if record is not None and len(asked) == 1:
        # What was written may rest on other quotes than those that it began from.
        short = stages.short_answer(answered[0].reading, [c.quote for c in composed.citations])
    missing = tuple(one.text for one in asked if not any(part.question is one for part in answered))
    sight.check(citation.quote.document_id for citation in composed.citations)
    citations = tuple(map(with_copies, composed.citations))
    return Answer(
        answer_id=_new_id(),
        status="partial" if missing else "answered",
        question=question.text,
        standalone_question=question.standalone,
        text=composed.text,
        text_without_citations=composed.text_without_citations,
        short_answer=_short_text(short, citations),
        # The whole is right only if its least sure part is.
        confidence=round(min(part.probability for part in answered), 6),
        abstention=None,
        citations=citations,
        withheld=withheld,
        receipt=stages.receipt(record, sight),
        timings_ms=clock.total(),
        missing=missing,
        disagreements=records(question, differing, quotes, citations),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What was read for one question, how likely its best sentences answer it, and from where on that counts."""

    question: Question
    reading: Reading
    probability: float
    threshold: float
    premise_holds: bool

    @property
    def answers(self) -> bool:
        """Whether this is enough to answer."""
        return self.premise_holds and self.probability >= self.threshold


def _evidence(
    question: Question, stages: Stages, allowed: RowFilter | None, clock: _Clock, across: bool, most: int
) -> Generator[Event, None, _Evidence | None]:
    """Search and read for one question, for `most` quotes; `None` where nothing was found to read."""
    settings = stages.settings
    depth = max(settings.reordered, settings.evidence_passages)
    yield StatusEvent(stage="retrieve")
    retrieved = stages.retriever.retrieve(question, depth, allowed, across=across)
    clock.lap("retrieve")
    yield StatusEvent(stage="read")
    if not across:
        retrieved = stages.reader.rerank(retrieved, stages.generation, settings)
    reading = stages.reader.read(
        question,
        retrieved,
        stages.generation,
        settings.evidence_passages,
        sentences=max(settings.read_sentences, most),
        across=across,
        known=known_rows(allowed),
    )
    clock.lap("read")
    if not reading.candidates:
        return None
    probability = stages.calibration.probability(reading.signals, parts=retrieved.parts, across=across)
    if reading.unsaid_names:
        probability = min(probability, stages.calibration.false_premise)
    chosen = settings.min_probability
    return _Evidence(
        question=question,
        reading=reading,
        probability=probability,
        # Across languages the probability is one for all questions, whatever they ask for.
        threshold=stages.calibration.of(0 if across else retrieved.parts).threshold
        if chosen is None
        else chosen,
        # Whoever chooses the threshold is answered from it on; at 0 everything is.
        premise_holds=not reading.unsaid_names or chosen is not None,
    )


def _spans(
    parts: Sequence[_Evidence],
    limit: int,
    stages: Stages,
    document_of: Callable[[str], Document],
    stories: Stories,
) -> list[Span]:
    """Choose what is quoted: of several questions each in turn, the best first; of one story's copies one."""

    def sources_of(quotes: Mapping[int, Quote]) -> Mapping[int, str]:
        return stories.sources(quotes, document_of)

    margin = stages.calibration.margin
    chosen: list[list[Span]] = []
    for part in parts:
        candidates = part.reading.candidates
        spans = stories.once(select_spans(candidates, limit, margin=margin), document_of)
        wider = stories.once(select_spans(candidates, 2 * limit, margin=WIDER * margin), document_of)
        likely = stages.likely(part.reading)
        chosen.append(with_other_sides(part.question, spans, wider, limit, document_of, sources_of, likely))
    if len(chosen) == 1:
        return chosen[0]
    found: list[Span] = []
    for span in (span for row in zip_longest(*chosen) for span in row if span is not None):
        if len(found) < limit and not any(touch(span, other) for other in found):
            found.append(span)
    return stories.once(found, document_of)


def _part(
    part: _Evidence, spans: Sequence[Span], limit: int, stages: Stages, quotes: Iterable[Quote]
) -> Part:
    """Return one answered question with those of the chosen spans that are its own."""
    own = select_spans(part.reading.candidates, limit, margin=stages.calibration.margin)
    return Part(
        candidates=part.reading.candidates,
        spans=tuple(span for span in spans if any(span == one or touch(span, one) for one in own)),
        short_answer=stages.short_answer(part.reading, quotes),
    )


def _while_allowed(
    steps: Generator[Event, None, Written],
    check: Callable[[], None],
    with_copies: Callable[[Citation], Citation],
) -> Generator[Event, None, Written]:
    """Pass events on, each only after a look whether what was read may still be shown."""
    try:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                written: Written = end.value
                return written
            check()
            if isinstance(event, CitationEvent):
                event = replace(event, citation=with_copies(event.citation))
            yield event
    finally:
        steps.close()


def _document_of(sight: Sight) -> Callable[[str], Document]:
    def find(document_id: str) -> Document:
        generation = sight.generation
        ordinal = generation.ordinal(document_id)
        if ordinal is None:
            raise SpanError(f"document {document_id!r} is not in generation {generation.index_version}")
        if not sight.sees(ordinal):
            raise AccessChangedError("a document came up that may not be shown to whoever asks; ask again")
        return generation.document_at(ordinal)

    return find


def _verified(
    draft: Draft, passages: Sequence[Passage], document_of: Callable[[str], Document]
) -> tuple[dict[int, Quote], Withheld]:
    """Copy every span of the draft and keep those that verify, by their number in the draft."""
    copied = [copy_quote(document_of(document_id), start, end) for document_id, start, end in draft.spans]
    verified = verify_quotes(copied, document_of, passages)
    kept = set(verified.quotes)
    quotes = {number: quote for number, quote in enumerate(copied) if quote in kept}
    return quotes, Withheld(not_found=verified.not_found)


def _abstain(
    question: Question,
    stages: Stages,
    sight: Sight,
    clock: _Clock,
    reason: AbstainReason,
    probability: float,
    nearest: Sequence[Citation],
    withheld: Withheld | None = None,
    explanation: str | None = None,
) -> Answer:
    sight.check(citation.quote.document_id for citation in nearest)
    text = NO_ANSWER.get(question.language, NO_ANSWER["en"])
    return Answer(
        answer_id=_new_id(),
        status="abstained",
        question=question.text,
        standalone_question=question.standalone,
        text=text,
        text_without_citations=text,
        short_answer=None,
        confidence=None,
        abstention=Abstention(
            reason=reason,
            probability=round(probability, 6),
            closest=tuple(nearest),
            explanation=explanation,
        ),
        citations=(),
        withheld=withheld or Withheld(),
        receipt=stages.receipt(sight=sight),
        timings_ms=clock.total(),
    )


def _of_others(names: Sequence[str], language: str) -> str:
    """Say of whom nothing was found, where the closest sentence says it of others."""
    listed = ", ".join(f"“{name}”" for name in names)
    return _OF_OTHERS.get(language, _OF_OTHERS["en"]).format(names=listed)


def _short_text(found: AnswerText | None, citations: Sequence[Citation]) -> str | None:
    """Return the short answer, copied from the citation that holds it; nothing if there is none."""
    if found is None:
        return None
    quote = next(citation.quote for citation in citations if citation.quote.holds(found))
    return quote.text[found.start - quote.start : found.end - quote.start]


def _new_id() -> str:
    """Return `ans_` and a ULID: 48 bits of milliseconds and 80 random ones, so that ids sort by time."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "ans_" + "".join(_BASE32[(number >> shift) & 31] for shift in range(125, -1, -5))

"""The data that flows from a question to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from index.types import Passage, Sentence
from rag.errors import OutputFault

Status = Literal["answered", "partial", "abstained"]
Role = Literal["user", "assistant"]


NO_ANSWER = MappingProxyType(
    {
        "en": "The sources do not say.",
        "ru": "В источниках об этом не сказано.",
    }
)
"""The one sentence of an abstention, by language; English stands in for the others."""


class AbstainReason(StrEnum):
    """Why there is no answer; the values are the contract's."""

    NO_PASSAGES = "no_passages"
    NOT_SUPPORTED = "not_supported"
    BELOW_THRESHOLD = "below_threshold"


class AnswerType(StrEnum):
    """What kind of thing a question asks for."""

    PERSON = "person"
    PLACE = "place"
    DATE = "date"
    NUMBER = "number"
    REASON = "reason"
    MANNER = "manner"
    YES_NO = "yes_no"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which documents may be used; `None` leaves a side open, an empty tuple lets nothing through.

    Dates are ISO 8601, bounds inclusive; a document without a date fails a date filter.
    """

    document_ids: tuple[str, ...] | None = None
    publishers: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    published_from: str | None = None
    published_to: str | None = None

    @property
    def is_empty(self) -> bool:
        """True when nothing is restricted."""
        return self == Filters()


NO_FILTERS = Filters()
"""Every document may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as it was asked, and as it reads without the conversation before it."""

    text: str
    standalone: str
    answer_type: AnswerType
    terms: tuple[str, ...]
    """Content terms in order, each once (see `index.terms`)."""
    names: frozenset[str]
    """The terms among them that come from names and numbers."""
    language: str
    narrower: str | None = None
    """Of a follow-up to which several topics were added: the standalone question with the nearest alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sentence that may be quoted, with the signals it is judged by.

    `score` is the log-odds that it carries the answer; higher is better. `signals` are in the
    order of `rag.signals.SENTENCE_SIGNALS`.
    """

    row: int
    passage: Passage
    sentence: Sentence
    score: float
    signals: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText:
    """A short stretch of a document that answers; `score` is the log-odds that it is the right one.

    `signals` are in the order of `rag.signals.SHORT_ANSWER_SIGNALS`.
    """

    document_id: str
    start: int
    end: int
    score: float
    signals: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: candidates best first, the question's signals, and short answers.

    `signals` are in the order of `rag.signals.QUESTION_SIGNALS`. `short_answers` has the best stretch of
    every candidate that was read, best first, where the question wants a thing by name; else it is empty.
    `unsaid_names` are names of the question of which the best sentence does not say what it says of others
    (see `rag.premise`).
    """

    candidates: tuple[Candidate, ...]
    signals: tuple[float, ...]
    short_answers: tuple[AnswerText, ...] = ()
    unsaid_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A verified slice of a document: `text == document.text[start:end]`, whole sentences."""

    document_id: str
    start: int
    end: int
    text: str

    def holds(self, answer: AnswerText) -> bool:
        """Tell whether a short answer stands in it."""
        return self.document_id == answer.document_id and self.start <= answer.start < answer.end <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSentence:
    """A sentence of the answer to be, with the numbers (into `Draft.quotes`) that support it."""

    text: str
    quotes: tuple[int, ...]
    opens_paragraph: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer before numbering: its sentences and the spans they rest on."""

    sentences: tuple[DraftSentence, ...]
    spans: tuple[tuple[str, int, int], ...]
    """(document id, start, end) of each quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpan:
    """A part of the answer's text, without markers; offsets in code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoPublished:
    """Another document in which a quote stands verbatim: `document.text[start:end] == quote.text`."""

    document_id: str
    document_title: str
    document_sha256: str
    publisher: str | None
    published_at: str | None
    url: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quote as it is shown. `number` is `None` for the closest passages of an abstention.

    `also_published` are copies of the story that hold it too: they are no evidence beside it.
    """

    citation_id: str
    number: int | None
    quote: Quote
    prefix: str
    suffix: str
    document_title: str
    document_sha256: str
    publisher: str | None
    published_at: str | None
    url: str | None
    document_version: int = 1
    answer_spans: tuple[AnswerSpan, ...] = ()
    also_published: tuple[AlsoPublished, ...] = ()
    page: int | None = None
    """The page on which the quote begins, and below the one on which it ends; `None` without pages."""
    page_end: int | None = None
    section: tuple[str, ...] | None = None
    """The headings that it stands under, the highest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Why there is no answer, how sure that is, and what came closest."""

    reason: AbstainReason
    probability: float
    closest: tuple[Citation, ...]
    explanation: str | None = None
    """What stood in the way of looking, and what to do; `None` where nothing did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What was not shown because it did not verify."""

    not_found: int = 0
    misattributed: int = 0
    unsupported: int = 0


ModelOutcome = Literal["written", "unavailable", "timeout", OutputFault]
"""How a request to a language model ended; all but the first are failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """One request to a language model. `server` is its place among the configured ones, from 1."""

    server: int
    model: str
    purpose: Literal["write", "retry"]
    outcome: ModelOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingRecord:
    """How an answer came to be written. `generator` is the model whose sentences are shown, if any.

    `fallback` says why extractive sentences stand in the answer: how the last model failed, or `lost`
    where what was written held nothing of what matters; `None` where there are none.
    """

    generator: str | None
    prompt_sha256: str
    uses: tuple[ModelUse, ...]
    fallback: ModelOutcome | Literal["lost"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """All that an answer depended on, so that it can be asked for again.

    `writing` is `None` where no language model was asked.
    """

    index_version: str
    corpus_sha256: str
    models: Mapping[str, str | None]
    settings_sha256: str
    software: str
    writing: WritingRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The record behind every transport. Abstained answers have no citations."""

    answer_id: str
    status: Status
    question: str
    standalone_question: str
    text: str
    text_without_citations: str
    short_answer: str | None
    confidence: float | None
    abstention: Abstention | None
    citations: tuple[Citation, ...]
    withheld: Withheld
    receipt: Receipt
    timings_ms: Mapping[str, float]
    missing: tuple[str, ...] = ()
    disagreements: tuple[Mapping[str, object], ...] = field(default=())

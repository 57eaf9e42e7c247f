"""The JSON of the native routes: requests that refuse what they do not know, and responses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote as percent_encoded

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from index.types import ScoredPassage
from rag.answer import Ask
from rag.errors import QuestionError
from rag.question import MAX_CHARACTERS, checked_question
from rag.types import AlsoPublished, Answer, Citation, Filters, Turn, WritingRecord

OFFSET_UNIT: Literal["unicode_code_point"] = "unicode_code_point"
MAX_TURNS = 20
MAX_TURN_CHARACTERS = 20_000
_Text = Annotated[str, Field(min_length=1, max_length=512)]
_Texts = Annotated[list[_Text], Field(min_length=1, max_length=1000)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FiltersIn(_Request):
    """Which documents may be used; what is left out or null restricts nothing."""

    document_ids: _Texts | None = None
    publishers: _Texts | None = None
    languages: _Texts | None = None
    published_from: str | None = Field(None, description="ISO 8601, inclusive")
    published_to: str | None = Field(None, description="ISO 8601, inclusive")

    @field_validator("published_from", "published_to")
    @classmethod
    def _is_date(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.fromisoformat(value)
            except ValueError:
                raise ValueError("must be an ISO 8601 date such as 2025-11-06") from None
        return value

    def to_filters(self) -> Filters:
        """Return the same for the pipeline."""
        return Filters(
            document_ids=_tuple(self.document_ids),
            publishers=_tuple(self.publishers),
            languages=_tuple(self.languages),
            published_from=self.published_from,
            published_to=self.published_to,
        )


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


class TurnIn(_Request):
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    content: str = Field(max_length=MAX_TURN_CHARACTERS)


def _question(value: str) -> str:
    try:
        return checked_question(value)
    except QuestionError as error:
        raise ValueError(str(error)) from None


class QuestionIn(_Request):
    """A question by itself, with what was said before it."""

    question: str = Field(description=f"1 to {MAX_CHARACTERS:,} characters after trimming")
    history: list[TurnIn] = Field(default=[], max_length=MAX_TURNS, description="oldest first")
    filters: FiltersIn | None = None
    max_citations: int = Field(5, ge=1, le=20)
    mode: Literal["auto", "extractive", "generative"] = "auto"

    _checked = field_validator("question")(_question)

    def to_ask(self) -> Ask:
        """Return the same for the pipeline."""
        return Ask(
            question=self.question,
            history=tuple(Turn(role=turn.role, content=turn.content) for turn in self.history),
            filters=Filters() if self.filters is None else self.filters.to_filters(),
            max_citations=self.max_citations,
            mode=self.mode,
        )


class AskIn(QuestionIn):
    """A question, perhaps as a turn of a stored conversation."""

    store: bool = Field(False, description="begin a stored conversation with this turn")
    conversation_id: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="go on with a stored conversation, whose turns are the history then",
    )

    @model_validator(mode="after")
    def _has_one_history(self) -> Self:
        if self.conversation_id is not None and self.store is False and "store" in self.model_fields_set:
            raise ValueError("conversation_id stores the turn, and store is false; leave one of them out")
        if self.history and (self.store or self.conversation_id is not None):
            raise ValueError(
                "history comes from the stored conversation; leave it out, or store and conversation_id"
            )
        return self


class SearchIn(_Request):
    """A search for passages."""

    query: str = Field(description=f"1 to {MAX_CHARACTERS:,} characters after trimming")
    k: int = Field(10, ge=1, le=100)
    filters: FiltersIn | None = None

    _checked = field_validator("query")(_question)


class AnswerSpanOut(BaseModel):
    """A part of the answer, markers not included; code points, end exclusive."""

    start: int
    end: int


class VerificationOut(BaseModel):
    """How a quote was checked against the stored text."""

    status: Literal["verified"] = "verified"
    method: Literal["exact"] = "exact"


class AlsoPublishedOut(BaseModel):
    """Another document that holds the quote: `document.text[start_char_index:end_char_index] == cited_text`."""

    document_id: str
    document_title: str
    document_sha256: str
    publisher: str | None
    published_at: str | None
    url: str | None
    viewer_url: str
    start_char_index: int
    end_char_index: int


class CitationOut(BaseModel):
    """A verbatim quote: `document.text[start_char_index:end_char_index] == cited_text`."""

    id: str
    number: int | None
    type: Literal["char_location"] = "char_location"
    cited_text: str
    start_char_index: int
    end_char_index: int
    offset_unit: Literal["unicode_code_point"] = OFFSET_UNIT
    prefix: str
    suffix: str
    document_id: str
    document_title: str
    document_sha256: str
    publisher: str | None
    published_at: str | None
    url: str | None
    viewer_url: str
    page: int | None = Field(
        None, description="the page on which the quote begins; null where there are no pages"
    )
    page_end: int | None = Field(None, description="the page on which it ends")
    section: list[str] | None = Field(
        None, description="the headings that it stands under, the highest first"
    )
    verification: VerificationOut
    answer_spans: list[AnswerSpanOut]
    document_version: int | None = Field(
        None,
        description="which of the texts stored under the id, from 1; null in records made before there were any",
    )
    also_published_by: list[AlsoPublishedOut] = Field(
        default=[],
        description="copies of the story that hold the quote too, and count as one piece of evidence",
    )


class AbstentionOut(BaseModel):
    """Why there is no answer; `closest` holds what came nearest, unnumbered."""

    reason: Literal["no_passages", "not_supported", "below_threshold"]
    probability: float
    closest: list[CitationOut]
    explanation: str | None = Field(
        description="what stood in the way of looking, and what to do; null where nothing did"
    )


class WithheldOut(BaseModel):
    """What was not shown because it did not verify."""

    not_found: int
    misattributed: int
    unsupported: int


class ModelUseOut(BaseModel):
    """One request to a language model; `server` is its place among the configured ones, from 1."""

    server: int
    model: str
    purpose: Literal["write", "retry"]
    outcome: str


class WritingOut(BaseModel):
    """How a language model was used; `fallback` says why extractive sentences stand in the answer."""

    prompt_sha256: str
    uses: list[ModelUseOut]
    fallback: str | None = Field(description="how the last model failed, or `lost`: it left out what matters")


class ReceiptOut(BaseModel):
    """What the answer depended on."""

    index_version: str
    corpus_sha256: str
    models: dict[str, str | None]
    settings_sha256: str
    software: str
    writing: WritingOut | None = Field(None, description="null where no language model was asked")


class AskedOut(BaseModel):
    """How it was asked, beside the question: with it an answer can be asked for again."""

    max_citations: int
    mode: Literal["auto", "extractive", "generative"]
    filters: FiltersIn | None


class AnswerOut(BaseModel):
    """The record of one answer, the same on every transport."""

    id: str
    status: Literal["answered", "partial", "abstained"]
    question: str
    standalone_question: str
    asked: AskedOut
    answer: str
    short_answer: str | None
    answer_without_citations: str
    confidence: float | None
    abstention: AbstentionOut | None
    citations: list[CitationOut]
    missing: list[str]
    disagreements: list[dict[str, Any]]
    withheld: WithheldOut
    receipt: ReceiptOut
    timings_ms: dict[str, float]
    conversation_id: str | None = Field(None, description="the stored conversation that the turn is in")


class PassageOut(BaseModel):
    """A passage found; `text` is exactly the document's characters."""

    rank: int
    score: float
    document_id: str
    document_title: str
    publisher: str | None
    published_at: str | None
    url: str | None
    viewer_url: str
    document_sha256: str
    text: str
    start_char_index: int
    end_char_index: int


class SearchOut(BaseModel):
    """Passages, best first."""

    passages: list[PassageOut]
    notice: str | None = Field(None, description="why nothing was looked for, and what to do; else null")


class DocumentHead(BaseModel):
    """A document without its text."""

    document_id: str
    title: str
    publisher: str | None
    published_at: str | None
    language: str | None
    url: str | None
    viewer_url: str
    document_sha256: str
    version: int = Field(description="which of the texts stored under the id this is, from 1")
    stored_at: str | None = Field(description="ISO 8601; null where it was stored before times were kept")
    first_stored_at: str | None


class DocumentsOut(BaseModel):
    """A page of documents; `next_cursor` is null on the last."""

    documents: list[DocumentHead]
    next_cursor: str | None


class ExcludedOut(BaseModel):
    """A part of a document that is never quoted, and why."""

    start_char_index: int
    end_char_index: int
    reason: str


class SameStoryOut(BaseModel):
    """A document that tells the same story; `jaccard` is the share of word 5-shingles in common, exact."""

    document_id: str
    document_title: str
    publisher: str | None
    published_at: str | None
    url: str | None
    viewer_url: str
    jaccard: float
    same: Literal["text", "words", "near"]


class PageOut(BaseModel):
    """One page of a document; pages tile its text."""

    number: int
    start_char_index: int
    end_char_index: int


class SectionOut(BaseModel):
    """A heading with all that stands below it; level 1 is the highest."""

    level: int
    title: str
    start_char_index: int
    end_char_index: int


class DocumentOut(DocumentHead):
    """A document with its canonical text; `sha256(text as UTF-8) == document_sha256`."""

    text: str
    media_type: str = Field(description="the kind of file that the text was made from")
    pages: list[PageOut]
    sections: list[SectionOut]
    excluded: list[ExcludedOut]
    also_published_by: list[SameStoryOut]


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, Any]] | None = None


def problem_responses(texts: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the problems that a route answers with, by status."""
    return {
        status: {"model": ProblemOut, "content": {"application/problem+json": {}}, "description": text}
        for status, text in texts.items()
    }


def viewer_url(
    document_id: str, start: int | None = None, end: int | None = None, sha256: str | None = None
) -> str:
    """Return the path of the page that shows a document, with a quote highlighted if one is given.

    With the `sha256` of the text that was quoted, the page says so where the document is another by now.
    """
    path = f"/d/{percent_encoded(document_id, safe='')}"
    if start is None:
        return path
    return f"{path}?quote={start}-{end}" + ("" if sha256 is None else f"&sha256={sha256[:16]}")


def citation_out(citation: Citation) -> CitationOut:
    """Return a citation as clients see it."""
    quote = citation.quote
    return CitationOut(
        id=citation.citation_id,
        number=citation.number,
        cited_text=quote.text,
        start_char_index=quote.start,
        end_char_index=quote.end,
        prefix=citation.prefix,
        suffix=citation.suffix,
        document_id=quote.document_id,
        document_title=citation.document_title,
        document_sha256=citation.document_sha256,
        publisher=citation.publisher,
        published_at=citation.published_at,
        url=citation.url,
        viewer_url=viewer_url(quote.document_id, quote.start, quote.end),
        page=citation.page,
        page_end=citation.page_end,
        section=None if citation.section is None else list(citation.section),
        verification=VerificationOut(),
        answer_spans=[AnswerSpanOut(start=span.start, end=span.end) for span in citation.answer_spans],
        document_version=citation.document_version,
        also_published_by=[_also_out(found) for found in citation.also_published],
    )


def _also_out(found: AlsoPublished) -> AlsoPublishedOut:
    return AlsoPublishedOut(
        document_id=found.document_id,
        document_title=found.document_title,
        document_sha256=found.document_sha256,
        publisher=found.publisher,
        published_at=found.published_at,
        url=found.url,
        viewer_url=viewer_url(found.document_id, found.start, found.end),
        start_char_index=found.start,
        end_char_index=found.end,
    )


def asked_out(asked: Ask) -> AskedOut:
    """Return how a question was asked."""
    filters = asked.filters
    return AskedOut(
        max_citations=asked.max_citations,
        mode=asked.mode,
        filters=None
        if filters.is_empty
        else FiltersIn(
            document_ids=_list(filters.document_ids),
            publishers=_list(filters.publishers),
            languages=_list(filters.languages),
            published_from=filters.published_from,
            published_to=filters.published_to,
        ),
    )


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def answer_out(answer: Answer, asked: Ask) -> AnswerOut:
    """Return an answer as clients see it."""
    abstention = answer.abstention
    return AnswerOut(
        id=answer.answer_id,
        status=answer.status,
        question=answer.question,
        standalone_question=answer.standalone_question,
        asked=asked_out(asked),
        answer=answer.text,
        short_answer=answer.short_answer,
        answer_without_citations=answer.text_without_citations,
        confidence=answer.confidence,
        abstention=None
        if abstention is None
        else AbstentionOut(
            reason=abstention.reason.value,
            probability=abstention.probability,
            closest=[citation_out(citation) for citation in abstention.closest],
            explanation=abstention.explanation,
        ),
        citations=[citation_out(citation) for citation in answer.citations],
        missing=list(answer.missing),
        disagreements=[dict(item) for item in answer.disagreements],
        withheld=WithheldOut(
            not_found=answer.withheld.not_found,
            misattributed=answer.withheld.misattributed,
            unsupported=answer.withheld.unsupported,
        ),
        receipt=ReceiptOut(
            index_version=answer.receipt.index_version,
            corpus_sha256=answer.receipt.corpus_sha256,
            models=dict(answer.receipt.models),
            settings_sha256=answer.receipt.settings_sha256,
            software=answer.receipt.software,
            writing=_writing_out(answer.receipt.writing),
        ),
        timings_ms=dict(answer.timings_ms),
    )


def _writing_out(record: WritingRecord | None) -> WritingOut | None:
    if record is None:
        return None
    return WritingOut(
        prompt_sha256=record.prompt_sha256,
        uses=[
            ModelUseOut(server=use.server, model=use.model, purpose=use.purpose, outcome=use.outcome)
            for use in record.uses
        ],
        fallback=record.fallback,
    )


def passage_out(hit: ScoredPassage, head: DocumentHead) -> PassageOut:
    """Return a passage as clients see it."""
    passage = hit.passage
    return PassageOut(
        rank=hit.rank,
        score=round(hit.score, 6),
        document_id=passage.document_id,
        document_title=head.title,
        publisher=head.publisher,
        published_at=head.published_at,
        url=head.url,
        viewer_url=viewer_url(passage.document_id, passage.start, passage.end),
        document_sha256=head.document_sha256,
        text=passage.text,
        start_char_index=passage.start,
        end_char_index=passage.end,
    )

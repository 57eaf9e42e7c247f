"""Small runs made by hand: questions with gold, native records, documents and timings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from eval.datatypes import Entry, Failure, Gold, Outcome, Question, RankedPassage, Run, SourceText, Timing
from eval.errors import FailureKind
from eval.metrics import Case, cases_of

Asked = tuple[Question, Entry]


def source(document_id: str, text: str) -> SourceText:
    return SourceText(
        document_id=document_id, title=document_id, sha256=sha256(text.encode()).hexdigest(), text=text
    )


def gold_in(document: SourceText, text: str) -> Gold:
    start = document.text.index(text)
    return Gold(text=text, document_id=document.document_id, start=start, end=start + len(text))


def cited(
    document: SourceText, text: str, *, spans: Sequence[tuple[int, int]] = (), at: int | None = None
) -> dict[str, Any]:
    """Cite where the text first stands, or at a place that may not hold it."""
    start = document.text.index(text) if at is None else at
    return {
        "cited_text": text,
        "start_char_index": start,
        "end_char_index": start + len(text),
        "document_id": document.document_id,
        "document_sha256": document.sha256,
        "answer_spans": [{"start": left, "end": right} for left, right in spans],
    }


def loose(text: str, *, document_id: str | None = None) -> dict[str, Any]:
    """Cite as a foreign server may: a text without a place."""
    return {
        "cited_text": text,
        "start_char_index": None,
        "end_char_index": None,
        "document_id": document_id,
        "document_sha256": None,
        "answer_spans": [],
    }


def asked(
    question_id: str,
    *,
    kind: str = "fact",
    answerable: bool | None = True,
    gold: Sequence[Gold] = (),
    answers: Sequence[str] = (),
    relevant: Mapping[str, int] | None = None,
    variant_of: str | None = None,
    variant: str | None = None,
) -> Question:
    return Question(
        question_id=question_id,
        text=f"What of {question_id}?",
        kind=kind,
        source_set="hand",
        answerable=answerable,
        gold=tuple(gold),
        answers=tuple(answers),
        relevant=tuple((relevant or {}).items()),
        variant_of=variant_of,
        variant=variant,
    )


def answered(
    question: Question,
    *citations: Mapping[str, Any],
    answer: str = "Yes.",
    short: str | None = None,
    confidence: float | None = 0.5,
    ranking: Sequence[RankedPassage] | None = None,
    outcome: Outcome = "answered",
) -> Asked:
    record = {
        "status": outcome,
        "answer": answer,
        "answer_without_citations": answer,
        "short_answer": short,
        "confidence": confidence,
        "abstention": None,
        "citations": list(citations),
    }
    return question, Entry(
        question_id=question.question_id,
        outcome=outcome,
        record=record,
        ranking=None if ranking is None else tuple(ranking),
        failure=None,
    )


def abstained(
    question: Question,
    *,
    probability: float | None = 0.5,
    ranking: Sequence[RankedPassage] | None = None,
) -> Asked:
    sentence = "The sources do not answer this."
    record = {
        "status": "abstained",
        "answer": sentence,
        "answer_without_citations": sentence,
        "short_answer": None,
        "confidence": None,
        "abstention": {"reason": "below_threshold", "probability": probability, "closest": []},
        "citations": [],
    }
    return question, Entry(
        question_id=question.question_id,
        outcome="abstained",
        record=record,
        ranking=None if ranking is None else tuple(ranking),
        failure=None,
    )


def failed(question: Question, kind: FailureKind = "timeout") -> Asked:
    failure = Failure(kind=kind, status=None, detail="it did not answer")
    return question, Entry(
        question_id=question.question_id, outcome="failed", record=None, ranking=None, failure=failure
    )


def ranked(*passages: str) -> tuple[RankedPassage, ...]:
    """Rank documents by name alone; the passages' texts are their names."""
    return tuple(
        RankedPassage(document_id=name, start=None, end=None, text=name, score=None) for name in passages
    )


def passage(document: SourceText, start: int, end: int, *, text: str | None = None) -> RankedPassage:
    return RankedPassage(document_id=document.document_id, start=start, end=end, text=text, score=None)


def run_of(
    *pairs: Asked,
    documents: Sequence[SourceText] = (),
    timings: Sequence[Timing] = (),
    manifest: Mapping[str, Any] | None = None,
    name: str = "hand",
) -> Run:
    return Run(
        name=name,
        manifest={"data": {"sha256": "d" * 64}} if manifest is None else manifest,
        questions=tuple(question for question, _ in pairs),
        entries=tuple(entry for _, entry in pairs),
        timings={timing.question_id: timing for timing in timings},
        documents={document.document_id: document for document in documents},
    )


def case_of(pair: Asked, *documents: SourceText) -> Case:
    (case,) = cases_of(run_of(pair, documents=documents))
    return case

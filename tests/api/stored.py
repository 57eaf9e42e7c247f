"""Answer records and clocks for the tests of what is stored."""

from __future__ import annotations

import secrets

from api.schemas import (
    AbstentionOut,
    AnswerOut,
    AnswerSpanOut,
    AskedOut,
    CitationOut,
    ReceiptOut,
    VerificationOut,
    WithheldOut,
)

TEXT = "The Aldergate bridge opened in 1911. Its engineer was Ottoline Graves."


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at_ms: int = 1_760_000_000_000) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms


def answer_id() -> str:
    return "ans_" + "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(26))


def cited(number: int | None, start: int, end: int, **changes: object) -> CitationOut:
    return CitationOut(
        id=f"cit_{start}",
        number=number,
        cited_text=TEXT[start:end],
        start_char_index=start,
        end_char_index=end,
        prefix="",
        suffix="",
        document_id="bridge",
        document_title="The bridge",
        document_sha256="0" * 64,
        publisher="Example Press",
        published_at="2024-03-01",
        url="https://press.example/bridge",
        viewer_url=f"/d/bridge?quote={start}-{end}",
        verification=VerificationOut(),
        answer_spans=[AnswerSpanOut(start=0, end=end - start)],
    ).model_copy(update=changes)


def answered(question: str, **changes: object) -> AnswerOut:
    """A record with two citations: `TEXT`'s two sentences."""
    return AnswerOut(
        id=answer_id(),
        status="answered",
        question=question,
        standalone_question=question,
        asked=AskedOut(max_citations=5, mode="auto", filters=None),
        answer=f"{TEXT[:36]} [1] {TEXT[37:]} [2]",
        short_answer="1911",
        answer_without_citations=TEXT,
        confidence=0.93,
        abstention=None,
        citations=[cited(1, 0, 36), cited(2, 37, len(TEXT))],
        missing=[],
        disagreements=[],
        withheld=WithheldOut(not_found=0, misattributed=0, unsupported=0),
        receipt=ReceiptOut(
            index_version="1",
            corpus_sha256="a",
            models={"generator": None},
            settings_sha256="b",
            software="0.1.0",
        ),
        timings_ms={"total": 31.2},
    ).model_copy(update=changes)


def abstained(question: str) -> AnswerOut:
    said = "The sources do not say."
    return answered(
        question,
        status="abstained",
        answer=said,
        answer_without_citations=said,
        short_answer=None,
        confidence=None,
        citations=[],
        abstention=AbstentionOut(
            reason="not_supported", probability=0.97, closest=[cited(None, 0, 36)], explanation=None
        ),
    )

"""Compares an answer record with the answer that is given now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from api.schemas import AnswerOut, CitationOut
from index.access import OPERATOR
from index.errors import SourceError
from rag.answer import Ask
from rag.types import Filters, Turn


def read_record(path: Path) -> AnswerOut:
    """Read an answer record.

    Raises:
        SourceError: it cannot be read, or is no answer record.
    """
    try:
        return AnswerOut.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SourceError(f"{path}: is no answer record: {where}: {first['msg']}") from error


def asked_again(record: AnswerOut) -> Ask:
    """Return the request that a record answers.

    Of the conversation before, a record keeps what it added to the question.
    """
    before = record.standalone_question.removesuffix(record.question).strip()
    return Ask(
        question=record.question,
        history=(Turn(role="user", content=before),) if before else (),
        filters=Filters() if record.asked.filters is None else record.asked.filters.to_filters(),
        max_citations=record.asked.max_citations,
        mode=record.asked.mode,
        viewer=OPERATOR,
    )


def changed_sources(before: AnswerOut, text_now: Callable[[str], tuple[int, str] | None]) -> list[str]:
    """Return what became of the sources of a record, a line each that is not as it was.

    `text_now` gives a document's version and sha256, or `None` where it is not there any more.
    """
    lines: dict[str, None] = {}
    for citation in before.citations:
        was = "" if citation.document_version is None else f"version {citation.document_version}, "
        was += f"sha256 {citation.document_sha256}"
        now = text_now(citation.document_id)
        if now is None:
            lines[f"source gone: {citation.document_id}: was {was}"] = None
        elif now[1] != citation.document_sha256:
            changed = f"was {was}, is version {now[0]}, sha256 {now[1]}"
            lines[f"source changed: {citation.document_id}: {changed}"] = None
    return list(lines)


def replayed_difference(before: AnswerOut, now: AnswerOut) -> list[str]:
    """Return what differs, a line each; ids and timings differ always and do not count."""
    lines: list[str] = []
    for name in ("index_version", "corpus_sha256", "models", "settings_sha256", "software"):
        old, new = getattr(before.receipt, name), getattr(now.receipt, name)
        # The generation's number may differ for the same corpus; what it holds may not.
        if old != new and name != "index_version":
            lines.append(f"receipt.{name}: was {old}, is {new}")
    for name in ("status", "answer", "short_answer", "confidence"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            lines.append(f"{name}: was {old!r}, is {new!r}")
    quotes_before = [_quote(c) for c in before.citations]
    quotes_now = [_quote(c) for c in now.citations]
    lines += [f"quote gone: {quote}" for quote in quotes_before if quote not in quotes_now]
    lines += [f"quote new: {quote}" for quote in quotes_now if quote not in quotes_before]
    return lines


def _quote(citation: CitationOut) -> str:
    span = f"{citation.start_char_index}-{citation.end_char_index}"
    return f"{citation.document_id} {span} {citation.cited_text!r}"

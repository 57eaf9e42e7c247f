"""A run in the row formats that other tools read: ragas, deepeval, and TREC's run and qrels files.

Questions that failed are not in any of them: a tool would score an empty answer as a bad one. How
many were left out is said beside the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from eval.datatypes import Entry, Question, RankedPassage, Run
from eval.errors import EvaluationError

RowFormat = Literal["ragas", "deepeval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Lines of a file, and how many questions are not in them, by reason."""

    lines: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def text(self) -> str:
        """The file: every line ends in a line feed."""
        return "".join(f"{line}\n" for line in self.lines)


def export_rows(run: Run, format: RowFormat) -> Export:
    """Return one JSON object for each question that did not fail.

    ragas: `user_input`, `retrieved_contexts`, `response`, `reference`, `reference_contexts`;
    deepeval: `input`, `actual_output`, `expected_output`, `context`, `retrieval_context`.

    The reference is the data set's first short answer, else its gold quotes, else `null`. What was
    retrieved are the passages of the ranking; where the target has no search, the texts it cited.
    An abstention is a row: its response is the sentence that says so.

    Raises:
        EvaluationError: an unknown format, or a ranking without the text of a passage.
    """
    if format not in ("ragas", "deepeval"):
        raise EvaluationError(f"format is {format!r}; it must be ragas or deepeval")
    lines = []
    for question, entry in _answered(run):
        record = entry.record or {}
        gold = [item.text for item in question.gold]
        reference = question.answers[0] if question.answers else " ".join(gold) or None
        values = (
            question.text,
            str(record.get("answer") or ""),
            reference,
            gold,
            _retrieved(run, question, entry),
        )
        names = (
            ("user_input", "response", "reference", "reference_contexts", "retrieved_contexts")
            if format == "ragas"
            else ("input", "actual_output", "expected_output", "context", "retrieval_context")
        )
        lines.append(json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False))
    return Export(lines=tuple(lines), left_out=_failed(run))


def trec_run(run: Run) -> Export:
    """Return the rankings as `question Q0 document rank score tag`, a document at its first passage.

    White space and `%` in ids are percent-encoded, as in `trec_qrels`. trec_eval orders by score
    alone, so where scores are missing or do not fall from rank to rank, the score is 1 / rank.

    Raises:
        EvaluationError: the target has no search, or a passage names no document.
    """
    lines = []
    searched = False
    tag = _id(run.name)
    for question, entry in _answered(run):
        if entry.ranking is None:
            continue
        searched = True
        first: dict[str, float | None] = {}
        for passage in entry.ranking:
            if passage.document_id is None:
                raise EvaluationError(
                    f"run {run.name!r}, question {question.question_id!r}: a passage names no document, "
                    "so the ranking cannot be written for trec_eval"
                )
            first.setdefault(passage.document_id, passage.score)
        scores = _falling(list(first.values()))
        for rank, (document_id, score) in enumerate(zip(first, scores, strict=True), start=1):
            lines.append(f"{_id(question.question_id)} Q0 {_id(document_id)} {rank} {score!r} {tag}")
    if not searched:
        raise EvaluationError(f"run {run.name!r} holds no rankings: its target has no search")
    left_out = dict(_failed(run))
    unranked = sum(entry.ranking is None for _, entry in _answered(run))
    if unranked:
        left_out["no ranking"] = unranked
    return Export(lines=tuple(lines), left_out=left_out)


def trec_qrels(run: Run) -> Export:
    """Return the grades of relevant documents as `question 0 document grade`, failed questions too.

    Raises:
        EvaluationError: no question names a relevant document.
    """
    lines = []
    unjudged = 0
    for question in run.questions:
        grades = question.qrels()
        unjudged += not grades
        lines += [f"{_id(question.question_id)} 0 {_id(name)} {grade}" for name, grade in grades.items()]
    if not lines:
        raise EvaluationError(f"run {run.name!r}: no question names a relevant document")
    return Export(lines=tuple(lines), left_out={"no relevant document": unjudged} if unjudged else {})


def export_text(run: Run, form: str) -> tuple[str, int]:
    """Return a file's text, and how many failed questions are not in it.

    Raises:
        EvaluationError: an unknown format, or the run does not have what it needs.
    """
    makers: Mapping[str, Callable[[], Export]] = {
        "ragas": lambda: export_rows(run, "ragas"),
        "deepeval": lambda: export_rows(run, "deepeval"),
        "trec-run": lambda: trec_run(run),
        "trec-qrels": lambda: trec_qrels(run),
    }
    if form not in makers:
        raise EvaluationError(f"format is {form!r}; it must be one of {', '.join(makers)}")
    made = makers[form]()
    return made.text, made.left_out.get("failed", 0)


def _answered(run: Run) -> Iterator[tuple[Question, Entry]]:
    for question, entry in zip(run.questions, run.entries, strict=True):
        if entry.outcome != "failed":
            yield question, entry


def _failed(run: Run) -> dict[str, int]:
    count = sum(entry.outcome == "failed" for entry in run.entries)
    return {"failed": count} if count else {}


def _retrieved(run: Run, question: Question, entry: Entry) -> list[str]:
    if entry.ranking is not None:
        return [_text(run, question, passage) for passage in entry.ranking]
    citations: list[Mapping[str, Any]] = list((entry.record or {}).get("citations") or ())
    return [str(citation.get("cited_text") or "") for citation in citations]


def _text(run: Run, question: Question, passage: RankedPassage) -> str:
    if passage.text is not None:
        return passage.text
    document = None if passage.document_id is None else run.documents.get(passage.document_id)
    if document is None or passage.start is None or passage.end is None:
        raise EvaluationError(
            f"run {run.name!r}, question {question.question_id!r}: a ranked passage of document "
            f"{passage.document_id!r} has no text, and the run keeps none"
        )
    return document.text[passage.start : passage.end]


def _falling(scores: list[float | None]) -> list[float]:
    """Return scores that put the documents in the order in which they stand."""
    given = [score for score in scores if score is not None]
    if len(given) == len(scores) and all(a > b for a, b in pairwise(given)):
        return given
    return [1 / rank for rank in range(1, len(scores) + 1)]


def _id(name: str) -> str:
    """Return an id without white space, which separates the columns."""
    return "".join(
        "".join(f"%{byte:02X}" for byte in char.encode()) if char.isspace() or char == "%" else char
        for char in name
    )

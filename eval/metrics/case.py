"""One question with what came of it, read once from a run for all metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eval.datatypes import Entry, Question, Run, SourceText, Timing
from eval.errors import EvaluationError
from eval.metrics.overlap import Match, Quoted, match, quoted_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A citation of an answer as metrics need it. `spans` are the parts of the answer it supports."""

    quoted: Quoted
    verified: bool
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question that did not fail, with what came of it.

    `matches[c][g]` says where citation `c` and gold quote `g` have the same characters. `answer` has
    its markers, `plain` has none, `short` is the short answer if any; all empty when abstained.
    `confidence` is that of an answer, `unanswerable` the probability that an abstention gives for
    "the sources do not answer"; either is `None` where the record has none.
    """

    question: Question
    entry: Entry
    answer: str
    plain: str
    short: str | None
    citations: tuple[Cited, ...]
    matches: tuple[tuple[Match, ...], ...]
    confidence: float | None
    unanswerable: float | None
    timing: Timing | None
    documents: Mapping[str, SourceText]

    @property
    def abstained(self) -> bool:
        """Whether it was not answered; a partial answer is an answer."""
        return self.entry.outcome == "abstained"

    @property
    def has_gold(self) -> bool:
        """Whether gold quotes say what would answer it: gold, and not labelled unanswerable."""
        return bool(self.question.gold) and self.question.answerable is not False

    def touches_gold(self, first: int | None = None) -> bool:
        """Tell whether one of the first citations (or of all) has characters of a gold quote."""
        return any(found for row in self.matches[:first] for found in row)


def cases_of(run: Run) -> list[Case]:
    """Return the questions of a run that did not fail, in its order.

    Raises:
        EvaluationError: a record or gold is not what the contract says; the message names the question.
    """
    twice = [name for name, times in Counter(q.question_id for q in run.questions).items() if times > 1]
    if twice:
        raise EvaluationError(f"run {run.name!r}: question {twice[0]!r} is there more than once")
    digests = {name: _digest(document.text) for name, document in run.documents.items()}
    return [
        _case(question, entry, run, digests)
        for question, entry in zip(run.questions, run.entries, strict=True)
        if entry.outcome != "failed"
    ]


def _case(question: Question, entry: Entry, run: Run, digests: Mapping[str, str | None]) -> Case:
    where = f"run {run.name!r}, question {question.question_id!r}"
    if any(not gold.text.strip() for gold in question.gold):
        raise EvaluationError(f"{where}: a gold quote is blank; leave it out of the data set")
    record = entry.record
    if record is None:  # Entry promises one
        raise EvaluationError(f"{where}: {entry.outcome}, but without a record")
    fields = _Fields(record, where)
    abstained = entry.outcome == "abstained"
    citations = () if abstained else tuple(_cited(fields, run.documents, digests))
    return Case(
        question=question,
        entry=entry,
        answer="" if abstained else fields.text("answer"),
        plain="" if abstained else fields.text("answer_without_citations"),
        short=None if abstained else fields.optional("short_answer", str),
        citations=citations,
        matches=tuple(
            tuple(match(cited.quoted, gold, run.documents) for gold in question.gold) for cited in citations
        ),
        confidence=None if abstained else fields.probability("confidence"),
        unanswerable=_abstention(record, where) if abstained else None,
        timing=run.timings.get(question.question_id),
        documents=run.documents,
    )


def _abstention(record: Mapping[str, Any], where: str) -> float | None:
    found = record.get("abstention")
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise EvaluationError(f"{where}: abstention is {found!r} instead of an object")
    return _Fields(found, f"{where}, abstention").probability("probability")


def _cited(
    record: _Fields, documents: Mapping[str, SourceText], digests: Mapping[str, str | None]
) -> Iterator[Cited]:
    for number, row in enumerate(record.objects("citations"), start=1):
        fields = _Fields(row, f"{record.where}, citation {number}")
        text = fields.text("cited_text")
        document_id = fields.optional("document_id", str)
        place = fields.offsets("start_char_index", "end_char_index")
        quoted = quoted_at(text, document_id, place, documents)
        digest = None if document_id is None else digests.get(document_id)
        same = digest is not None and digest == fields.optional("document_sha256", str)
        yield Cited(quoted=quoted, verified=same and quoted.start is not None, spans=tuple(_spans(fields)))


def _spans(fields: _Fields) -> Iterator[tuple[int, int]]:
    for span in fields.objects("answer_spans"):
        inner = _Fields(span, f"{fields.where}, answer_spans")
        place = inner.offsets("start", "end")
        if place is None:
            raise EvaluationError(f"{inner.where}: {span!r} has no start and end")
        yield place


def _digest(text: str) -> str | None:
    try:
        return sha256(text.encode("utf-8")).hexdigest()
    except UnicodeEncodeError:  # a lone surrogate: no hash can be right
        return None


class _Fields:
    """Reads the fields of a record that a foreign server may have filled in otherwise than promised."""

    def __init__(self, row: Mapping[str, Any], where: str) -> None:
        self._row = row
        self.where = where

    def text(self, name: str) -> str:
        found = self.optional(name, str)
        if found is None:
            raise EvaluationError(f"{self.where}: {name} is missing")
        return str(found)

    def optional(self, name: str, kind: type[Any]) -> Any:
        found = self._row.get(name)
        if found is not None and (not isinstance(found, kind) or isinstance(found, bool)):
            raise EvaluationError(f"{self.where}: {name} is {found!r} instead of {kind.__name__}")
        return found

    def offsets(self, first: str, last: str) -> tuple[int, int] | None:
        start, end = self.optional(first, int), self.optional(last, int)
        if (start is None) != (end is None):
            raise EvaluationError(f"{self.where}: {first} is {start!r} and {last} is {end!r}")
        return None if start is None or end is None else (start, end)

    def probability(self, name: str) -> float | None:
        found = self._row.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0.0 <= found <= 1.0:
            raise EvaluationError(f"{self.where}: {name} is {found!r}, not a number between 0 and 1")
        return float(found)

    def objects(self, name: str) -> Sequence[Mapping[str, Any]]:
        found = self._row.get(name)
        found = () if found is None else found
        if not isinstance(found, list | tuple) or not all(isinstance(item, Mapping) for item in found):
            raise EvaluationError(f"{self.where}: {name} is {found!r} instead of a list of objects")
        return found

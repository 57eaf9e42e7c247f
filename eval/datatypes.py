"""The data of an evaluation: questions with their gold, what a target answered, and scores.

All offsets are code points into a document's canonical text, end exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from eval.errors import FailureKind
from rag.types import Turn

Outcome = Literal["answered", "partial", "abstained", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """A stretch of the sources that answers the question, or a needed part of the answer.

    With `start` and `end`, `text` is `document.text[start:end]`. Without them (both `None`) the text
    counts wherever it stands: in the document named, or in any where `document_id` is `None` too.
    """

    text: str
    document_id: str | None = None
    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if (self.start is None) != (self.end is None):
            raise ValueError(f"gold {self.text!r}: start and end come together")
        if self.start is not None and self.end is not None:
            if self.document_id is None:
                raise ValueError(f"gold {self.text!r}: offsets without a document_id")
            if not 0 <= self.start < self.end or self.end - self.start != len(self.text):
                raise ValueError(f"gold {self.text!r}: {self.start}-{self.end} is not as long as its text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of any data set.

    `answerable` is `None` where the data set does not say. `answers` are alternatives, any one of
    which is right; `()` where none is short. `relevant` grades documents (qrels); where it is empty
    and gold names documents, those count as grade 1. `standalone` is a person's rewrite that needs
    no history. `variant_of` is the id of the question that this one says in another way, and
    `variant` how: typo, paraphrase, lower_case, or a language code.
    """

    question_id: str
    text: str
    kind: str
    source_set: str
    answerable: bool | None
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    relevant: tuple[tuple[str, int], ...] = ()
    standalone: str | None = None
    variant_of: str | None = None
    variant: str | None = None

    def qrels(self) -> dict[str, int]:
        """Return the grade of each relevant document; empty where the data set names none."""
        if self.relevant:
            return dict(self.relevant)
        return {gold.document_id: 1 for gold in self.gold if gold.document_id is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Questions, and the documents that they are asked of.

    `corpus` are files and folders that `verse index` reads; `documents` are rows of a `.jsonl` that
    it reads, where an adapter made them from another format. With neither, the questions are asked
    of whatever the target has indexed. `sha256` covers questions and corpus.
    """

    name: str
    questions: tuple[Question, ...]
    sha256: str
    licence: str
    corpus: tuple[Path, ...] = ()
    documents: tuple[Mapping[str, Any], ...] = ()
    """Rows of the `.jsonl` that `verse index` reads: id, title, text, publisher, published_at, …"""
    notes: tuple[str, ...] = ()
    """What was left out or could not be located, in words; written into every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPassage:
    """One passage of a ranking, best first. A foreign server may know no id and no offsets."""

    document_id: str | None
    start: int | None
    end: int | None
    text: str | None
    """`None` when the run keeps the document, so that `document.text[start:end]` is the text."""
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no answer to one question; counted by kind, never scored."""

    kind: FailureKind
    status: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What came of one question.

    `record` is the native answer record (see the contract) without what differs from one asking to
    the next: `id` and `timings_ms` are left out. A foreign chat server's answer is put into the same
    shape, with `confidence` and citation offsets `null` where it gives none. `ranking` is `None`
    where the target has no search.
    """

    question_id: str
    outcome: Outcome
    record: Mapping[str, Any] | None
    ranking: tuple[RankedPassage, ...] | None
    failure: Failure | None

    def __post_init__(self) -> None:
        if (self.outcome == "failed") != (self.failure is not None):
            raise ValueError(f"question {self.question_id!r}: failed and a failure come together")
        if (self.outcome == "failed") != (self.record is None):
            raise ValueError(f"question {self.question_id!r}: a failure has no record, all else has one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Milliseconds that a client waited for one question; `None` where a request was not made."""

    question_id: str
    ask_ms: float | None
    search_ms: float | None
    stages_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A document as the target serves it, kept with the run so that scoring needs nothing else."""

    document_id: str
    title: str
    sha256: str
    text: str
    publisher: str | None = None
    published_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run, as read from its folder. `entries` stand in the order of `questions`."""

    name: str
    manifest: Mapping[str, Any]
    questions: tuple[Question, ...]
    entries: tuple[Entry, ...]
    timings: Mapping[str, Timing]
    documents: Mapping[str, SourceText]


class Target(Protocol):
    """What is asked: this service in process or by HTTP, or a foreign chat server. Thread-safe."""

    @property
    def name(self) -> str:
        """`in-process`, or the URL."""

    @property
    def ranking_in_answer(self) -> bool:
        """True where a ranking comes with the answer, so that nobody waits for a search of its own."""

    def describe(self) -> dict[str, Any]:
        """Return what its answers depend on, as far as it says: software, models, index, settings."""

    def ask(self, question: Question) -> Mapping[str, Any]:
        """Return the native answer record, or a foreign answer in that shape.

        Raises:
            TargetError: it did not answer.
        """

    def search(self, question: Question, k: int) -> Sequence[RankedPassage] | None:
        """Return its ranking, at most `k` passages; `None` if it has no search.

        Raises:
            TargetError: it did not answer.
        """

    def document(self, document_id: str) -> SourceText | None:
        """Return a document with its text; `None` if it serves no documents.

        Raises:
            TargetError: it did not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval. `value` is `None` where nothing defines it (`n` is 0, say).

    `n` counts the questions that it rests on; `method` says where the interval comes from.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: Literal["wilson", "bootstrap", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Answers whose confidence lies in `[low, high)`: how sure they were, and how often right."""

    low: float
    high: float
    count: int
    mean_confidence: float | None
    share_right: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many questions came to what; failures by kind."""

    questions: int
    answerable: int
    unanswerable: int
    unlabelled: int
    answered: int
    partial: int
    abstained: int
    failed: int
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Everything that is known of a run, by the names in `eval.metrics.METRICS`.

    `per_question` holds, by metric and question id, the values of metrics that are means over
    questions; a question that does not define one is not in it.
    """

    run: str
    counts: Counts
    metrics: Mapping[str, Estimate]
    by_kind: Mapping[str, Mapping[str, Estimate]]
    counts_by_kind: Mapping[str, Counts]
    per_question: Mapping[str, Mapping[str, float]]
    risk_coverage: tuple[tuple[float, float], ...]
    """(coverage, risk) after each answer, most confident first."""
    reliability: tuple[ReliabilityBin, ...]

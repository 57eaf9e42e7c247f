"""Are the right documents, and the evidence, near the top of the ranking?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.datatypes import RankedPassage
from eval.errors import EvaluationError
from eval.metrics.base import Measured, Metric, of_values, per_case
from eval.metrics.case import Case
from eval.metrics.overlap import HOLDING, ONE_DOCUMENT, Quoted, holds, quoted_at

_JUDGED = (
    "Over questions whose data set names a relevant document (grade 1 or more) and whose target has a "
    "search. Of a document graded twice the last grade counts, and less than 1 counts as 0; where the data "
    "set grades none, the documents that gold names have grade 1. The passages' documents are ranked by "
    "their first passage; an empty ranking scores 0. A ranking with a passage of which no document is known "
    "defines nothing."
)
_SOURCE = "ir-measures (MacAvaney et al., 2022), which asks trec_eval"
_WINDOW = (
    "Over questions with gold quotes, not labelled unanswerable, whose target has a search. "
    f"{ONE_DOCUMENT.format(quoted='passage')} {HOLDING.format(text='text of the passage')} Gold, whether it has offsets or not, counts "
    "at every place of its text in the passage's document, one of which must lie wholly in the passage. "
    "Where the passage's offsets do not hold or gold's text does not stand in that document, the passage's "
    "text must hold gold's, both in NFC without white space."
)


def _document(name: str, title: str, definition: str, form: Any = "mean") -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=f"{definition} {_JUDGED}",
        source=_SOURCE,
        family="retrieval",
        form=form,
        interval="wilson" if form == "share" else "bootstrap",
    )


def _evidence(k: int) -> Metric:
    return Metric(
        name=f"evidence_recall_at_{k}",
        title=f"Evidence recall in {k} passages",
        definition=f"Share of a question's gold quotes that one of the first {k} passages holds. {_WINDOW}",
        source="this project: recall (trec_eval) with gold quotes as what is to be found",
        family="retrieval",
        form="mean",
    )


METRICS = (
    _document(
        "ndcg_at_10",
        "nDCG of 10 documents",
        "Grades of the first 10 documents, each divided by log2(rank + 1), summed, by the largest sum that "
        "any ranking could have; in [0, 1].",
    ),
    _document(
        "recall_at_5",
        "Recall in 5 documents",
        "Share of the relevant documents among the first 5, in [0, 1].",
    ),
    _document(
        "recall_at_10", "Recall in 10 documents", "Share of the relevant documents among the first 10."
    ),
    _document(
        "ap_at_10",
        "Average precision in 10 documents",
        "Precision at the rank of each relevant document among the first 10, summed, by the number of all "
        "relevant documents; its mean over questions is MAP.",
    ),
    _document(
        "rr_at_10",
        "Reciprocal rank in 10 documents",
        "1 by the rank of the first relevant document, 0 when none is among the first 10; its mean is MRR.",
    ),
    *(
        _document(
            f"success_at_{k}",
            f"Success in {k} document{'s' * (k > 1)}",
            f"1 when a relevant document is among the first {k}, else 0.",
            "share",
        )
        for k in (1, 5, 10)
    ),
    _evidence(4),
    _evidence(10),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    found = {name: of_values(values) for name, values in _by_document(cases).items()}
    for k in (4, 10):
        found[f"evidence_recall_at_{k}"] = per_case(cases, lambda case, k=k: evidence_recall(case, k))  # type: ignore[misc]
    return found


def documents_ranked(ranking: Sequence[RankedPassage]) -> list[str] | None:
    """Return the documents of a ranking, each where it first stands; `None` where one is not known."""
    names = [passage.document_id for passage in ranking]
    known = [name for name in names if name is not None]
    return list(dict.fromkeys(known)) if len(known) == len(names) else None


def evidence_recall(case: Case, k: int) -> float | None:
    """Return the share of a question's gold quotes that one of the first `k` passages holds."""
    if not case.has_gold or case.entry.ranking is None:
        return None
    passages = [as_quoted(passage, case) for passage in case.entry.ranking[:k]]
    gold = case.question.gold
    return sum(any(holds(one, part, case.documents) for one in passages) for part in gold) / len(gold)


def as_quoted(passage: RankedPassage, case: Case) -> Quoted:
    """Return a ranked passage with its text.

    Raises:
        EvaluationError: neither the passage nor the run's documents say what its text is.
    """
    place = None if passage.start is None or passage.end is None else (passage.start, passage.end)
    text = passage.text
    if text is None:
        document = None if passage.document_id is None else case.documents.get(passage.document_id)
        if document is None or place is None:
            raise EvaluationError(
                f"question {case.question.question_id!r}: the run keeps neither the text of a ranked passage "
                f"nor its document {passage.document_id!r}; make the run again"
            )
        text = document.text[place[0] : place[1]]
    return quoted_at(text, passage.document_id, place, case.documents)


def _by_document(cases: Sequence[Case]) -> dict[str, list[float | None]]:
    try:
        # Imported here: only scoring needs it.
        import ir_measures
        from ir_measures import AP, RR, R, Success, nDCG
    except ImportError as error:
        raise EvaluationError(
            "scoring a ranking needs ir-measures: pip install 'chapter-and-verse[eval]'"
        ) from error

    names: dict[Any, str] = {
        nDCG @ 10: "ndcg_at_10",
        R @ 5: "recall_at_5",
        R @ 10: "recall_at_10",
        AP @ 10: "ap_at_10",
        RR @ 10: "rr_at_10",
        Success @ 1: "success_at_1",
        Success @ 5: "success_at_5",
        Success @ 10: "success_at_10",
    }
    values: dict[str, list[float | None]] = {name: [None] * len(cases) for name in names.values()}
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for place, case in enumerate(cases):
        grades = case.question.qrels()
        ranked = None if case.entry.ranking is None else documents_ranked(case.entry.ranking)
        if ranked is None or not any(grade > 0 for grade in grades.values()):
            continue
        # The place is the query's name: a question's own id may hold what trec_eval cannot take.
        qrels[str(place)] = grades
        # Ranks as scores, so that no tie can change the order.
        run[str(place)] = {name: float(len(ranked) - rank) for rank, name in enumerate(ranked)}
    # It is not asked about nothing, which it takes for an error.
    for found in ir_measures.iter_calc(list(names), qrels, run) if qrels else ():
        values[names[found.measure]][int(found.query_id)] = float(found.value)
    return values

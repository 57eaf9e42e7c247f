"""The measures of the MultiHop-RAG paper, as its own evaluation script reckons them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from eval.metrics.base import Measured, Metric, of_values
from eval.metrics.case import Case
from eval.metrics.retrieval import as_quoted

_SOURCE = "Tang and Yang, 2024 (MultiHop-RAG), evaluation script of the data set"
_JUDGED = (
    "A passage holds a fact (a gold quote, each text once) when its text does, both in NFC without spaces "
    "and newlines, whatever documents they name. Over questions with gold quotes, not labelled unanswerable, whose target has a search; "
    "an empty ranking scores 0."
)


def _metric(name: str, title: str, definition: str, *, share: bool = False) -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=f"{definition} {_JUDGED}",
        source=_SOURCE,
        family="multihop",
        form="share" if share else "mean",
        interval="wilson" if share else "bootstrap",
    )


METRICS = (
    _metric("hits_at_4", "Hits@4", "1 when one of the first 4 passages holds any fact, else 0.", share=True),
    _metric(
        "hits_at_10", "Hits@10", "1 when one of the first 10 passages holds any fact, else 0.", share=True
    ),
    _metric(
        "mrr_at_10", "MRR@10", "1 by the rank of the first passage that holds any fact, 0 below rank 10."
    ),
    _metric(
        "map_at_10",
        "MAP@10",
        "Each of the first 10 ranks adds the number of facts first found there divided by the rank; the sum "
        "is divided by the number of facts, 10 at most. Facts that differ in spaces and newlines alone are "
        "found as one and divided by as several. It is not the textbook's average precision.",
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    scored = [_scored(case) for case in cases]
    return {
        metric.name: of_values([None if found is None else found[metric.name] for found in scored])
        for metric in METRICS
    }


def scores(texts: Sequence[str], facts: Sequence[str]) -> dict[str, float]:
    """Score one ranking of passage texts against the facts of a question.

    Raises:
        ValueError: no facts; such a question has no score.
    """
    # The script's count of facts keeps those that differ in white space only; so do we.
    wanted = [_squeezed(fact) for fact in dict.fromkeys(facts)]
    if not wanted:
        raise ValueError("a question without facts cannot be scored")
    found_at: dict[str, int] = {}
    for rank, text in enumerate(texts[:10], start=1):
        held = _squeezed(text)
        for fact in wanted:
            if fact in held:
                found_at.setdefault(fact, rank)
    first = min(found_at.values(), default=None)
    return {
        "hits_at_4": float(first is not None and first <= 4),
        "hits_at_10": float(first is not None),
        "mrr_at_10": 0.0 if first is None else 1.0 / first,
        "map_at_10": sum(1.0 / rank for rank in found_at.values()) / min(len(wanted), 10),
    }


def _scored(case: Case) -> dict[str, float] | None:
    if not case.has_gold or case.entry.ranking is None:
        return None
    texts = [as_quoted(passage, case).text for passage in case.entry.ranking[:10]]
    return scores(texts, [gold.text for gold in case.question.gold])


def _squeezed(text: str) -> str:
    # Spaces and newlines only, as the script does: not the white space of `overlap.squeezed`.
    return unicodedata.normalize("NFC", text).replace(" ", "").replace("\n", "")

"""Does it know how sure it can be?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eval.datatypes import ReliabilityBin
from eval.metrics.base import FloatArray, Measured, Metric, of_rows
from eval.metrics.case import Case
from eval.metrics.refusing import LABELLED, RIGHT, right_outcome

BINS = 10
_EDGES = np.arange(1, BINS) / BINS
_ALL = (
    "No value, for no kind of questions either, when one of them in the whole run gives no probability: those "
    "that do are no fair sample."
)

METRICS = (
    Metric(
        name="auroc_answerable",
        title="AUROC of answerability",
        definition=(
            "Probability that an answerable question gets a higher score than an unanswerable one, ties half: "
            "the score is an answer's confidence, or 1 − the probability that an abstention gives for there "
            f"being no answer. No value with one class only. {LABELLED} {_ALL}"
        ),
        source="Hanley and McNeil, 1982; mid-ranks for ties (Mann and Whitney, 1947)",
        family="refusing",
        form="set",
    ),
    Metric(
        name="aurc",
        title="Area under risk–coverage",
        definition=(
            "Risk is the share of wrong answers among the most confident ones, after each answer given; this "
            "is the mean of it. Answers of equal confidence share their errors evenly. Abstentions are never "
            "ranked, so that the curve ends at the share of questions that was answered: compare it only "
            f"beside right_share. Over answers given. {RIGHT} {_ALL}"
        ),
        source="Geifman, Uziel and El-Yaniv, 2019",
        family="refusing",
        form="set",
        higher_is_better=False,
    ),
    Metric(
        name="ece",
        title="Expected calibration error",
        definition=(
            "Answers in 10 bins of confidence, each [low, high) and the last closed: the distance between the "
            f"mean confidence and the share that is right, weighted by answers. Over answers given. {RIGHT} {_ALL}"
        ),
        source="Naeini, Cooper and Hauskrecht, 2015",
        family="refusing",
        form="set",
        higher_is_better=False,
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this file."""
    sure = confidences(cases)
    return {
        "auroc_answerable": of_rows(_all_or_none(cases, answerability), 2, auroc),
        "aurc": of_rows(sure, 2, aurc),
        "ece": of_rows(sure, 2, ece),
    }


def answerability(case: Case) -> tuple[float | None, float] | None:
    """Return how surely a labelled question was held for answerable (`None`: not said), and its label."""
    label = case.question.answerable
    if label is None:
        return None
    if case.abstained:
        return (None if case.unanswerable is None else 1.0 - case.unanswerable), float(label)
    return case.confidence, float(label)


def confidences(cases: Sequence[Case]) -> list[tuple[float, float] | None]:
    """Return confidence and rightness of each answer that can be judged; none if one has no confidence."""

    def row(case: Case) -> tuple[float | None, float] | None:
        right = None if case.abstained else right_outcome(case)
        return None if right is None else (case.confidence, right)

    return _all_or_none(cases, row)


def auroc(rows: FloatArray) -> float:
    """Return the area under the ROC curve from columns score, label; NaN with one class only."""
    positive = rows[:, 1] > 0
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    _, place, counts = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def risks(rows: FloatArray) -> FloatArray:
    """Return the share of wrong answers after each, most confident first, from columns confidence, right."""
    _, place, counts = np.unique(-rows[:, 0], return_inverse=True, return_counts=True)
    wrong = np.bincount(place, weights=1.0 - rows[:, 1], minlength=len(counts)) / counts
    return np.asarray(np.cumsum(np.repeat(wrong, counts)) / np.arange(1, len(rows) + 1), dtype=np.float64)


def aurc(rows: FloatArray) -> float:
    """Return the mean of the risks; NaN of no answers."""
    return float(risks(rows).mean()) if len(rows) else float("nan")


def risk_coverage(cases: Sequence[Case]) -> tuple[tuple[float, float], ...]:
    """Return (coverage, risk) after each answer, most confident first.

    Coverage is of all questions of which an outcome can be judged, so that the curve ends at the
    share of them that was answered.
    """
    rows = np.array([row for row in confidences(cases) if row is not None], dtype=np.float64).reshape(-1, 2)
    whole = sum(right_outcome(case) is not None for case in cases)
    return tuple((rank / whole, float(risk)) for rank, risk in enumerate(risks(rows), start=1))


def ece(rows: FloatArray) -> float:
    """Return the expected calibration error from columns confidence, right; NaN of no answers."""
    if not len(rows):
        return float("nan")
    count, sure, right = binned(rows)
    return float(np.abs(sure - right).sum() / count.sum())


def reliability(cases: Sequence[Case]) -> tuple[ReliabilityBin, ...]:
    """Return the ten bins of confidence, also those that hold no answer."""
    rows = np.array([row for row in confidences(cases) if row is not None], dtype=np.float64).reshape(-1, 2)
    return tuple(
        ReliabilityBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            count=int(count),
            mean_confidence=float(sure / count) if count else None,
            share_right=float(right / count) if count else None,
        )
        for number, (count, sure, right) in enumerate(zip(*binned(rows), strict=True))
    )


def binned(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return answers, sum of confidences and right answers of each bin, from columns confidence, right."""
    bins = np.searchsorted(_EDGES, rows[:, 0], side="right")
    weights = (np.ones(len(rows)), rows[:, 0], rows[:, 1])
    count, sure, right = (np.bincount(bins, weights=one, minlength=BINS).astype(float) for one in weights)
    return count, sure, right


def _all_or_none(
    cases: Sequence[Case], row: Callable[[Case], tuple[float | None, float] | None]
) -> list[tuple[float, float] | None]:
    found: list[tuple[float, float] | None] = []
    for case in cases:
        pair = row(case)
        if pair is None:
            found.append(None)
        elif pair[0] is None:
            return [None] * len(cases)
        else:
            found.append((pair[0], pair[1]))
    return found

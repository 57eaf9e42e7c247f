"""What a report shows, gathered: the runs under distinct names, their scores, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eval.datatypes import Estimate, Question, Run, Scores
from eval.errors import EvaluationError
from eval.significance import RESAMPLES

if TYPE_CHECKING:
    from eval.compare import Comparison
    from eval.judgement import Judgement
    from eval.metrics import Case, Metric

HEADLINES = (
    "right_share",
    "gold_quote_hit_at_5",
    "verified_share",
    "refusal_precision",
    "refusal_recall",
    "auroc_answerable",
    "ece",
    "ndcg_at_10",
    "ask_p50_ms",
    "ask_p95_ms",
)
"""The few figures that come first; everything else stands by family."""

Verdict = Literal["failed", "answered_wrong", "should_have_abstained", "abstained_wrongly", "right", "open"]
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "failed": ("Failed", "No answer came. A failure is counted, and is neither right nor wrong."),
    "answered_wrong": ("Answered wrong", "The sources answer, and no quote carries the answer."),
    "should_have_abstained": ("Should have abstained", "The sources do not answer, and it answered."),
    "abstained_wrongly": ("Abstained wrongly", "The sources answer, and it abstained."),
    "right": ("Right", "A quote carries the answer, or it abstained where the sources do not answer."),
    "open": ("Not decided", "The data set does not say what is right here."),
}
"""Heading and meaning of each verdict, in the order in which answers are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Runs with their scores. `labels` are their names, made distinct; all stand in one order.

    `metrics` are those that any run has, in the order in which they are defined.
    """

    runs: tuple[Run, ...]
    labels: tuple[str, ...]
    scores: tuple[Scores, ...]
    judgements: tuple[Judgement | None, ...]
    metrics: Mapping[str, Metric]
    comparison: Comparison | None
    not_compared: str | None
    """Why two runs are not compared; `None` where they are, or are not two."""
    cases: tuple[Mapping[str, Case], ...]
    """By question id, the questions that did not fail, as the metrics see them."""


def gather(
    runs: Sequence[Run],
    *,
    judgements: Sequence[Judgement | None] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> ReportData:
    """Score the runs; compare them where there are two that can be compared.

    Raises:
        EvaluationError: no run, or judgements that are not one a run.
    """
    from eval.metrics import cases_of, find_metric
    from eval.score import score_run

    if not runs:
        raise EvaluationError("a report needs at least one run")
    given = tuple(judgements) if judgements is not None else (None,) * len(runs)
    if len(given) != len(runs):
        raise EvaluationError(f"{len(given)} judgements for {len(runs)} runs; give one or None for each")
    scores = tuple(score_run(run, seed=seed, resamples=resamples) for run in runs)
    comparison, not_compared = _compared(runs, seed, resamples) if len(runs) == 2 else (None, None)
    return ReportData(
        runs=tuple(runs),
        labels=distinct([run.name for run in runs]),
        scores=scores,
        judgements=given,
        metrics={name: find_metric(name) for found in scores for name in found.metrics},
        comparison=comparison,
        not_compared=not_compared,
        cases=tuple({case.question.question_id: case for case in cases_of(run)} for run in runs),
    )


def _compared(runs: Sequence[Run], seed: int, resamples: int) -> tuple[Comparison | None, str | None]:
    from eval.compare import compare_runs

    try:
        return compare_runs(runs[0], runs[1], seed=seed, resamples=resamples), None
    except EvaluationError as error:
        # Both were scored, so the records are sound: these runs do not belong together, say so.
        return None, str(error)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which no two are the same: the second `a` becomes `a (2)`."""
    taken: set[str] = set()
    labels = []
    for name in names:
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label)
        labels.append(label)
    return tuple(labels)


def verdict_of(question: Question, case: Case | None) -> Verdict:
    """Say how an answer stands, by the same rule as the metrics.

    `case` is `None` for a question that failed.
    """
    from eval.metrics.refusing import right_outcome

    if case is None:
        return "failed"
    if question.answerable is None and case.abstained:
        return "open"  # whether that is right, only a label could say
    right = right_outcome(case)
    if right is None:
        return "abstained_wrongly" if case.abstained else "open"
    if right:
        return "right"
    if case.abstained:
        return "abstained_wrongly"
    return "should_have_abstained" if question.answerable is False else "answered_wrong"


def figure(value: float) -> str:
    """Return a value as it is printed: three decimals for shares, fewer for what is larger."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3f}"


def interval(estimate: Estimate) -> str:
    """Return the interval in words, `–` where there is none."""
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{figure(estimate.low)} to {figure(estimate.high)}"


def value(estimate: Estimate) -> str:
    """Return the value, `not defined` where nothing defines it: never a zero."""
    return "not defined" if estimate.value is None else figure(estimate.value)

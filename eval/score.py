"""Scores a run from its folder alone; no model is loaded and nothing is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from eval.datatypes import Counts, Entry, Estimate, Question, Run, Scores
from eval.metrics import METRICS, Measured, Metric, cases_of, find_metric, measure
from eval.metrics.confidence import reliability, risk_coverage
from eval.metrics.speed import THROUGHPUT, throughput
from eval.significance import RESAMPLES, bootstrap, bootstrap_mean, wilson

DIGITS = 6
UNDEFINED = Estimate(value=None, low=None, high=None, n=0, method="none")


def score_run(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> Scores:
    """Score a run: every metric over all its questions and over each kind of them.

    Questions that failed are counted and not scored. A metric that no question defines has no value
    and `n` 0; a kind leaves such metrics out.

    Raises:
        EvaluationError: a record is not what the contract says; the message names the question.
    """
    cases = cases_of(run)
    measured = measure(cases)
    kinds: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        kinds.setdefault(case.question.kind, []).append(place)

    def estimates(found: Mapping[str, Measured]) -> dict[str, Estimate]:
        return {
            name: estimate(find_metric(name), one, resamples=resamples, seed=seed)
            for name, one in found.items()
        }

    overall = {**estimates(measured), THROUGHPUT: _throughput(run, len(cases))}
    by_kind = {
        kind: {
            name: found
            for name, found in estimates({name: one.take(places) for name, one in measured.items()}).items()
            if found.n
        }
        for kind, places in kinds.items()
    }
    pairs = list(zip(run.questions, run.entries, strict=True))
    every_kind = dict.fromkeys(question.kind for question in run.questions)
    return Scores(
        run=run.name,
        counts=count(pairs),
        metrics={name: overall[name] for name in METRICS},
        by_kind={kind: by_kind.get(kind, {}) for kind in every_kind},
        counts_by_kind={kind: count(pair for pair in pairs if pair[0].kind == kind) for kind in every_kind},
        per_question={
            name: _values(one, [case.question.question_id for case in cases])
            for name, one in measured.items()
            if find_metric(name).form != "set"
        },
        risk_coverage=risk_coverage(cases),
        reliability=reliability(cases),
    )


def estimate(metric: Metric, measured: Measured, *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the value of a metric with its 95 % interval, by the way that the metric names.

    One question alone has a bootstrap interval no more than none has: `method` is then "none".
    """
    rows = measured.defined()
    value = measured.statistic(rows) if len(rows) else float("nan")
    if np.isnan(value):
        return UNDEFINED
    n = len(rows)
    bounds: tuple[float, float] | None = None
    if metric.interval == "wilson":
        bounds = wilson(rows[:, 0].sum(), n)
    elif n > 1 and metric.form == "mean":
        bounds = bootstrap_mean(rows[:, 0], resamples=resamples, seed=seed)
    elif n > 1:
        bounds = bootstrap(rows, measured.statistic, resamples=resamples, seed=seed)
    if bounds is None or metric.interval == "none":
        return Estimate(value=value, low=None, high=None, n=n, method="none")
    return Estimate(value=value, low=bounds[0], high=bounds[1], n=n, method=metric.interval)


def count(pairs: Iterable[tuple[Question, Entry]]) -> Counts:
    """Count labels and outcomes, those of failed questions among them, and failures by kind."""
    pairs = list(pairs)
    labels = Counter(question.answerable for question, _ in pairs)
    outcomes = Counter(entry.outcome for _, entry in pairs)
    failures = Counter(entry.failure.kind for _, entry in pairs if entry.failure is not None)
    return Counts(
        questions=len(pairs),
        answerable=labels[True],
        unanswerable=labels[False],
        unlabelled=labels[None],
        answered=outcomes["answered"],
        partial=outcomes["partial"],
        abstained=outcomes["abstained"],
        failed=outcomes["failed"],
        failures={str(kind): number for kind, number in sorted(failures.items())},
    )


def scores_json(scores: Scores) -> dict[str, Any]:
    """Return scores as JSON, numbers with 6 digits after the point."""
    found: dict[str, Any] = rounded(asdict(scores))
    return found


def rounded(value: Any) -> Any:
    """Return data as JSON knows it: lists for tuples, floats with 6 digits after the point."""
    if isinstance(value, Mapping):
        return {str(key): rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def _throughput(run: Run, questions: int) -> Estimate:
    speed = throughput(run.manifest, questions)
    if speed is None:
        return UNDEFINED
    return Estimate(value=speed, low=None, high=None, n=questions, method="none")


def _values(measured: Measured, names: Sequence[str]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in zip(names, measured.rows[:, 0], strict=True)
        if not np.isnan(value)
    }

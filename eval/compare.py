"""Is run B better than run A, or is it chance?

Only questions that both runs asked and neither failed are compared, question by question. What
scores can rest on differs: a mean is compared over the questions that define it in both runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from eval.comparison import (
    Change,
    Comparison,
    MetricComparison,
    Side,
    Verdict,
    comparison_json,
    comparison_text,
)
from eval.datatypes import Run
from eval.errors import EvaluationError
from eval.metrics import METRICS, Case, Measured, Metric, cases_of, find_metric, measure
from eval.significance import (
    ALPHA,
    PERMUTATIONS,
    RESAMPLES,
    FloatArray,
    Statistic,
    bootstrap_mean,
    holm,
    label_swap_p,
    of_defined,
    percentile_interval,
    resampled,
    sign_flip_p,
    smallest_detectable,
    standard_error,
)

__all__ = ["DEFAULT", "Comparison", "compare_runs", "comparison_json", "comparison_text"]

DEFAULT = (
    "gold_quote_hit_at_5",
    "gold_quote_hit_at_1",
    "right_share",
    "quote_precision",
    "quote_recall",
    "rr_at_10",
    "ndcg_at_10",
    "hits_at_10",
    "reading_f1",
    "refusal_f1",
    "auroc_answerable",
)
"""What is compared if nobody asks otherwise: a short list, since each more makes the others harder
to tell from chance. Those that the two runs do not define are left out."""


def compare_runs(
    a: Run,
    b: Run,
    *,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
) -> Comparison:
    """Compare run B with run A, metric by metric; the metrics in `DEFAULT` if none are named.

    Raises:
        EvaluationError: the runs are not of the same data, share no question that neither failed,
            or define none of the metrics in common; or a metric is unknown or named twice.
    """
    names = _names(metrics)
    left_out = _left_out(a, b)
    kept = [question.question_id for question in a.questions if question.question_id not in left_out]
    if not kept:
        raise EvaluationError(
            f"runs {a.name!r} and {b.name!r} have no question in common that neither failed; nothing to compare"
        )
    cases_a, cases_b = _cases(a, kept), _cases(b, kept)
    measured_a, measured_b = measure(cases_a), measure(cases_b)
    found = [
        _compared(find_metric(name), measured_a[name], measured_b[name], seed, resamples, permutations)
        for name in names
    ]
    compared = _judged([one for one in found if one is not None])
    undefined = tuple(name for name, one in zip(names, found, strict=True) if one is None)
    if not compared:
        raise EvaluationError(
            f"runs {a.name!r} and {b.name!r} define none of {', '.join(names)} on the same questions"
        )
    leading = next((one.name for one in compared if find_metric(one.name).form != "set"), None)
    return Comparison(
        a=a.name,
        b=b.name,
        questions=len(kept),
        left_out=left_out,
        metrics=tuple(compared),
        undefined=undefined if metrics is not None else (),
        leading=leading,
        changes=()
        if leading is None
        else _changes(find_metric(leading), cases_a, cases_b, measured_a[leading], measured_b[leading]),
    )


def _names(metrics: Sequence[str] | None) -> list[str]:
    if metrics is None:
        return list(DEFAULT)
    names = [find_metric(name).name for name in metrics]
    if not names or len(set(names)) != len(names):
        raise EvaluationError(f"the metrics to compare are {names}; name at least one, and each once")
    single = [name for name in names if METRICS[name].interval == "none"]
    if single:
        raise EvaluationError(f"{single[0]} is one figure of a whole run; it has nothing to be compared by")
    return names


def _left_out(a: Run, b: Run) -> dict[str, str]:
    """Return why questions cannot be compared, by id.

    Raises:
        EvaluationError: the runs are not of the same data.
    """
    asked_a = {question.question_id: question for question in a.questions}
    asked_b = {question.question_id: question for question in b.questions}
    changed = [name for name in asked_a if name in asked_b and asked_a[name] != asked_b[name]]
    if changed:
        raise EvaluationError(
            f"question {changed[0]!r} (and {len(changed) - 1} more) is not the same in {a.name!r} and "
            f"{b.name!r}, in its text, gold or label; compare runs of one data set"
        )
    # A smaller run (`--limit`) is of other questions and so of another hash, but holds no others.
    subset = asked_a.keys() <= asked_b.keys() or asked_b.keys() <= asked_a.keys()
    if _data_sha256(a) != _data_sha256(b) and not subset:
        raise EvaluationError(
            f"runs {a.name!r} and {b.name!r} are of different data ({_data_sha256(a)[:12]} and "
            f"{_data_sha256(b)[:12]}), and neither asked a part of the other's questions"
        )
    failed_a = {entry.question_id for entry in a.entries if entry.outcome == "failed"}
    failed_b = {entry.question_id for entry in b.entries if entry.outcome == "failed"}
    why: dict[str, str] = {}
    for name in dict.fromkeys([*asked_a, *asked_b]):
        if name not in asked_b:
            why[name] = "asked in A only"
        elif name not in asked_a:
            why[name] = "asked in B only"
        elif name in failed_a or name in failed_b:
            both = name in failed_a and name in failed_b
            why[name] = "failed in both" if both else f"failed in {'A' if name in failed_a else 'B'}"
    return why


def _data_sha256(run: Run) -> str:
    data = run.manifest.get("data")
    found = data.get("sha256") if isinstance(data, Mapping) else None
    if not isinstance(found, str):
        raise EvaluationError(f"run {run.name!r}: run.json does not say the sha256 of its data (data.sha256)")
    return found


def _cases(run: Run, names: Sequence[str]) -> list[Case]:
    found = {case.question.question_id: case for case in cases_of(run)}
    return [found[name] for name in names]


def _compared(
    metric: Metric, a: Measured, b: Measured, seed: int, resamples: int, permutations: int
) -> MetricComparison | None:
    """Compare one metric, not yet corrected for the others; `None` where the runs do not define it."""
    blank_a, blank_b = np.isnan(a.rows).any(axis=1), np.isnan(b.rows).any(axis=1)
    # A mean is of questions that define it in both; of a set, each run has those it has.
    taken = ~(blank_a & blank_b) if metric.form == "set" else ~(blank_a | blank_b)
    of_a, of_b = a.rows[taken], b.rows[taken]
    n = len(of_a)
    value_a, value_b = of_defined(of_a, a.statistic), of_defined(of_b, b.statistic)
    if np.isnan(value_a) or np.isnan(value_b):
        return None
    bounds, error = (None, 0.0) if n < 2 else _chance(metric, of_a, of_b, a.statistic, seed, resamples)
    tested = metric.family != "speed"
    p = None
    if tested and metric.form == "set":
        p = label_swap_p(of_a, of_b, a.statistic, permutations=permutations, seed=seed)
    elif tested:
        p = sign_flip_p(of_b[:, 0] - of_a[:, 0], permutations=permutations, seed=seed)
    return MetricComparison(
        name=metric.name,
        title=metric.title,
        higher_is_better=metric.higher_is_better,
        n=n,
        a=value_a,
        b=value_b,
        difference=value_b - value_a,
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        p=p,
        p_holm=None,
        smallest_detectable=smallest_detectable(error) if tested else None,
        verdict="no difference shown" if tested else "not tested",
    )


def _chance(
    metric: Metric, a: FloatArray, b: FloatArray, statistic: Statistic, seed: int, resamples: int
) -> tuple[tuple[float, float] | None, float]:
    """Return the interval of a difference and its standard error, from resampled questions."""
    if metric.form != "set":
        differences = b[:, 0] - a[:, 0]
        return bootstrap_mean(differences, resamples=resamples, seed=seed), standard_error(differences)
    columns = a.shape[1]

    def difference(rows: FloatArray) -> float:
        return of_defined(rows[:, columns:], statistic) - of_defined(rows[:, :columns], statistic)

    found = resampled(np.hstack([a, b]), difference, resamples=resamples, seed=seed)
    defined = found[~np.isnan(found)]
    return percentile_interval(found), float(defined.std(ddof=1)) if len(defined) > 1 else 0.0


def _judged(compared: Sequence[MetricComparison]) -> list[MetricComparison]:
    """Correct the p-values for how many there are, and judge."""
    tested = [one.p for one in compared if one.p is not None]
    adjusted = iter(holm(tested))
    judged = []
    for one in compared:
        if one.p is None:
            judged.append(one)
            continue
        p = next(adjusted)
        verdict: Verdict = "no difference shown"
        if p < ALPHA and one.difference != 0:
            verdict = "better" if (one.difference > 0) == one.higher_is_better else "worse"
        judged.append(replace(one, p_holm=p, verdict=verdict))
    return judged


def _changes(
    metric: Metric, cases_a: Sequence[Case], cases_b: Sequence[Case], a: Measured, b: Measured
) -> tuple[Change, ...]:
    sign = 1.0 if metric.higher_is_better else -1.0
    found: list[tuple[float, Change]] = []
    for case_a, case_b, was, now in zip(cases_a, cases_b, a.rows[:, 0], b.rows[:, 0], strict=True):
        gain = sign * (now - was)
        if np.isnan(gain) or gain == 0:
            continue
        question = case_a.question
        change = Change(
            question_id=question.question_id,
            kind=question.kind,
            text=question.text,
            a=_side(case_a, was),
            b=_side(case_b, now),
            won=bool(gain > 0),
        )
        found.append((gain, change))
    # Losses from the largest on, then wins from the largest on; the order of the run where equal.
    found.sort(key=lambda item: (item[1].won, -abs(item[0])))
    return tuple(change for _, change in found)


def _side(case: Case, value: float) -> Side:
    record = case.entry.record or {}
    return Side(
        value=float(value),
        outcome=case.entry.outcome,
        answer=str(record.get("answer") or ""),
        short_answer=case.short,
        confidence=case.confidence,
    )

"""What a comparison of two runs found, as data, as JSON and as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from eval.datatypes import Outcome
from eval.score import rounded
from eval.significance import ALPHA, POWER

Verdict = Literal["better", "worse", "no difference shown", "not tested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric in both runs, over the same `n` questions.

    `difference` is B less A with its 95 % bootstrap interval; `p` is of a permutation test, `p_holm`
    the same adjusted for all metrics compared. `smallest_detectable` is the true difference that so
    many questions would show in 80 of 100 tries (at p < 0.05, unadjusted). `None` where the data say
    nothing: of one question alone, say. `verdict` is on B, by `p_holm` < 0.05.
    """

    name: str
    title: str
    higher_is_better: bool
    n: int
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    smallest_detectable: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one run answered to one question."""

    value: float
    outcome: Outcome
    answer: str
    short_answer: str | None
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A question to which the runs' values of the leading metric differ; `won` says that B's is better."""

    question_id: str
    kind: str
    text: str
    a: Side
    b: Side
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs held against each other; every difference is B less A.

    `left_out` says, of each question that is not compared, why: asked in one run only, or failed.
    `undefined` are metrics that no question defines in both runs. `changes` lists the wins and losses
    in `leading`, the first metric that is of single questions: losses first, the largest first.
    """

    a: str
    b: str
    questions: int
    left_out: Mapping[str, str]
    metrics: tuple[MetricComparison, ...]
    undefined: tuple[str, ...]
    leading: str | None
    changes: tuple[Change, ...]


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON, numbers with 6 digits after the point."""
    found: dict[str, Any] = rounded(asdict(comparison))
    return found


def comparison_text(comparison: Comparison, *, changes: int = 10) -> str:
    """Return a comparison as a table for the terminal, with the first losses and wins."""
    lines = [
        f"A = {comparison.a}, B = {comparison.b}: {comparison.questions} questions compared, "
        f"{len(comparison.left_out)} left out",
        *(f"    {count} {why}" for why, count in _tally(comparison.left_out.values()).items()),
        "",
        f"{'metric':<24}{'n':>6}{'A':>10}{'B':>10}{'B − A':>10}  {'95 % interval':<20}"
        f"{'p':>7}{'p Holm':>8}{'shows from':>12}  verdict on B",
    ]
    for one in comparison.metrics:
        interval = "–" if one.low is None else f"[{one.low:+.3f}, {one.high:+.3f}]"
        lines.append(
            f"{one.name:<24}{one.n:>6}{one.a:>10.3f}{one.b:>10.3f}{one.difference:>+10.3f}  {interval:<20}"
            f"{_number(one.p, 7)}{_number(one.p_holm, 8)}{_number(one.smallest_detectable, 12)}  {one.verdict}"
        )
    lines += [
        "",
        f"p: permutation test; p Holm: adjusted for the metrics above; a verdict needs p Holm < {ALPHA}.",
        f"shows from: the true difference that n questions show in {POWER:.0%} of tries (one test at {ALPHA}).",
    ]
    if comparison.undefined:
        lines.append(f"no question defines in both: {', '.join(comparison.undefined)}")
    if comparison.leading is not None:
        losses = [change for change in comparison.changes if not change.won]
        wins = [change for change in comparison.changes if change.won]
        lines += ["", f"{comparison.leading}: B wins {len(wins)}, loses {len(losses)}"]
        for sign, group in (("−", losses), ("+", wins)):
            lines += [_line(sign, change) for change in group[:changes]]
            if len(group) > changes:
                lines.append(f"  {sign} … and {len(group) - changes} more")
    return "\n".join(lines)


def _tally(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _number(value: float | None, width: int) -> str:
    return ("–" if value is None else f"{value:.3f}").rjust(width)


def _line(sign: str, change: Change) -> str:
    text = change.text if len(change.text) <= 70 else change.text[:69] + "…"
    return (
        f"  {sign} {change.question_id}: {change.a.value:.3f} → {change.b.value:.3f} "
        f"({change.a.outcome} → {change.b.outcome})  {' '.join(text.split())}"
    )

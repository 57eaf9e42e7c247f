"""The pictures of a report with what they show in words and in numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from eval.report.data import HEADLINES, ReportData, figure, interval, value
from eval.report.html import Column, details, html, table
from eval.report.pictures import (
    MOST_KINDS,
    Series,
    ecdf,
    kinds_svg,
    latency_svg,
    reliability_svg,
    risk_coverage_svg,
)

_STEPS = tuple(step / 10 for step in range(1, 11))


def figures_html(data: ReportData) -> str:
    """Return the pictures for which a run has figures; what cannot be drawn is said."""
    parts, absent = [], []
    for name, made in (
        ("risk against coverage", _risk_coverage(data)),
        ("reliability", _reliability(data)),
        ("latency", _latency(data)),
        ("score by kind", _kinds(data)),
    ):
        if made:
            parts.append(made)
        else:
            absent.append(name)
    note = f'<p class="note">Not drawn, for want of figures: {", ".join(absent)}.</p>' if absent else ""
    return f'<div class="pictures">{"".join(parts)}</div>{note}'


def _risk_coverage(data: ReportData) -> str:
    series = [
        Series(name=label, points=scores.risk_coverage)
        for label, scores in zip(data.labels, data.scores, strict=True)
    ]
    if not any(line.points for line in series):
        return ""
    rows = [(f"{coverage:.0%}", *(_risk_at(line.points, coverage) for line in series)) for coverage in _STEPS]
    columns = [Column(title="Coverage"), *(Column(title=line.name, numeric=True) for line in series)]
    return _figure(
        "Risk against coverage",
        "How often answers are wrong when only the surest are given. A lower line is better.",
        risk_coverage_svg(
            series, prefix="risk-coverage", title="Risk against coverage, as in the table below"
        ),
        table("Risk at each coverage", columns, rows),
    )


def _reliability(data: ReportData) -> str:
    series = [(label, scores.reliability) for label, scores in zip(data.labels, data.scores, strict=True)]
    if not any(item.count for _, bins in series for item in bins):
        return ""
    rows = [
        (
            html(label) if len(series) > 1 else f"{item.low:.2f}–{item.high:.2f}",
            *((f"{item.low:.2f}–{item.high:.2f}",) if len(series) > 1 else ()),
            f"{item.count:,}",
            "–" if item.mean_confidence is None else f"{item.mean_confidence:.3f}",
            "–" if item.share_right is None else f"{item.share_right:.3f}",
        )
        for label, bins in series
        for item in bins
        if item.count
    ]
    columns = [
        *((Column(title="Run"),) if len(series) > 1 else ()),
        Column(title="Confidence", numeric=len(series) > 1),
        Column(title="Answers", numeric=True),
        Column(title="Mean confidence", numeric=True),
        Column(title="Share right", numeric=True),
    ]
    counted = "Numbers count the answers. " if len(series) == 1 else ""
    return _figure(
        "Reliability",
        f"Of the answers given with such a confidence, how many are right. {counted}"
        "On the dashed line, confidence says exactly how often.",
        reliability_svg(
            series, prefix="reliability", title="Confidence against share right, as in the table below"
        ),
        table("Confidence and share right, where there are answers", columns, rows),
    )


def _kinds(data: ReportData) -> str:
    for name in HEADLINES:
        series = [
            (
                label,
                {
                    kind: found[name]
                    for kind, found in scores.by_kind.items()
                    if name in found and found[name].value is not None
                },
            )
            for label, scores in zip(data.labels, data.scores, strict=True)
        ]
        kinds = sorted({kind for _, found in series for kind in found})
        if kinds:
            break
    else:
        return ""
    rows = []
    for kind in kinds:
        for label, found in series:
            if kind in found:
                cells = (value(found[kind]), interval(found[kind]), f"{found[kind].n:,}")
                rows.append((html(kind), *((html(label),) if len(series) > 1 else ()), *cells))
    columns = [
        Column(title="Kind"),
        *((Column(title="Run"),) if len(series) > 1 else ()),
        Column(title="Value", numeric=True),
        Column(title="95 % interval", numeric=True),
        Column(title="n", numeric=True),
    ]
    title = data.metrics[name].title
    most = (
        f" The {MOST_KINDS} kinds with most questions; the table has all." if len(kinds) > MOST_KINDS else ""
    )
    return _figure(
        f"{title}, by kind of question",
        f"With 95 % intervals; in brackets the number of questions.{most}",
        kinds_svg(series, prefix="kinds", title=f"{title} by kind, as in the table below", label=title),
        table(f"{title} by kind", columns, rows),
    )


def _latency(data: ReportData) -> str:
    waits = [
        [case.timing.ask_ms for case in cases.values() if case.timing and case.timing.ask_ms is not None]
        for cases in data.cases
    ]
    if not any(waits):
        return ""
    series = [Series(name=label, points=ecdf(times)) for label, times in zip(data.labels, waits, strict=True)]
    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
    rows = [
        (
            f"{share:.0%}",
            *(figure(float(np.percentile(times, 100 * share))) if times else "–" for times in waits),
        )
        for share in shares
    ]
    columns = [
        Column(title="Share answered"),
        *(Column(title=f"{label}, ms", numeric=True) for label in data.labels),
    ]
    return _figure(
        "Latency",
        "How long a client waited for an answer. Failed questions are left out.",
        latency_svg(series, prefix="latency", title="Share answered within a time, as in the table below"),
        table("Milliseconds within which this share of questions was answered", columns, rows),
    )


def _risk_at(points: Sequence[tuple[float, float]], coverage: float) -> str:
    """Return the risk at the first point that covers so much; `–` where the run answers less."""
    # A share such as 0.3 is not exact in binary; half an answer in a million does not matter.
    place = bisect_left([x for x, _ in points], coverage - 1e-9)
    return f"{points[place][1]:.3f}" if place < len(points) else "–"


def _figure(title: str, words: str, svg: str, numbers: str) -> str:
    return (
        f'<figure><figcaption><h3>{html(title)}</h3><p class="note">{html(words)}</p></figcaption>{svg}'
        f"{details('The figures', numbers, name='opens')}</figure>"
    )

"""Two runs held against each other: every score with its chance, and every question won or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from eval.datatypes import Entry, Question
from eval.report.answers import gold_html, record_html
from eval.report.data import ReportData, figure
from eval.report.html import Column, clipped, details, html, table

if TYPE_CHECKING:
    from eval.comparison import Change, Comparison, MetricComparison

MOST_CHANGES = 300
MOST_CHARACTERS = 2_000_000
_VERDICTS = {
    "better": '<b class="good">better</b>',
    "worse": '<b class="bad">worse</b>',
    "no difference shown": "no difference shown",
    "not tested": "not tested",
}


def comparison_html(data: ReportData) -> str:
    """Return the comparison of two runs, or why there is none; `""` unless the report is of two."""
    if data.not_compared is not None:
        return f"<p><b>Not compared:</b> {html(data.not_compared)}</p>"
    if data.comparison is None:
        return ""
    found = data.comparison
    a, b = data.labels
    columns = [
        Column(title="Score"),
        Column(title="A", numeric=True),
        Column(title="B", numeric=True),
        Column(title="B − A", numeric=True),
        Column(title="95 % interval", numeric=True),
        Column(title="n", numeric=True),
        Column(title="p", numeric=True),
        Column(title="p, Holm", numeric=True),
        Column(title="Shows from", numeric=True),
        Column(title="B is"),
    ]
    return (
        f"<p>A is <b>{html(a)}</b>, B is <b>{html(b)}</b>. {found.questions:,} questions are compared one by one"
        f"{_left_out(found)}.</p>"
        + table("B against A", columns, [_row(one) for one in found.metrics])
        + '<p class="note">p: a permutation test of the paired differences. p, Holm: adjusted for all scores of '
        "this table; below 0.05, B is called better or worse. Shows from: the smallest true difference that so many "
        "questions show four times out of five; a smaller one may be there unseen.</p>"
        + _undefined(found)
        + _changes(data, found)
    )


def _left_out(found: Comparison) -> str:
    if not found.left_out:
        return ""
    why = ", ".join(
        f"{count:,} {html(words)}" for words, count in sorted(Counter(found.left_out.values()).items())
    )
    return f"; left out: {why}"


def _undefined(found: Comparison) -> str:
    if not found.undefined:
        return ""
    return f'<p class="note">No question defines in both runs: {html(", ".join(found.undefined))}.</p>'


def _row(one: MetricComparison) -> tuple[str, ...]:
    lower = "" if one.higher_is_better else ' <span class="sub">lower is better</span>'
    bounds = "–" if one.low is None or one.high is None else f"{signed(one.low)} to {signed(one.high)}"
    return (
        html(one.title) + lower,
        figure(one.a),
        figure(one.b),
        f"<b>{signed(one.difference)}</b>",
        bounds,
        f"{one.n:,}",
        _p(one.p),
        _p(one.p_holm),
        "–" if one.smallest_detectable is None else figure(one.smallest_detectable),
        _VERDICTS[one.verdict],
    )


def signed(value: float) -> str:
    """Return a difference with its sign, and with a true minus."""
    text = figure(abs(value))
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _changes(data: ReportData, found: Comparison) -> str:
    if found.leading is None:
        return ""
    title = data.metrics[found.leading].title
    asked = [_by_id(data, 0), _by_id(data, 1)]
    wins = sum(change.won for change in found.changes)
    parts = [
        f"<h3>Question by question: {html(title)}</h3>"
        f"<p>B wins {wins:,} and loses {len(found.changes) - wins:,}; the other questions are alike.</p>"
    ]
    shown = used = 0
    for won, heading in ((False, "Lost by B"), (True, "Won by B")):
        group = [change for change in found.changes if change.won is won]
        items = []
        for change in group:
            if shown >= MOST_CHANGES or used >= MOST_CHARACTERS:
                break
            items.append(_change(data, change, asked, f"c{shown}"))
            shown += 1
            used += len(items[-1])
        if group:
            count = (
                f"{len(group):,}"
                if len(items) == len(group)
                else f"the first {len(items):,} of {len(group):,}"
            )
            parts.append(f'<h4>{heading} <span class="count">{count}</span></h4>{"".join(items)}')
    if shown < len(found.changes):
        parts.append(
            f'<p class="note">{len(found.changes) - shown:,} more are not on this page; '
            "<code>verse eval compare --json</code> has all.</p>"
        )
    return f'<div class="wide">{"".join(parts)}</div>'


def _change(
    data: ReportData, change: Change, asked: list[Mapping[str, tuple[Question, Entry]]], anchor: str
) -> str:
    sides = []
    for number, letter in enumerate("AB"):
        question, entry = asked[number][change.question_id]
        side = change.b if number else change.a
        sure = "" if side.confidence is None else f", confidence {side.confidence:.2f}"
        said = record_html(data.runs[number], question, entry.record or {}, f"{anchor}{letter}")
        sides.append(
            f'<div class="{entry.outcome}"><p class="label"><b>{letter}</b> {html(entry.outcome)}, '
            f"{figure(side.value)}{sure}</p>{said}</div>"
        )
    question, _ = asked[1][change.question_id]
    summary = (
        f'<span class="asked" dir="auto">{clipped(change.text, 600, "questions.jsonl")}</span> '
        f'<span class="facts">{html(change.question_id)} · {html(change.kind)} · '
        f"{figure(change.a.value)} → {figure(change.b.value)}</span>"
    )
    gold = gold_html(data.runs[1], question, None)
    return (
        f'<div class="answer">{details(summary, f"<div class=pair>{sides[0]}{sides[1]}</div>{gold}")}</div>'
    )


def _by_id(data: ReportData, number: int) -> Mapping[str, tuple[Question, Entry]]:
    run = data.runs[number]
    return {
        question.question_id: (question, entry)
        for question, entry in zip(run.questions, run.entries, strict=True)
    }

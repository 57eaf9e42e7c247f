"""The tables of a report: what came of the questions, and the scores with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from eval.datatypes import Counts, Estimate
from eval.report.data import HEADLINES, ReportData, figure, interval, value
from eval.report.html import Column, details, html, table

_PARTS = ("answered", "partial", "abstained", "failed")
_BY_KIND = ("right_share", "gold_quote_hit_at_5", "ndcg_at_10")


def counts_html(data: ReportData) -> str:
    """Return what came of the questions, failures by kind."""
    columns = [
        Column(title="Run"),
        *(
            Column(title=title, numeric=True)
            for title in ("Questions", "Answerable", "Answered", "In part", "Abstained", "Failed")
        ),
        Column(title="Failures by kind"),
    ]
    rows = []
    bars = []
    for label, scores in zip(data.labels, data.scores, strict=True):
        counts = scores.counts
        kinds = ", ".join(f"{html(kind)} {count:,}" for kind, count in sorted(counts.failures.items()))
        answerable = f"{counts.answerable:,}"
        if counts.unlabelled:
            answerable += f'<span class="sub">{counts.unlabelled:,} not labelled</span>'
        rows.append(
            (
                html(label),
                f"{counts.questions:,}",
                answerable,
                *(f"{getattr(counts, part):,}" for part in _PARTS),
                kinds or "none",
            )
        )
        bars.append(_bar(counts))
    note = (
        '<p class="note">Failed questions got no answer because something broke. They are counted here and '
        "left out of every score.</p>"
    )
    legend = "".join(f'<span><i class="{part}"></i>{part}</span>' for part in _PARTS)
    return (
        f'<div class="bars" aria-hidden="true">{"".join(bars)}<p class="legend">{legend}</p></div>'
        f"{table('Outcomes, run by run', columns, rows)}{note}"
    )


def headlines_html(data: ReportData) -> str:
    """Return the few main scores, each with what it means."""
    known = [name for name in HEADLINES if name in data.metrics]
    names = [name for name in known if _is_defined(data, name)]
    absent = ", ".join(html(data.metrics[name].title) for name in known if name not in names)
    note = f'<p class="note">Nothing here defines: {absent}.</p>' if absent else ""
    return _scores_table(data, names, "Main scores") + note


def families_html(data: ReportData) -> str:
    """Return every score by family, each with what it means and where that comes from."""
    families: dict[str, list[str]] = {}
    for name in data.metrics:
        families.setdefault(data.metrics[name].family, []).append(name)
    parts = []
    for family, names in families.items():
        words = "".join(
            f"<div><dt>{html(data.metrics[name].title)} <code>{html(name)}</code></dt>"
            f"<dd>{html(data.metrics[name].definition)} <span class='note'>"
            f"{'Higher' if data.metrics[name].higher_is_better else 'Lower'} is better. "
            f"Source: {html(data.metrics[name].source)}</span></dd></div>"
            for name in names
        )
        defined = sum(_is_defined(data, name) for name in names)
        note = (
            f"{len(names)} scores"
            if defined == len(names)
            else f"{len(names)} scores, {defined} of them defined here"
        )
        parts.append(
            details(
                f'{html(family.capitalize())} <span class="facts">{note}</span>',
                _scores_table(data, names, f"Scores: {family}", hints=False)
                + f'<h4>What they mean</h4><dl class="words">{words}</dl>',
                name="opens",
            )
        )
    return "".join(parts)


def kinds_html(data: ReportData) -> str:
    """Return the main scores of each kind of question, a table a run."""
    parts = []
    for number, (label, scores) in enumerate(zip(data.labels, data.scores, strict=True)):
        names = [
            name
            for name in _BY_KIND
            if any(name in found and found[name].value is not None for found in scores.by_kind.values())
        ]
        columns = [
            Column(title="Kind"),
            *(
                Column(title=title, numeric=True)
                for title in ("Questions", "Answered", "Abstained", "Failed")
            ),
            *(Column(title=data.metrics[name].title, numeric=True) for name in names),
        ]
        rows = []
        for kind, counts in scores.counts_by_kind.items():
            found = scores.by_kind.get(kind, {})
            rows.append(
                (
                    html(kind),
                    f"{counts.questions:,}",
                    f"{counts.answered + counts.partial:,}",
                    f"{counts.abstained:,}",
                    f"{counts.failed:,}",
                    *(_cell(found.get(name)) for name in names),
                )
            )
        caption = "Scores by kind" if len(data.runs) == 1 else f"Scores by kind: {label}"
        made = table(caption, columns, rows)
        parts.append(made if len(data.runs) <= 2 or number == 0 else details(html(caption), made))
    return "".join(parts)


def _scores_table(data: ReportData, names: Sequence[str], caption: str, *, hints: bool = True) -> str:
    """One run: value, interval and count apart. Several: one column a run."""
    rows: list[tuple[str, ...]] = []
    if len(data.runs) == 1:
        columns = [
            Column(title="Score"),
            Column(title="Value", numeric=True),
            Column(title="95 % interval", numeric=True),
            Column(title="n", numeric=True),
        ]
        for name in names:
            estimate = _estimate(data, 0, name)
            rows.append(
                (
                    _title(data, name, hints),
                    f"<b>{value(estimate)}</b>" if estimate.value is not None else value(estimate),
                    interval(estimate) + _whisker(estimate),
                    f"{estimate.n:,}",
                )
            )
    else:
        columns = [Column(title="Score"), *(Column(title=label, numeric=True) for label in data.labels)]
        for name in names:
            rows.append(
                (
                    _title(data, name, hints),
                    *(_cell(_estimate(data, run, name)) for run in range(len(data.runs))),
                )
            )
    return table(caption, columns, rows, name="scores")


def _title(data: ReportData, name: str, hints: bool) -> str:
    metric = data.metrics[name]
    arrow = "" if metric.higher_is_better else ' <span class="sub">lower is better</span>'
    words, _, _ = metric.definition.partition(". ")
    hint = f'<span class="hint">{html(words.rstrip(".") + ".")}</span>' if hints else ""
    return f"{html(metric.title)}{arrow}{hint}"


def _is_defined(data: ReportData, name: str) -> bool:
    return any(_estimate(data, run, name).value is not None for run in range(len(data.runs)))


def _estimate(data: ReportData, run: int, name: str) -> Estimate:
    missing = Estimate(value=None, low=None, high=None, n=0, method="none")
    return data.scores[run].metrics.get(name, missing)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return '<span class="quiet">–</span>'
    sub = "" if estimate.low is None else f"{interval(estimate)}, "
    return f'<b>{figure(estimate.value)}</b><span class="sub">{sub}n&nbsp;=&nbsp;{estimate.n:,}</span>'


def _whisker(estimate: Estimate) -> str:
    """Return the interval as a small picture, for what lies between 0 and 1."""
    low, middle, high = estimate.low, estimate.value, estimate.high
    if low is None or middle is None or high is None or not 0 <= low <= middle <= high <= 1:
        return ""
    return (
        f'<span class="whisker" aria-hidden="true"><i style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<b style="left:{middle:.1%}"></b></span>'
    )


def _bar(counts: Counts) -> str:
    pieces = "".join(
        f'<i class="{part}" style="flex-grow:{getattr(counts, part)}"></i>'
        for part in _PARTS
        if getattr(counts, part)
    )
    return f'<div class="bar">{pieces}</div>'

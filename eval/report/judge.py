"""A model's judgement as a report shows it: apart from the scores, and beside how far it moves."""

from __future__ import annotations

from eval.datatypes import Estimate
from eval.report.data import ReportData, figure, interval
from eval.report.html import Column, html, table


def judgements_html(data: ReportData) -> str:
    """Return the judgements of the runs that have one; `""` where none has."""
    rows = []
    notes = []
    for label, judgement in zip(data.labels, data.judgements, strict=True):
        if judgement is None:
            continue
        rows.append(
            (
                html(label),
                _cell(judgement.good),
                _cell(judgement.supported),
                _cell(judgement.answers_question),
                f"{judgement.disagreed:,} of {judgement.judged:,}",
            )
        )
        failures = ", ".join(f"{kind} {count:,}" for kind, count in judgement.failures.items()) or "none"
        reported = ", ".join(judgement.models_reported) or "no name"
        notes.append(
            f'<p class="note">{html(label)}: judged by {html(judgement.model)} (the server says {html(reported)}) at '
            f"{html(judgement.host)}, {judgement.asked:,} of {judgement.answers:,} answers, {judgement.repeats} times "
            f"each, temperature {judgement.temperature:g}, seed {judgement.seed}; prompt "
            f"<code>{html(judgement.prompt_sha256[:16])}</code>. Replies without a verdict: {html(failures)}.</p>"
        )
    if not rows:
        return ""
    columns = [
        Column(title="Run"),
        Column(title="Good", numeric=True, hint="both of these"),
        Column(title="Supported by its quotes", numeric=True),
        Column(title="Answers the question", numeric=True),
        Column(title="Repeats disagree on", numeric=True),
    ]
    return (
        "<p><b>Not in the gate.</b> A model’s opinion moves from one asking to the next. An answer counts "
        "when every repeat says so.</p>"
        f"{table('What the judging model says', columns, rows)}{''.join(notes)}"
    )


def _cell(estimate: Estimate) -> str:
    assert estimate.value is not None  # a judgement of nothing is refused
    return f'<b>{figure(estimate.value)}</b><span class="sub">{interval(estimate)}, n&nbsp;=&nbsp;{estimate.n:,}</span>'

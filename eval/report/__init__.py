"""The report of one run or several: a page for people, Markdown for a pull request, JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.datatypes import Estimate
from eval.errors import EvaluationError
from eval.report.data import HEADLINES, ReportData, figure, gather, interval
from eval.report.html import visible

__all__ = ["gather", "report_json", "report_markdown", "write_report"]

JSON_FORMAT = 1


def write_report(data: ReportData, out: Path) -> Path:
    """Write one self-contained HTML page and return its path.

    Raises:
        EvaluationError: the page cannot be written.
    """
    from eval.report.page import report_page

    page = report_page(data)
    aside = out.with_name(out.name + ".new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate that slipped through must not leave half a page behind.
        aside.write_bytes(page.encode("utf-8"))
        aside.replace(out)
    except OSError as error:
        raise EvaluationError(f"{out} cannot be written: {error.strerror}") from error
    return out


def report_markdown(data: ReportData) -> str:
    """Return counts, main scores and the comparison as Markdown tables."""
    names = [
        name
        for name in data.metrics
        if any(found.metrics[name].value is not None for found in _with(data, name))
    ]
    main = [name for name in HEADLINES if name in names]
    rest = [name for name in names if name not in main]
    parts = [_counts(data), _scores(data, "Main scores", main)]
    parts += [_comparison(data), _judgements(data), _scores(data, "All other scores", rest)]
    return "\n\n".join(part for part in parts if part) + "\n"


def report_json(data: ReportData) -> dict[str, Any]:
    """Return scores, judgements and the comparison as JSON."""
    from eval.compare import comparison_json
    from eval.judgement import judgement_json
    from eval.score import scores_json

    return {
        "format": JSON_FORMAT,
        "runs": [
            {
                "label": label,
                "manifest": dict(run.manifest),
                "scores": scores_json(scores),
                "judgement": None if judgement is None else judgement_json(judgement),
            }
            for label, run, scores, judgement in zip(
                data.labels, data.runs, data.scores, data.judgements, strict=True
            )
        ],
        "comparison": None if data.comparison is None else comparison_json(data.comparison),
        "not_compared": data.not_compared,
    }


def _with(data: ReportData, name: str) -> list[Any]:
    return [scores for scores in data.scores if name in scores.metrics]


def _counts(data: ReportData) -> str:
    rows = []
    for label, scores in zip(data.labels, data.scores, strict=True):
        counts = scores.counts
        kinds = ", ".join(f"{kind} {count}" for kind, count in counts.failures.items()) or "none"
        rows.append(
            (
                label,
                *(
                    str(n)
                    for n in (
                        counts.questions,
                        counts.answered,
                        counts.partial,
                        counts.abstained,
                        counts.failed,
                    )
                ),
                kinds,
            )
        )
    heads = ("run", "questions", "answered", "in part", "abstained", "failed", "failures by kind")
    return "## What came of the questions\n\n" + _table(heads, rows)


def _scores(data: ReportData, title: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    missing = Estimate(value=None, low=None, high=None, n=0, method="none")
    rows = [
        (data.metrics[name].title, *(_cell(scores.metrics.get(name, missing)) for scores in data.scores))
        for name in names
    ]
    return f"## {title}\n\n" + _table(("score", *data.labels), rows)


def _comparison(data: ReportData) -> str:
    if data.not_compared is not None:
        return f"## Comparison\n\nNot compared: {_cleaned(data.not_compared)}"
    if data.comparison is None:
        return ""
    from eval.comparison import comparison_text

    # As in the terminal, whose columns a code block keeps; a fence in a question must not end it.
    text = visible(comparison_text(data.comparison)).replace("```", "ˋˋˋ")
    return f"## Comparison\n\n```text\n{text}\n```"


def _judgements(data: ReportData) -> str:
    from eval.judgement import judgement_text

    parts = [
        f"{_cleaned(label)}:\n\n```text\n{judgement_text(judgement)}\n```"
        for label, judgement in zip(data.labels, data.judgements, strict=True)
        if judgement is not None
    ]
    return "## A model's judgement (not in the gate)\n\n" + "\n\n".join(parts) if parts else ""


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "not defined"
    bounds = "" if estimate.low is None else f" ({interval(estimate)})"
    return f"{figure(estimate.value)}{bounds}, n = {estimate.n}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(_cleaned(head) for head in heads) + " |"]
    lines.append("| --- |" + " ---: |" * (len(heads) - 1))
    lines += ["| " + " | ".join(_cleaned(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cleaned(text: str) -> str:
    """Return text that stays one cell, and text: no Markdown and no HTML of its own."""
    shown = " ".join(visible(text).split())
    return "".join(f"\\{char}" if char in "\\|`*_<>[]" else char for char in shown)

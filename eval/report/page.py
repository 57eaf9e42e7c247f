"""The whole page of a report: one HTML file that needs nothing else, no script and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from eval.report.answers import MOST_ANSWERS, MOST_CHARACTERS, answers_html
from eval.report.compare import comparison_html
from eval.report.data import ReportData
from eval.report.figures import figures_html
from eval.report.html import bidi, details, html, plain
from eval.report.judge import judgements_html
from eval.report.scores import counts_html, families_html, headlines_html, kinds_html

# Even if a text got past the escaping, a browser would run and fetch nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_page(data: ReportData) -> str:
    """Return the page."""
    title = _title(data)
    sections = [
        ("run", "What was run", _runs_html(data)),
        ("counts", "What came of the questions", counts_html(data)),
        ("scores", "Scores", headlines_html(data) + "<h3>All scores, by family</h3>" + families_html(data)),
        ("comparison", "Comparison", comparison_html(data)),
        ("judge", "A model’s judgement", judgements_html(data)),
        ("kinds", "Scores by kind of question", kinds_html(data)),
        ("pictures", "Pictures", figures_html(data)),
        ("answers", "Answers", _answers_html(data)),
    ]
    shown = [(name, heading, content) for name, heading, content in sections if content]
    links = "".join(f'<li><a href="#{name}">{heading}</a></li>' for name, heading, _ in shown)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-heading"><h2 id="{name}-heading">{heading}</h2>'
        f"{content}</section>\n"
        for name, heading, content in shown
    )
    style = files("eval.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{plain(title)} – evaluation report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        '<a class="skip-link" href="#main">Skip to the report</a>\n'
        f'<header class="page"><p class="kicker">Evaluation report</p><h1>{html(title)}</h1>'
        f'{_subtitle(data)}<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav></header>\n'
        f'<main id="main" class="page">\n{body}</main>\n'
        '<footer class="page"><p>Made by <code>verse eval report</code> from the run folder alone. Offsets count '
        "Unicode code points from 0, the end exclusive.</p></footer>\n</body>\n</html>\n"
    )


def _title(data: ReportData) -> str:
    sets = list(dict.fromkeys(data_set_name(run.manifest) for run in data.runs))
    return f"{', '.join(sets)}: {' against '.join(data.labels)}"


def data_set_name(manifest: Mapping[str, Any]) -> str:
    """Return the name of the data set that was asked."""
    return _said(manifest, "data", "name") or "questions"


def facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what was run, in the words of a heading; what a manifest does not say is left out."""
    commit = _said(manifest, "commit")
    if commit and manifest.get("dirty"):
        commit += ", with changes that are not committed"
    found = {
        "Data set": _said(manifest, "data", "name"),
        "Questions": _said(manifest, "data", "questions"),
        "Licence of the data": _said(manifest, "data", "licence"),
        "Notes on the data": "; ".join(manifest.get("data", {}).get("notes", [])) or None,
        "Target": _said(manifest, "target", "name"),
        "Date": _date(_said(manifest, "created")),
        "Commit": commit,
    }
    return {name: said for name, said in found.items() if said is not None}


def _said(manifest: Mapping[str, Any], *path: str) -> str | None:
    found: Any = manifest
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if found is None or isinstance(found, Mapping | list) else str(found)


def _date(created: str | None) -> str | None:
    """Return a moment as a person writes it; what is no ISO date stays as it is."""
    if created is None:
        return None
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    if moment.tzinfo is None:
        return created
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _subtitle(data: ReportData) -> str:
    if len(data.runs) > 1:
        return f'<p class="what">{len(data.runs)} runs side by side</p>'
    found = facts(data.runs[0].manifest)
    words = [found[name] for name in ("Target", "Date") if name in found]
    count = f"{len(data.runs[0].questions):,} questions"
    return f'<p class="what">{" · ".join(bidi(word) for word in (count, *words))}</p>'


def _runs_html(data: ReportData) -> str:
    parts = []
    for label, run in zip(data.labels, data.runs, strict=True):
        known = facts(run.manifest)
        known["Questions"] = f"{len(run.questions):,}"
        rows = "".join(
            f"<div><dt>{html(name)}</dt><dd>{html(said)}</dd></div>" for name, said in known.items()
        )
        every = "".join(
            f"<div><dt>{html(name)}</dt><dd>{html(said)}</dd></div>" for name, said in _flat(run.manifest)
        )
        heading = f"<h3>{html(label)}</h3>" if len(data.runs) > 1 else ""
        parts.append(
            f'{heading}<dl class="settings known">{rows}</dl>'
            + details("Models, settings, hashes, machine", f'<dl class="settings">{every}</dl>', name="opens")
        )
    return "".join(parts)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value of a manifest with the path that leads to it."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name} › {key}" if name else str(key))
    elif isinstance(value, list) and value and all(not isinstance(item, Mapping | list) for item in value):
        yield name, ", ".join(str(item) for item in value)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{name} › {place}")
    else:
        words = {None: "none", True: "yes", False: "no"}
        empty = isinstance(value, Mapping | list)
        yield (
            name,
            "none"
            if empty
            else words[value]
            if value is None or value is True or value is False
            else str(value),
        )


def _answers_html(data: ReportData) -> str:
    note = (
        '<p class="note"><mark>Marked</mark>: what was quoted. <span class="gold">Underlined</span>: what answers '
        "the question, by the data set. On paper, only the answers that you opened are printed in full.</p>"
    )
    share = len(data.runs)
    parts = []
    for number, (label, run, cases) in enumerate(zip(data.labels, data.runs, data.cases, strict=True)):
        made = answers_html(
            run,
            cases,
            f"a{number}",
            most=max(1, MOST_ANSWERS // share),
            characters=MOST_CHARACTERS // share,
        )
        heading = f"<h3>{html(label)}</h3>" if share > 1 else ""
        parts.append(heading + made)
    return note + "".join(parts)

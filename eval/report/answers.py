"""The browser of single answers: failures first, then what is wrong, then what is right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval.datatypes import Entry, Gold, Question, Run
from eval.report.data import VERDICTS, Verdict, verdict_of
from eval.report.html import bidi, clipped, details, html
from eval.report.quotes import LONGEST, citation_html

if TYPE_CHECKING:
    from eval.metrics.case import Case

MOST_ANSWERS = 400
MOST_CHARACTERS = 8_000_000
"""Together they keep a page below some 10 MB; what is left out is said on the page."""

_MARKER = re.compile(r"\[(\d{1,4})\]")
_OUTCOMES = {
    "answered": "answered",
    "partial": "answered in part",
    "abstained": "abstained",
    "failed": "failed",
}
_MOST_CITATIONS = 20


def answers_html(
    run: Run,
    cases: Mapping[str, Case],
    prefix: str,
    *,
    most: int = MOST_ANSWERS,
    characters: int = MOST_CHARACTERS,
) -> str:
    """Return the answers of a run, the worst first, at most `most` of them and so many characters."""
    judged = [
        (verdict_of(question, cases.get(question.question_id)), question, entry)
        for question, entry in zip(run.questions, run.entries, strict=True)
    ]
    order = list(VERDICTS)
    judged.sort(key=lambda item: order.index(item[0]))  # stable: within one verdict as in the data set
    kinds = sorted({question.kind for question in run.questions})
    groups: dict[Verdict, list[str]] = {}
    shown = used = 0
    for verdict, question, entry in judged[:most]:
        item = answer_html(
            run,
            question,
            entry,
            cases.get(question.question_id),
            f"{prefix}-{shown}",
            kinds.index(question.kind),
        )
        if used + len(item) > characters:
            break
        groups.setdefault(verdict, []).append(item)
        shown += 1
        used += len(item)
    totals = Counter(verdict for verdict, _, _ in judged)
    parts = [_extent(shown, len(judged)), _filter(kinds, prefix)]
    for verdict, (title, meaning) in VERDICTS.items():
        if not totals[verdict]:
            continue
        items = groups.get(verdict, [])
        count = (
            f"{totals[verdict]:,}"
            if len(items) == totals[verdict]
            else f"{len(items):,} of {totals[verdict]:,}"
        )
        parts.append(
            f'<section aria-labelledby="{prefix}-{verdict}"><h4 id="{prefix}-{verdict}">{title} '
            f'<span class="count">{count}</span></h4><p class="note">{meaning}</p>{"".join(items)}</section>'
        )
    return f'<div class="answers" id="{prefix}">{"".join(parts)}</div>'


def answer_html(
    run: Run, question: Question, entry: Entry, case: Case | None, anchor: str, kind_number: int
) -> str:
    """Return one question with what came of it, closed until somebody opens it."""
    summary = (
        f'<span class="asked" dir="auto">{clipped(question.text, 600, "questions.jsonl")}</span> '
        f'<span class="facts">{html(question.question_id)} · {html(question.kind)} · {_OUTCOMES[entry.outcome]}'
        f"{_confidence(entry)}</span>"
    )
    parts = [_history(question)]
    if entry.failure is not None:
        parts.append(_failure(entry))
    if entry.record is not None:
        parts.append(record_html(run, question, entry.record, anchor))
    parts.append(gold_html(run, question, case))
    return (
        f'<div class="answer" data-kind="{kind_number}">'
        f"{details(summary, ''.join(parts), name=f'one {entry.outcome}')}</div>"
    )


def record_html(run: Run, question: Question, record: Mapping[str, Any], anchor: str) -> str:
    """Return an answer record: its text with markers that lead to the quotes, and the quotes."""
    citations = [item for item in record.get("citations") or () if isinstance(item, Mapping)]
    shown = citations[:_MOST_CITATIONS]
    places: dict[str, int] = {}
    for place, item in enumerate(shown):
        places.setdefault(str(item.get("number")), place)
    answer = str(record.get("answer") or "")
    parts = [f'<div class="said" dir="auto">{_with_markers(answer, places, anchor)}</div>']
    if record.get("short_answer"):
        parts.append(f'<p class="short">In short: {bidi(str(record["short_answer"]))}</p>')
    abstention = record.get("abstention")
    if isinstance(abstention, Mapping):
        parts.append(_abstention(run, question, abstention, anchor))
    for part in record.get("missing") or ():
        parts.append(f'<p class="note">No quote answers: {bidi(str(part))}</p>')
    parts.extend(
        citation_html(run, item, question.gold, f"{anchor}-q{place}") for place, item in enumerate(shown)
    )
    if len(citations) > len(shown):
        parts.append(f'<p class="note">{len(citations) - len(shown)} more citations in answers.jsonl</p>')
    return "".join(parts)


def gold_html(run: Run, question: Question, case: Case | None) -> str:
    """Return the sentences that answer the question, and which of them the quotes hit."""
    parts = []
    if question.answers:
        said = ", ".join(bidi(answer) for answer in question.answers)
        parts.append(f'<p class="short">Right answers: {said}</p>')
    rows = []
    for number, gold in enumerate(question.gold):
        state = ""
        if case is not None and not case.abstained:
            hit = any(matches[number] for matches in case.matches)
            state = (
                f'<span class="tag {"good" if hit else "bad"}">{"quoted" if hit else "not quoted"}</span> '
            )
        rows.append(
            f'<li>{state}<q dir="auto">{clipped(gold.text, LONGEST, "questions.jsonl")}</q>'
            f'<span class="note"> {_gold_place(run, gold)}</span></li>'
        )
    if rows:
        parts.append(f'<p class="label">Gold sentences</p><ul class="golds">{"".join(rows)}</ul>')
    elif question.answerable is False:
        parts.append('<p class="note">The sources do not answer this question.</p>')
    return "".join(parts)


def _extent(shown: int, total: int) -> str:
    if shown == total:
        return f'<p class="extent">All {total:,} answers, failures first.</p>'
    return (
        f'<p class="extent">The first {shown:,} of {total:,} answers, failures first; '
        "the rest is in <code>answers.jsonl</code> of the run folder.</p>"
    )


def _filter(kinds: Sequence[str], prefix: str) -> str:
    """Return buttons that show one kind only. Style sheets do it: the page has no script."""
    if not 1 < len(kinds) <= 40:
        return ""
    choices = [
        f'<label><input type="radio" name="{prefix}-kind" value="all" checked> every kind</label>',
        *(
            f'<label><input type="radio" name="{prefix}-kind" value="{number}"> {html(kind)}</label>'
            for number, kind in enumerate(kinds)
        ),
    ]
    rules = "".join(
        f'#{prefix}:has(input[value="{number}"]:checked) .answer:not([data-kind="{number}"]){{display:none}}'
        for number in range(len(kinds))
    )
    return (
        f"<style>@media screen{{{rules}}}</style>"
        f'<fieldset class="kinds"><legend>Show</legend>{"".join(choices)}</fieldset>'
    )


def _confidence(entry: Entry) -> str:
    record = entry.record or {}
    confidence = record.get("confidence")
    if isinstance(confidence, int | float) and not isinstance(confidence, bool):
        return f" · confidence {confidence:.2f}"
    return ""


def _history(question: Question) -> str:
    if not question.history:
        return ""
    turns = "".join(
        f"<li><b>{html(turn.role)}</b> {clipped(turn.content, LONGEST, 'questions.jsonl')}</li>"
        for turn in question.history
    )
    return f'<p class="label">Earlier turns</p><ol class="turns" dir="auto">{turns}</ol>'


def _failure(entry: Entry) -> str:
    failure = entry.failure
    assert failure is not None
    status = "" if failure.status is None else f", status {failure.status}"
    return (
        f'<p class="failure"><b>{html(failure.kind)}</b>{status}: '
        f"{clipped(failure.detail, LONGEST, 'answers.jsonl')}</p>"
    )


def _abstention(run: Run, question: Question, abstention: Mapping[str, Any], anchor: str) -> str:
    words = f"Reason: {html(str(abstention.get('reason') or 'not given'))}"
    probability = abstention.get("probability")
    if isinstance(probability, int | float) and not isinstance(probability, bool):
        words += f"; probability that the sources do not answer {probability:.2f}"
    closest = [item for item in abstention.get("closest") or () if isinstance(item, Mapping)][:3]
    shown = "".join(
        citation_html(run, item, question.gold, f"{anchor}-c{number}") for number, item in enumerate(closest)
    )
    label = '<p class="label">What came closest</p>' if shown else ""
    return f'<p class="note">{words}</p>{label}{shown}'


def _with_markers(answer: str, places: Mapping[str, int], anchor: str) -> str:
    """Return the answer with each `[n]` of a shown citation as a link to it."""
    if len(answer) > LONGEST:
        return clipped(answer, LONGEST, "answers.jsonl")
    parts, at = [], 0
    for found in _MARKER.finditer(answer):
        parts.append(html(answer[at : found.start()]))
        number = found.group(1)
        if number in places:
            parts.append(f'<a class="marker" href="#{anchor}-q{places[number]}">[{number}]</a>')
        else:
            parts.append(html(found.group()))
        at = found.end()
    parts.append(html(answer[at:]))
    return "".join(parts)


def _gold_place(run: Run, gold: Gold) -> str:
    if gold.document_id is None:
        return "anywhere"
    document = run.documents.get(gold.document_id)
    name = bidi(document.title if document is not None and document.title else gold.document_id)
    if gold.start is None or gold.end is None:
        return name
    return f'{name} · <span class="offsets">characters {gold.start:,}–{gold.end:,}</span>'

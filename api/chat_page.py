"""The page to chat on, and the same question and answer as plain pages for browsers without scripts.

The page is a shell: a form that works by itself, replaced by `<chapter-verse>` once its script runs.
Like the document pages it is escaped text with no inline style or script.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.access.principal import Scope, ThePrincipal
from api.answering import note_answer
from api.ask import TheEngine, TheWorkers
from api.assets import asset_address
from api.errors import row_of
from api.schemas import AnswerOut, CitationOut, answer_out
from api.viewer_page import date_words, escaped
from index.errors import QAError
from rag.answer import Ask, answer_question
from rag.question import MAX_CHARACTERS, checked_question

router = APIRouter()

_MARKER = re.compile(r"\[(\d+)\]")
_REASONS = {
    "no_passages": "No passage of the documents fits this question.",
    "not_supported": "Passages on the subject were found, but none of them says what was asked.",
    "below_threshold": "Something came close, but not surely enough to be shown as an answer.",
}


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def chat(principal: ThePrincipal) -> HTMLResponse:
    """Show the page to chat on."""
    return HTMLResponse(render_chat_page(may_add=Scope.INGEST in principal.scopes))


@router.get("/answer", response_class=HTMLResponse, include_in_schema=False)
async def answer(
    request: Request,
    engine: TheEngine,
    workers: TheWorkers,
    principal: ThePrincipal,
    question: Annotated[str, Query(max_length=4 * MAX_CHARACTERS)] = "",
) -> HTMLResponse:
    """Answer one question on a page without scripts; a form can only be sent here with GET."""
    if not question.strip():
        return HTMLResponse(render_answer_page("", None))
    try:
        asked = Ask(question=checked_question(question), viewer=principal.viewer)
        stages = engine.stages()
        found = await workers.run(lambda: answer_question(asked, stages))
    except QAError as error:
        row = row_of(error)
        page = render_answer_page(question, None, problem=row.detail or str(error))
        headers = {"Retry-After": "2"} if row.status == 503 else None
        return HTMLResponse(page, status_code=row.status, headers=headers)
    note_answer(request, found)
    return HTMLResponse(render_answer_page(question, answer_out(found, asked)))


def render_chat_page(*, may_add: bool = False) -> str:
    """Return the shell of the page to chat on, with a way to add documents for those who may."""
    add = '<a href="/documents">Add documents</a> · ' if may_add else ""
    return _page(
        "Chapter &amp; Verse",
        "<chapter-verse keep-in-address autofocus>"
        f"<main><h1>Ask the documents</h1>{_form('')}"
        '</main><footer slot="links" class="document-footer">'
        f'{add}<a href="/docs">For programs: the API</a></footer>'
        "</chapter-verse>",
        script=True,
    )


def render_answer_page(question: str, found: AnswerOut | None, *, problem: str = "") -> str:
    """Return the page of one answer, or of the `problem` that came instead."""
    body = f"<main>{_form(question)}"
    if problem:
        body += f'<h1 dir="auto">{escaped(question)}</h1><p class="problem">{escaped(problem)}</p>'
    if found is not None:
        body += f'<h1 dir="auto">{escaped(question)}</h1>{_answer(found)}'
    body += '<p class="meta"><a href="/">Back to the conversation page</a></p></main>'
    return _page(f"{escaped(question) or 'Ask'} – Chapter &amp; Verse", body, script=False)


def _page(title: str, body: str, *, script: bool) -> str:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        f'<link rel="stylesheet" href="{asset_address("viewer.css")}">',
        f'<link rel="stylesheet" href="{asset_address("chat.css")}">',
        *([f'<script type="module" src="{asset_address("chapter-verse.js")}"></script>'] if script else []),
        "</head>",
        '<body class="chat">' if script else '<body class="chat plain">',
        body,
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _form(question: str) -> str:
    return (
        '<form class="plain-ask" action="/answer" method="get"><label for="plain-question">Question</label>'
        '<textarea id="plain-question" name="question" rows="2" required dir="auto">'
        # A parser drops the first newline after the tag.
        f'\n{escaped(question)}</textarea><button type="submit">Ask</button></form>'
    )


def _answer(found: AnswerOut) -> str:
    by_number = {str(citation.number): citation for citation in found.citations}

    def linked(match: re.Match[str]) -> str:
        citation = by_number.get(match.group(1))
        return (
            match.group()
            if citation is None
            else f'<a href="{escaped(citation.viewer_url)}">{match.group()}</a>'
        )

    # Escaping leaves brackets and digits alone, so markers are found in what is already safe.
    paragraphs = "".join(
        f'<p class="answer" dir="auto">{_MARKER.sub(linked, escaped(part))}</p>'
        for part in re.split(r"\n\s*\n", found.answer)
        if part.strip()
    )
    parts = [paragraphs]
    if found.missing:
        items = "".join(f'<li dir="auto">{escaped(part)}</li>' for part in found.missing)
        parts.append(f"<h2>Not answered by the sources</h2><ul>{items}</ul>")
    for item in found.disagreements:
        sides = "".join(
            f'<li dir="auto">{escaped(str(side["value"]))} '
            + _MARKER.sub(linked, " ".join(f"[{number}]" for number in side["citations"]))
            + "</li>"
            for side in item["sides"]
        )
        parts.append(
            f'<h2 dir="auto">The sources disagree: {escaped(str(item["about"]))}</h2><ul>{sides}</ul>'
        )
    if found.citations:
        items = "".join(_source(citation) for citation in found.citations)
        parts.append(f"<h2>Sources</h2><ol>{items}</ol>")
    if found.abstention is not None:
        words = " ".join(filter(None, (_REASONS[found.abstention.reason], found.abstention.explanation)))
        parts.append(f'<h2>Why was nothing found?</h2><p dir="auto">{escaped(words)}</p>')
        if found.abstention.closest:
            items = "".join(_source(citation) for citation in found.abstention.closest)
            parts.append(f"<h2>What came closest, though it does not answer</h2><ul>{items}</ul>")
    return "".join(parts)


def _source(citation: CitationOut) -> str:
    title = citation.document_title.strip() or citation.document_id
    rest = [
        f'<span dir="auto">{escaped(citation.publisher)}</span>' if citation.publisher else "",
        date_words(citation.published_at) if citation.published_at else "",
    ]
    copies = [copy.publisher or copy.document_title for copy in citation.also_published_by]
    rest += [f'<span dir="auto">also in {escaped(", ".join(copies))}</span>'] if copies else []
    words = " · ".join(["", *filter(None, rest)])
    return (
        f'<li><a href="{escaped(citation.viewer_url)}" dir="auto">{escaped(title)}</a>{words}'
        f'<blockquote dir="auto">{escaped(citation.cited_text)}</blockquote></li>'
    )

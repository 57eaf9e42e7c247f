"""`/documents`: the page to add documents on, and what became of them; it works without scripts too."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access.principal import ThePrincipal
from api.assets import asset_address
from api.audit import note_documents
from api.documents import documents as list_documents
from api.errors import told
from api.schemas import DocumentHead, viewer_url
from api.uploads.routes import TheIntake, TheSender, may_add, own_job
from api.uploads.schemas import JobDocumentOut, JobOut
from api.viewer_page import date_words, escaped
from index.errors import IndexMissingError, QAError
from index.formats.kinds import supported_endings

router = APIRouter(include_in_schema=False)

_PAGE = 100
_STATES = {
    "received": "received",
    "reading": "being read",
    "stored": "stored, soon to be found",
    "searchable": "can be found",
    "failed": "failed",
}
_CHANGES = {
    "added": "added",
    "replaced": "replaces the one before",
    "access": "has another access rule",
    "unchanged": "was there already",
    "removed": "deleted",
}


@router.get("/documents", response_class=HTMLResponse, dependencies=[Depends(may_add)])
def documents_page(
    request: Request,
    principal: ThePrincipal,
    cursor: Annotated[str | None, Query(max_length=2800)] = None,
) -> HTMLResponse:
    """Show the form and the documents that are there."""
    try:
        found = list_documents(request, principal, limit=_PAGE, cursor=cursor)
        heads, following = found.documents, found.next_cursor
    except IndexMissingError:
        heads, following = [], None
    return HTMLResponse(render_page(heads, following, settings_max_mib(request)))


@router.post("/documents", response_class=HTMLResponse)
async def add_by_form(request: Request, sender: TheSender, intake: TheIntake) -> Response:
    """Take the files of the form of a browser without scripts, and lead to their job."""
    try:
        job = await intake.add(request, sender)
    except (QAError, RequestValidationError) as error:
        if isinstance(error, QAError):
            row = told(error, request.scope)
            status, words = row.status, row.detail or str(error)
        else:
            status, words = 422, str(error.errors()[0]["msg"])
        return HTMLResponse(
            render_page([], None, settings_max_mib(request), problem=words), status_code=status
        )
    return RedirectResponse(f"/documents/jobs/{job.job_id}", status_code=303)


@router.get("/documents/jobs/{job_id}", response_class=HTMLResponse)
async def job_page(
    request: Request, principal: ThePrincipal, sender: TheSender, intake: TheIntake, job_id: str
) -> HTMLResponse:
    """Show what became of a job."""
    found = await asyncio.to_thread(own_job, intake, principal, job_id)
    shown = await asyncio.to_thread(intake.shown, found, sender)
    note_documents(request.scope, [one.document_id for one in shown.documents])
    headers = {} if found.ended else {"Refresh": "2"}
    return HTMLResponse(render_job(shown), headers=headers)


def settings_max_mib(request: Request) -> int:
    """Return the longest body with files, in MiB."""
    return int(request.app.state.settings.upload_max_mib)


def render_page(heads: list[DocumentHead], following: str | None, max_mib: int, *, problem: str = "") -> str:
    """Return the page to add documents on."""
    rows = "".join(_row(head) for head in heads)
    more = f'<p><a href="/documents?cursor={escaped(following)}">More documents</a></p>' if following else ""
    kinds = supported_endings()
    said = f'<p class="problem" role="alert">{escaped(problem)}</p>' if problem else ""
    listed = (
        f'<ul id="documents" class="rows">{rows}</ul>{more}'
        if rows
        else ('<p id="no-documents" class="meta">None yet.</p><ul id="documents" class="rows"></ul>')
    )
    return _page(
        "Add documents",
        f"""<main id="main">
<h1>Add documents</h1>
{said}<form id="add" class="drop" action="/documents" method="post" enctype="multipart/form-data" data-max-mib="{max_mib}">
<p id="drop-words"><label for="files">Choose files</label><span class="with-script" hidden>, or drop them here</span></p>
<input id="files" name="files" type="file" multiple required accept="{escaped(kinds.replace(" ", ""))}" aria-describedby="kinds">
<button type="submit" id="send">Add</button>
<p id="kinds" class="meta">{escaped(kinds)}; up to {max_mib} MiB at once.</p>
</form>
<section id="sent-section" aria-labelledby="sent-title" hidden>
<h2 id="sent-title">Sent now</h2>
<ul id="sent" class="rows"></ul>
</section>
<p id="status" class="visually-hidden" role="status" aria-live="polite"></p>
<section aria-labelledby="there-title">
<h2 id="there-title">Documents that are there</h2>
{listed}
</section>
<p class="meta"><a href="/">Back to the conversation page</a></p>
</main>""",
        script=True,
    )


def render_job(job: JobOut) -> str:
    """Return the page of one job."""
    rows = []
    for one in job.documents:
        facts = [_CHANGES[one.change], *(() if one.title is None else _understood(one))]
        name = escaped(one.title or one.document_id)
        link = (
            f'<a href="{escaped(one.viewer_url)}">{name}</a>'
            if one.viewer_url and job.state == "searchable"
            else name
        )
        rows.append(
            f'<li><span class="name" dir="auto">{link}</span><span class="facts">{" · ".join(facts)}</span></li>'
        )
    rows += [
        f'<li class="failed"><span class="name" dir="auto">{escaped(one.name)}</span>'
        f'<span class="facts" dir="auto">{escaped(one.detail)}</span></li>'
        for one in job.errors
    ]
    waiting = f'<p class="meta">{escaped(job.waiting)}</p>' if job.waiting else ""
    return _page(
        "What became of it",
        f'<main id="main"><h1>Documents: {_STATES[job.state]}</h1>{waiting}<ul class="rows">{"".join(rows)}</ul>'
        '<p class="meta"><a href="/documents">Add more, and see what is there</a></p></main>',
        script=False,
    )


def _understood(one: JobDocumentOut) -> list[str]:
    facts = []
    if one.published_at:
        facts.append(date_words(one.published_at))
    if one.language:
        facts.append(escaped(one.language))
    if one.pages:
        facts.append(f"{one.pages} pages")
    if one.characters:
        share = round(100 * (one.excluded_characters or 0) / one.characters)
        facts.append(f"{one.characters:,} characters" + (f", {share} % left out" if share else ""))
    return facts


def _row(head: DocumentHead) -> str:
    title = escaped(head.title.strip() or head.document_id)
    facts = [escaped(head.publisher)] if head.publisher else []
    if head.published_at:
        facts.append(date_words(head.published_at))
    return (
        f'<li data-id="{escaped(head.document_id)}"><span class="name" dir="auto">'
        f'<a href="{escaped(viewer_url(head.document_id))}">{title}</a></span>'
        f'<span class="facts" dir="auto">{" · ".join(facts)}</span>'
        f'<button type="button" class="delete with-script" hidden aria-label="Delete {title}">Delete</button></li>'
    )


def _page(title: str, body: str, *, script: bool) -> str:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        # A form that a browser sends without a referrer names no origin either, and would be refused.
        '<meta name="referrer" content="same-origin">',
        f"<title>{title} – Chapter &amp; Verse</title>",
        f'<link rel="stylesheet" href="{asset_address("viewer.css")}">',
        f'<link rel="stylesheet" href="{asset_address("documents.css")}">',
        *([f'<script defer src="{asset_address("documents.js")}"></script>'] if script else []),
        "</head>",
        '<body class="adding">',
        body,
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"

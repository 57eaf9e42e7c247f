"""Pages for people: the viewer, the API's own description; and the health routes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.access.principal import Scope, ThePrincipal
from api.audit import note_documents
from api.docs_page import render_docs_page
from api.documents import find_document, same_story_out
from api.engine import Engine
from api.errors import row_of
from api.store.ids import shown_time
from api.viewer_page import CopyLink, DocumentPage, ExcludedPart, render_document_page
from index.errors import SpanError
from rag.cite import web_address
from rag.quote import copy_quote

router = APIRouter()

_RANGE = re.compile(r"([0-9]{1,12})-([0-9]{1,12})")


@router.get("/d/{document_id:path}", response_class=HTMLResponse, tags=["documents"])
def viewer(
    request: Request,
    principal: ThePrincipal,
    document_id: str,
    quote: Annotated[str | None, Query(max_length=64)] = None,
    version: Annotated[int | None, Query(ge=1, le=10**9)] = None,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-f]{8,64}$")] = None,
) -> HTMLResponse:
    """Show a document, with the quote `start-end` highlighted and scrolled to.

    `version`, or `sha256` by its first 8 digits or more, says which text was quoted: where the document is
    another by now, the page says that the source has changed and marks nothing.
    """
    engine: Engine = request.app.state.engine
    sight = engine.stages().generation.sight(principal.viewer)
    ordinal, document = find_document(sight, document_id)
    if sha256 is not None:
        changed = not document.sha256.startswith(sha256)
    else:
        changed = version is not None and version != document.version
    span = None
    if quote is not None:
        match = _RANGE.fullmatch(quote)
        if match is None:
            raise SpanError(f"quote {quote!r} is no range; write it as start-end, such as 1204-1391")
        if not changed:
            found = copy_quote(document, int(match.group(1)), int(match.group(2)))
            span = (found.start, found.end)
    same = same_story_out(sight, ordinal)
    note_documents(request.scope, [document.document_id, *(other.document_id for other in same)])
    page = DocumentPage(
        document_id=document.document_id,
        title=document.title,
        text=document.text,
        publisher=document.publisher,
        published_at=document.published_at,
        language=document.language,
        url=web_address(document.url),
        document_sha256=document.sha256,
        excluded=tuple(
            ExcludedPart(start=s.start, end=s.end, reason=s.reason) for s in sight.excluded_of(ordinal)
        ),
        version=document.version,
        stored_at=None if document.stored_at is None else shown_time(document.stored_at),
        copies=tuple(CopyLink(name=o.publisher or o.document_title, path=o.viewer_url) for o in same),
        pages=tuple((page.number, page.start) for page in document.pages),
        sections=tuple((section.level, section.title, section.start) for section in document.sections),
    )
    return HTMLResponse(render_document_page(page, quote=span, changed=changed))


@router.get("/healthz", tags=["health"])
async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    responses={503: {"description": "Not ready; `missing` says why.", "content": {"application/json": {}}}},
    tags=["health"],
)
async def readyz(request: Request, principal: ThePrincipal) -> Response:
    """Say whether questions can be answered; with the scope admin also of what, and what is missing if not."""
    engine: Engine = request.app.state.engine
    health = engine.health()
    content: dict[str, Any] = {
        "status": "ready" if health.ready else "not_ready",
        "index_version": health.index_version,
        "documents": health.documents,
        "passages": health.passages,
        "models": {"embedder": health.embedder, "reader": health.reader, "generator": health.generator},
        "embedder_backend": health.embedder_backend,
        "degraded": health.embedder_backend != "openvino",
        "missing": [],
    }
    if Scope.ADMIN not in principal.scopes:
        # Counts and names of the index are not for whoever may not read all of it.
        content = {"status": content["status"]}
        return JSONResponse(content) if health.ready else _not_ready(content)
    if health.ready:
        return JSONResponse(content)
    row = row_of(health.problem) if health.problem else None
    content["missing"] = [] if row is None else [{"code": row.code, "detail": row.detail}]
    return _not_ready(content)


def _not_ready(content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, status_code=503, headers={"Retry-After": "2"})


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Describe the API on one page that needs nothing from elsewhere."""
    return HTMLResponse(render_docs_page(request.app.openapi()))


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    """Browsers ask for it by themselves; there is none."""
    return Response(status_code=204)
